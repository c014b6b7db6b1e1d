"""What GitHub says of the token."""

from http import HTTPStatus

from botocore.exceptions import ClientError

from doctor.answer import Answer, not_checked, ok, problem
from doctor.check import Case
from doctor.checks.token import flaw_of, read_token
from doctor.github import GitHub, GitHubSilentError, Reply
from doctor.refusal import code_of
from settings import DeliverySettings

NEEDED_SCOPES = frozenset({"repo", "admin:repo_hook"})
"""To read the repository, and to have GitHub call the pipeline."""

_NO_SECRET = frozenset({"ResourceNotFoundException", "InvalidRequestException"})
_TOKENS = "https://github.com/settings/tokens"


class TokenOnGitHub:
    """Whether the token opens the repository, with the scopes that are needed."""

    what = "GitHub token's scopes"

    def examine(self, case: Case) -> Answer:
        """Ask GitHub, if that is allowed."""
        if case.github is None:
            return not_checked("GitHub is not asked", "add --github")
        try:
            token = read_token(case)
        except ClientError as error:
            if code_of(error) not in _NO_SECRET:
                raise
            token = ""
        if flaw_of(token):
            return not_checked("needs the token")
        try:
            return _ask(case.github, case.settings.delivery, token)
        except GitHubSilentError as error:
            return not_checked(f"GitHub does not answer ({error})")


def _ask(github: GitHub, delivery: DeliverySettings, token: str) -> Answer:
    owner, name = delivery.repository_owner, delivery.repository_name
    reply = github.repository(owner, name, token)
    if reply.status != HTTPStatus.OK:
        return _refusal(reply.status, f"{owner}/{name}")
    if answer := _lacking(reply, f"{owner}/{name}"):
        return answer
    branch = delivery.repository_branch
    if github.branch(owner, name, branch, token).status == HTTPStatus.NOT_FOUND:
        return problem(f"{owner}/{name} has no branch {branch}", "correct repository_branch")
    return ok(f"it opens {owner}/{name}, branch {branch}")


def _refusal(status: int, repository: str) -> Answer:
    if status == HTTPStatus.UNAUTHORIZED:
        return problem("GitHub does not accept it", f"make a new one at {_TOKENS}")
    if status == HTTPStatus.NOT_FOUND:
        return problem(f"it opens no repository {repository}", "correct repository_name, or it")
    return not_checked(f"GitHub answers {status}")


def _lacking(reply: Reply, repository: str) -> Answer | None:
    if reply.scopes is None:
        if reply.can_administer:
            return None
        return problem(f"it may not add webhooks to {repository}", "give it Webhooks: write")
    missing = NEEDED_SCOPES - reply.scopes
    if not missing:
        return None
    return problem(f"lacks {', '.join(sorted(missing))}", f"edit its scopes at {_TOKENS}")
