"""The way to the source: the token and what GitHub says of it, or the connection."""

import json
import urllib.request
from dataclasses import dataclass
from http import HTTPStatus
from http.client import HTTPException, HTTPMessage
from typing import IO, Any
from urllib.error import HTTPError
from urllib.parse import quote, urlsplit

from botocore.exceptions import ClientError

from settings import DeliverySettings
from tools.doctor.aws import Aws, code_of
from tools.doctor.check import Context, Result, not_checked, ok, problem

API_URL = "https://api.github.com"
NEEDED_SCOPES = frozenset({"repo", "admin:repo_hook"})
"""To read the repository, and to have GitHub call the pipeline."""

_TOKENS = "https://github.com/settings/tokens"
_NO_SECRET = frozenset({"ResourceNotFoundException", "InvalidRequestException"})
_MOST_BYTES = 1 << 20  # of a reply; GitHub's have some ten thousand
_REDIRECTS = frozenset(range(300, 400))


class GitHubError(Exception):
    """GitHub gave no reply that can be used; the message says why, without the token."""


@dataclass(frozen=True)
class Reply:
    """The status of a reply, and the scopes of the token (None: a fine-grained token has none)."""

    status: int
    scopes: frozenset[str] | None = None
    can_administer: bool = False


class _SameOrigin(urllib.request.HTTPRedirectHandler):
    """Follows GitHub's redirects of renamed repositories, but takes the token nowhere else."""

    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: HTTPMessage,
        newurl: str,
    ) -> urllib.request.Request | None:
        if _origin(newurl) != _origin(req.full_url):
            return None  # which leaves the redirect as an error
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _origin(url: str) -> tuple[str, str]:
    return urlsplit(url).scheme, urlsplit(url).netloc


@dataclass(frozen=True)
class GitHub:
    """GitHub's REST API at `api_url`. Each method raises `GitHubError` without a usable reply."""

    api_url: str = API_URL

    def repository(self, owner: str, name: str, token: str) -> Reply:
        """Look at a repository with the token."""
        return self._get(f"repos/{owner}/{name}", token)

    def branch(self, owner: str, name: str, branch: str, token: str) -> Reply:
        """Look at a branch with the token."""
        return self._get(f"repos/{owner}/{name}/branches/{branch}", token)

    def _get(self, path: str, token: str) -> Reply:
        request = urllib.request.Request(  # noqa: S310 - the address is ours, not the user's
            f"{self.api_url}/{quote(path)}",
            headers={"Authorization": f"Bearer {token}", "Accept": "application/vnd.github+json"},
        )
        try:
            with urllib.request.build_opener(_SameOrigin).open(request, timeout=15) as reply:
                scopes, content = reply.headers.get("X-OAuth-Scopes"), reply.read(_MOST_BYTES)
        except HTTPError as error:
            error.close()
            return Reply(error.code)
        # ValueError: an address to which nobody can be redirected.
        except (OSError, HTTPException, ValueError) as error:
            reason = getattr(error, "reason", None) or type(error).__name__
            raise GitHubError(f"GitHub does not answer ({reason})") from None
        named = None if scopes is None else frozenset(s.strip() for s in scopes.split(",") if s)
        permissions = _object(content).get("permissions")
        admin = isinstance(permissions, dict) and permissions.get("admin") is True
        return Reply(HTTPStatus.OK, named, can_administer=admin)


def _object(content: bytes) -> dict[str, Any]:
    try:
        found = json.loads(content)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise GitHubError("what answers is not GitHub's API: its reply is no JSON object")
    return found


@dataclass(frozen=True)
class TokenSecret:
    """Whether the token is in Secrets Manager, as plain text."""

    secret: str
    what = "GitHub token"

    def examine(self, context: Context) -> Result:
        """Read it, and tell nothing of it."""
        command = f"aws secretsmanager {{}} {self.secret}"
        try:
            text = _read_token(context.aws, self.secret)
        except ClientError as error:
            if code_of(error) == "InvalidRequestException":
                return problem(
                    f"the secret {self.secret} is marked for deletion",
                    command.format("restore-secret --secret-id"),
                )
            if code_of(error) != "ResourceNotFoundException":
                raise
            create = command.format("create-secret --name")
            return problem(f"there is no secret {self.secret}", f"{create} --secret-string <TOKEN>")
        if flaw := flaw_of(text):
            put = command.format("put-secret-value --secret-id")
            return problem(f"the secret {self.secret} {flaw}", f"{put} --secret-string <TOKEN>")
        return ok(f"the secret {self.secret} is plain text")


def _read_token(aws: Aws, secret: str) -> str:
    """Return the text of the secret, empty if it has none."""
    found = aws.client("secretsmanager").get_secret_value(SecretId=secret)
    return str(found.get("SecretString", ""))


def flaw_of(text: str) -> str:
    """Say what is wrong with the form of a token, without a letter of it; empty if nothing is."""
    if not text:
        return "has no text"
    try:
        if isinstance(json.loads(text), dict | list | str):
            return "is JSON, not the token as plain text"
    except (ValueError, RecursionError):
        pass
    if text.split() != [text]:
        return "has blanks or line ends in it"
    return "" if text.isascii() and text.isprintable() else "has characters that no token has"


@dataclass(frozen=True)
class TokenOnGitHub:
    """Whether the token opens the repository, with the scopes that are needed.

    `github` is None if it may not be asked.
    """

    github: GitHub | None
    secret: str
    what = "GitHub token's scopes"

    def examine(self, context: Context) -> Result:
        """Ask GitHub, if that is allowed."""
        if self.github is None:
            return not_checked("GitHub is not asked", "add --github")
        try:
            token = _read_token(context.aws, self.secret)
        except ClientError as error:
            if code_of(error) not in _NO_SECRET:
                raise
            token = ""
        if flaw_of(token):
            return not_checked("needs the token")
        try:
            return _examine_token(self.github, context.settings.delivery, token)
        except GitHubError as error:
            return not_checked(str(error))


def _examine_token(github: GitHub, delivery: DeliverySettings, token: str) -> Result:
    owner, name = delivery.repository_owner, delivery.repository_name
    reply = github.repository(owner, name, token)
    if reply.status != HTTPStatus.OK:
        return _result_of_refusal(reply.status, f"{owner}/{name}")
    if result := _lacking(reply, f"{owner}/{name}"):
        return result
    branch = delivery.repository_branch
    status = github.branch(owner, name, branch, token).status
    if status == HTTPStatus.NOT_FOUND:
        return problem(f"{owner}/{name} has no branch {branch}", "correct repository_branch")
    if status != HTTPStatus.OK:
        return _result_of_refusal(status, f"{owner}/{name}")
    return ok(f"it opens {owner}/{name}, branch {branch}")


def _result_of_refusal(status: int, repository: str) -> Result:
    if status == HTTPStatus.UNAUTHORIZED:
        return problem("GitHub does not accept it", f"make a new one at {_TOKENS}")
    if status == HTTPStatus.NOT_FOUND:
        return problem(f"it opens no repository {repository}", "correct repository_name, or it")
    if status in _REDIRECTS:
        return not_checked("GitHub redirects to where the token is not sent")
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


@dataclass(frozen=True)
class Connection:
    """Whether the pipeline can use the connection to GitHub."""

    arn: str
    what = "GitHub connection"

    def examine(self, context: Context) -> Result:
        """Look at its status."""
        # The service has two names, and the ARN tells which one it has here.
        service = self.arn.split(":")[2]
        try:
            found = context.aws.client(service).get_connection(ConnectionArn=self.arn)
        except ClientError as error:
            if code_of(error) != "ResourceNotFoundException":
                raise
            return problem("there is no such connection", "correct connection_arn")
        status = found["Connection"]["ConnectionStatus"]
        if status != "AVAILABLE":
            return problem(
                f"is {status}",
                "finish it in the console: Developer Tools, Settings, Connections, Update pending",
            )
        return ok("is AVAILABLE")
