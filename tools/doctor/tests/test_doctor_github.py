"""What the doctor says about the token after it has asked GitHub, or a stand-in for GitHub."""

import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from settings.examples import example_deployment
from tools.doctor.check import Result, Verdict
from tools.doctor.github import flaw_of, scopes
from tools.doctor.tests.account_under_test import TOKEN, Replying

ENOUGH = "repo, admin:repo_hook, read:org"
BRANCH = "/repos/acme/ecs-backend-service-blueprint/branches/main"


@dataclass(frozen=True)
class Reply:
    """What the stand-in for GitHub replies about the branch, and 418 to every other request."""

    status: int = 200
    scopes: str | None = ENOUGH
    location: str = ""


class Handler(BaseHTTPRequestHandler):
    """Gives a reply to each request."""

    reply: Reply

    def do_GET(self) -> None:
        reply = self.reply
        known = self.headers["Authorization"] == f"Bearer {TOKEN}" and self.path == BRANCH
        self.send_response(reply.status if known else 418)
        if reply.scopes is not None:
            self.send_header("X-OAuth-Scopes", reply.scopes)
        if reply.location:
            self.send_header("Location", reply.location)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Stay silent."""


def asked(url: str) -> Result:
    """Return what the doctor says after it has asked there; never the token."""
    (settings,) = example_deployment({})
    result = scopes(
        "ecs-github-token", url, settings, Replying(get_secret_value={"SecretString": TOKEN})
    )
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
        # The token follows no redirect: it could lead to any other host.
        (Reply(301, location="/elsewhere"), Verdict.NOT_CHECKED, "GitHub answers 301"),
    ],
)
def test_what_github_says(reply: Reply, verdict: Verdict, found: str) -> None:
    handler = type("Replying", (Handler,), {"reply": reply})
    with HTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.handle_request, daemon=True).start()
        result = asked(f"http://127.0.0.1:{server.server_port}")
    assert result.verdict is verdict
    assert found in result.found


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
        (TOKEN, ""),
    ],
)
def test_the_form_of_a_token(text: str, flaw: str) -> None:
    assert flaw_of(text) == flaw
