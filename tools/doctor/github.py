"""The access to GitHub: the token and what GitHub says of it, or the connection."""

import json
import urllib.request
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError
from urllib.parse import quote

from botocore.exceptions import ClientError

from settings import DeliverySettings, Settings
from tools.doctor.aws import Aws, code_of, reply_or_none
from tools.doctor.check import Question, Result, not_checked, ok, problem

API_URL = "https://api.github.com"
NEEDED_SCOPES = frozenset({"repo", "admin:repo_hook"})
"""To read the repository, and to have GitHub start the pipeline."""

_TOKENS = "https://github.com/settings/tokens"
_MOST_BYTES = 1 << 20  # of a reply; those of GitHub have about ten thousand
_MOVED = range(300, 400)


class GitHubError(Exception):
    """There is no usable reply of GitHub; the message says why, without the token."""


@dataclass(frozen=True)
class Reply:
    """The status of a reply, and the scopes of the token (None: a fine-grained token has none)."""

    status: int
    scopes: frozenset[str] | None = None
    can_administer: bool = False


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Leaves a redirect as an error, because urllib would send the token to any other host."""

    def redirect_request(self, *_: object, **__: object) -> None:
        return None


@dataclass(frozen=True)
class GitHub:
    """GitHub's REST API at `api_url`. `get` raises `GitHubError` without a usable reply."""

    api_url: str = API_URL

    def get(self, path: str, token: str) -> Reply:
        """Ask about something with the token."""
        request = urllib.request.Request(  # noqa: S310 - the user does not choose the address
            f"{self.api_url}/{quote(path)}",
            headers={"Authorization": f"Bearer {token}", "Accept": "application/vnd.github+json"},
        )
        try:
            with urllib.request.build_opener(_NoRedirect).open(request, timeout=15) as reply:
                scopes, content = reply.headers.get("X-OAuth-Scopes"), reply.read(_MOST_BYTES)
        except HTTPError as error:
            error.close()
            return Reply(error.code)
        except (OSError, HTTPException) as error:
            reason = getattr(error, "reason", None) or type(error).__name__
            raise GitHubError(f"GitHub does not answer ({reason})") from None
        named = None if scopes is None else frozenset(s.strip() for s in scopes.split(",") if s)
        permissions = _json_object(content).get("permissions")
        admin = isinstance(permissions, dict) and permissions.get("admin") is True
        return Reply(HTTPStatus.OK, named, can_administer=admin)


def _json_object(content: bytes) -> dict[str, Any]:
    try:
        found = json.loads(content)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise GitHubError("the reply is not of GitHub's API: it is no JSON object")
    return found


# --- The token ------------------------------------------------------------------------------------


def token_question(secret: str) -> Question:
    """Return the question whether the token is in Secrets Manager, as plain text."""
    return Question("GitHub token", partial(_token, secret))


def scopes_question(secret: str, github: GitHub | None) -> Question:
    """Return the question whether the token opens the repository.

    ``github`` is None if the user has not asked the doctor to call GitHub.
    """
    return Question("GitHub token's scopes", partial(_scopes, secret, github))


def _token(secret: str, _: Settings, aws: Aws) -> Result:
    command = f"aws secretsmanager {{}} {secret}"
    try:
        text = _read_token(secret, aws)
    except ClientError as error:
        if code_of(error) != "InvalidRequestException":
            raise
        return problem(
            f"the secret {secret} is marked for deletion",
            command.format("restore-secret --secret-id"),
        )
    if text is None:
        create = command.format("create-secret --name")
        return problem(f"there is no secret {secret}", f"{create} --secret-string <TOKEN>")
    if flaw := flaw_of(text):
        put = command.format("put-secret-value --secret-id")
        return problem(f"the secret {secret} {flaw}", f"{put} --secret-string <TOKEN>")
    return ok(f"the secret {secret} is plain text")


def _read_token(secret: str, aws: Aws, *further: str) -> str | None:
    """Return the text of the secret; None if it does not exist, or for the codes ``further``."""
    get = aws.client("secretsmanager").get_secret_value
    found = reply_or_none(get, "ResourceNotFoundException", *further, SecretId=secret)
    return None if found is None else str(found.get("SecretString", ""))


def flaw_of(text: str) -> str:
    """Say what is wrong with the form of a token, without a letter of it; empty if nothing is."""
    if not text:
        return "has no text"
    if text.lstrip()[:1] in {"{", "[", '"'}:
        return "is JSON, not the token as plain text"
    if text.split() != [text]:
        return "has spaces or line ends in it"
    return "" if text.isascii() and text.isprintable() else "has characters that no token has"


def _scopes(secret: str, github: GitHub | None, settings: Settings, aws: Aws) -> Result:
    if github is None:
        return not_checked("GitHub is not asked", "add GITHUB=1")
    token = _read_token(secret, aws, "InvalidRequestException")
    if token is None or flaw_of(token):
        return not_checked("needs the token")
    try:
        return _examine_token(github, settings.delivery, token)
    except GitHubError as error:
        return not_checked(str(error))


def _examine_token(github: GitHub, delivery: DeliverySettings, token: str) -> Result:
    repository = f"{delivery.repository_owner}/{delivery.repository_name}"
    reply = github.get(f"repos/{repository}", token)
    if reply.status != HTTPStatus.OK:
        return _result_of_refusal(reply.status, repository)
    if result := _lacking(reply, repository):
        return result
    branch = delivery.repository_branch
    status = github.get(f"repos/{repository}/branches/{branch}", token).status
    if status == HTTPStatus.NOT_FOUND:
        return problem(f"{repository} has no branch {branch}", "correct repository_branch")
    if status != HTTPStatus.OK:
        return _result_of_refusal(status, repository)
    return ok(f"it opens {repository}, branch {branch}")


def _result_of_refusal(status: int, repository: str) -> Result:
    if status == HTTPStatus.UNAUTHORIZED:
        return problem("GitHub does not accept it", f"make a new one at {_TOKENS}")
    if status == HTTPStatus.NOT_FOUND:
        return problem(
            f"it opens no repository {repository}",
            "correct repository_owner and repository_name, or give the token access",
        )
    if status in _MOVED:
        return not_checked(
            f"GitHub has moved {repository}", "correct repository_owner and repository_name"
        )
    return not_checked(f"GitHub answers {status}")


def _lacking(reply: Reply, repository: str) -> Result | None:
    if reply.scopes is None:
        if reply.can_administer:
            return None
        return problem(f"it may not add webhooks to {repository}", "give it Webhooks: write")
    missing = NEEDED_SCOPES - reply.scopes
    if not missing:
        return None
    return problem(f"lacks {', '.join(sorted(missing))}", f"edit its scopes at {_TOKENS}")


# --- The connection -------------------------------------------------------------------------------


def connection_question(arn: str) -> Question:
    """Return the question whether the pipeline can use the connection to GitHub."""
    return Question("GitHub connection", partial(_connection, arn))


def _connection(arn: str, _: Settings, aws: Aws) -> Result:
    service = arn.split(":")[2]  # codeconnections, or codestar-connections, its older name
    get = aws.client(service).get_connection
    found = reply_or_none(get, "ResourceNotFoundException", ConnectionArn=arn)
    if found is None:
        return problem("there is no such connection", "correct connection_arn")
    status = found["Connection"]["ConnectionStatus"]
    if status != "AVAILABLE":
        return problem(
            f"is {status}",
            "finish it in the console: Developer Tools, Settings, Connections, Update pending",
        )
    return ok("is AVAILABLE")
