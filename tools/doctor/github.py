"""The access to GitHub: the token and what GitHub says about it, or the connection."""

import urllib.request
from http import HTTPStatus
from http.client import HTTPException
from urllib.error import HTTPError
from urllib.parse import quote

from settings import Settings
from tools.doctor.aws import Aws, reply_or_none
from tools.doctor.check import Result, not_checked, note, ok, problem

API_URL = "https://api.github.com"
NEEDED_SCOPES = frozenset({"repo", "admin:repo_hook"})
"""To read the repository, and to have GitHub start the pipeline."""

TOKENS = "https://github.com/settings/tokens"
"""Where a user makes a token and changes its scopes."""


def token(secret: str, _: Settings, aws: Aws) -> Result:
    """Say whether the token is in Secrets Manager, as plain text."""
    text = _read_token(secret, aws)
    if text is None:
        create = command_to_store("create-secret --name", secret, aws.region)
        return problem(f"there is no secret {secret}", create)
    if flaw := flaw_of(text):
        put = command_to_store("put-secret-value --secret-id", secret, aws.region)
        return problem(f"the secret {secret} {flaw}", put)
    return ok(f"the secret {secret} is plain text (GITHUB=1 asks GitHub about it)")


def command_to_store(operation: str, secret: str, region: str) -> str:
    """Return a command of bash or zsh that waits for the token, and leaves it in no history."""
    return (
        f'read -rs token && printf %s "$token" | aws secretsmanager {operation} {secret} '
        f"--secret-string file:///dev/stdin --region {region}; unset token"
    )


def _read_token(secret: str, aws: Aws) -> str | None:
    """Return the text of the secret; None if it does not exist."""
    get = aws.client("secretsmanager").get_secret_value
    found = reply_or_none(get, "ResourceNotFoundException", SecretId=secret)
    return None if found is None else str(found.get("SecretString", ""))


def flaw_of(text: str) -> str:
    """Say what is wrong with the form of a token, without a letter of it; empty if nothing is."""
    if not text:
        return "has no text"
    if text.lstrip()[:1] in {"{", "[", '"'}:
        return "is JSON, not the token as plain text"
    if text.split() != [text]:
        return "has spaces or line ends in it"
    return ""


def scopes(secret: str, api_url: str, settings: Settings, aws: Aws) -> Result:
    """Say whether the token can read the branch and has the needed scopes."""
    text = _read_token(secret, aws)
    if text is None or flaw_of(text):
        return not_checked("the token must be stored first")
    delivery = settings.delivery
    repository = f"{delivery.repository_owner}/{delivery.repository_name}"
    branch = f"repos/{repository}/branches/{quote(delivery.repository_branch)}"
    try:
        found = _scopes_of(text, f"{api_url}/{branch}")
    except HTTPError as error:
        error.close()
        return _result_of_refusal(
            error.code, f"branch {delivery.repository_branch} of {repository}"
        )
    except (OSError, HTTPException) as error:
        return not_checked(f"GitHub does not answer ({type(error).__name__})")
    if found is None:
        return note(
            f"the token is fine-grained and can read {repository}",
            "check that it has the permission Webhooks: write",
        )
    if missing := NEEDED_SCOPES - found:
        return problem(f"it lacks {', '.join(sorted(missing))}", f"edit its scopes at {TOKENS}")
    return ok(f"the token can read {repository}")


def _result_of_refusal(status: int, branch: str) -> Result:
    if status == HTTPStatus.UNAUTHORIZED:
        return problem("GitHub does not accept the token", f"make a new one at {TOKENS}")
    if status == HTTPStatus.NOT_FOUND:
        return problem(
            f"GitHub shows the token no {branch}",
            "correct these settings, or give the token access",
        )
    return not_checked(f"GitHub answers {status}")


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Leaves a redirect as an error, because urllib would send the token to any other host."""

    def redirect_request(self, *_: object, **__: object) -> None:
        return None


def _scopes_of(token: str, url: str) -> frozenset[str] | None:
    """Return the scopes with which GitHub answers; None for a fine-grained token, without any."""
    headers = {"Authorization": f"Bearer {token}", "Accept": "application/vnd.github+json"}
    request = urllib.request.Request(url, headers=headers)  # noqa: S310 - always GitHub's API
    with urllib.request.build_opener(_NoRedirect).open(request, timeout=15) as reply:
        scopes = reply.headers.get("X-OAuth-Scopes")
    return None if scopes is None else frozenset(s.strip() for s in scopes.split(",") if s)


def connection(arn: str, _: Settings, aws: Aws) -> Result:
    """Say whether the pipeline can use the connection to GitHub."""
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
