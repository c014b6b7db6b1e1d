"""What GitHub says about a token and a repository."""

import json
import urllib.error
import urllib.request
from dataclasses import dataclass
from http import HTTPStatus

API_URL = "https://api.github.com"


class GitHubSilentError(Exception):
    """GitHub could not be reached; the message says why, without the token."""


@dataclass(frozen=True)
class Reply:
    """The status of a reply, and the scopes of the token (None: a fine-grained token has none)."""

    status: int
    scopes: frozenset[str] | None
    can_administer: bool


@dataclass(frozen=True)
class GitHub:
    """GitHub's REST API at `api_url`."""

    api_url: str = API_URL

    def repository(self, owner: str, name: str, token: str) -> Reply:
        """Look at a repository with the token. Raises `GitHubSilentError` if nobody answers."""
        return self._get(f"repos/{owner}/{name}", token)

    def branch(self, owner: str, name: str, branch: str, token: str) -> Reply:
        """Look at a branch with the token. Raises `GitHubSilentError` if nobody answers."""
        return self._get(f"repos/{owner}/{name}/branches/{branch}", token)

    def _get(self, path: str, token: str) -> Reply:
        request = urllib.request.Request(  # noqa: S310 - the address is ours, not the user's
            f"{self.api_url}/{path}",
            headers={"Authorization": f"Bearer {token}", "Accept": "application/vnd.github+json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=15) as reply:  # noqa: S310 - the same
                scopes, content = reply.headers.get("X-OAuth-Scopes"), reply.read()
        except urllib.error.HTTPError as error:
            error.close()
            return Reply(error.code, None, can_administer=False)
        except OSError as error:
            raise GitHubSilentError(str(getattr(error, "reason", error))) from None
        named = None if scopes is None else frozenset(s.strip() for s in scopes.split(",") if s)
        permissions = json.loads(content).get("permissions", {})
        return Reply(HTTPStatus.OK, named, can_administer=bool(permissions.get("admin")))
