"""What the doctor says about the token after it has asked GitHub, or a stand-in for GitHub."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from settings.examples import REGION, example_deployment
from tools.doctor.aws import Aws
from tools.doctor.check import Result, Verdict
from tools.doctor.github import flaw_of, scopes_question

TOKEN = "ghp_secretOfTheTest"  # noqa: S105 - opens nothing
ENOUGH = "repo, admin:repo_hook, read:org"
BRANCH = "/repos/acme/ecs-backend-service-blueprint/branches/main"


@dataclass(frozen=True)
class Reply:
    """What the stand-in for GitHub replies about the branch."""

    status: int = 200
    scopes: str | None = ENOUGH
    location: str = ""


Start = Callable[[Reply], str]


@pytest.fixture
def github() -> Iterator[Start]:
    servers: list[HTTPServer] = []

    def start(reply: Reply) -> str:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                known = self.headers["Authorization"] == f"Bearer {TOKEN}"
                self.send_response(reply.status if known and self.path == BRANCH else 418)
                if reply.scopes is not None:
                    self.send_header("X-OAuth-Scopes", reply.scopes)
                if reply.location:
                    self.send_header("Location", reply.location)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Stay silent."""

        servers.append(HTTPServer(("127.0.0.1", 0), Handler))
        threading.Thread(target=servers[-1].serve_forever, args=(0.01,), daemon=True).start()
        return f"http://127.0.0.1:{servers[-1].server_port}"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


class _WithToken(Aws):
    """An account whose secret holds the token."""

    def client(self, service: str) -> Any:
        assert service == "secretsmanager"
        return self

    def get_secret_value(self, **_: str) -> dict[str, str]:
        return {"SecretString": TOKEN}


def asked(url: str) -> Result:
    """Return what the doctor says after it has asked there; never the token."""
    (settings,) = example_deployment({})
    result = scopes_question("ecs-github-token", url).answer(settings, _WithToken(REGION))
    assert TOKEN not in result.line
    return result


@pytest.mark.parametrize(
    ("reply", "verdict", "found"),
    [
        (Reply(), Verdict.OK, "can read acme/ecs-backend-service-blueprint"),
        (Reply(scopes="repo"), Verdict.PROBLEM, "lacks admin:repo_hook"),
        (Reply(scopes=None), Verdict.NOTE, "is fine-grained and can read acme/"),
        (Reply(401), Verdict.PROBLEM, "GitHub does not accept the token"),
        (Reply(404), Verdict.PROBLEM, "shows the token no branch main of acme/ecs"),
        (Reply(500), Verdict.NOT_CHECKED, "GitHub answers 500"),
    ],
)
def test_what_github_says(github: Start, reply: Reply, verdict: Verdict, found: str) -> None:
    result = asked(github(reply))
    assert result.verdict is verdict
    assert found in result.found


def test_the_token_follows_no_redirect(github: Start) -> None:
    moved = Reply(301, location=f"{github(Reply())}{BRANCH}")
    assert asked(github(moved)).line == "GitHub answers 301"


def test_github_does_not_answer() -> None:
    assert "GitHub does not answer" in asked("http://127.0.0.1:9").found


@pytest.mark.parametrize(
    ("text", "flaw"),
    [
        ("", "has no text"),
        (f'{{"token": "{TOKEN}"}}', "is JSON, not the token as plain text"),
        (f'"{TOKEN}"', "is JSON, not the token as plain text"),
        (f"{TOKEN}\n", "has spaces or line ends in it"),
        (f"token {TOKEN}", "has spaces or line ends in it"),
        (f"{TOKEN}\x00", "has characters that no token has"),
        (TOKEN, ""),
    ],
)
def test_the_form_of_a_token(text: str, flaw: str) -> None:
    assert flaw_of(text) == flaw
