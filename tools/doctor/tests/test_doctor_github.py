"""What the doctor says of the token after it has asked GitHub, or what answers in its place."""

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from settings.examples import REGION, example_deployment
from tools.doctor.aws import Aws
from tools.doctor.check import Context, Result, Verdict
from tools.doctor.github import GitHub, TokenOnGitHub, flaw_of

TOKEN = "ghp_secretOfTheTest"  # noqa: S105 - opens nothing
ENOUGH = "repo, admin:repo_hook, read:org"


@dataclass(frozen=True)
class Reply:
    """What the stand-in for GitHub replies on one path."""

    status: int = 200
    scopes: str | None = None
    content: bytes = b"{}"
    location: str | None = None


Replies = Mapping[str, Reply]


@dataclass(frozen=True)
class StandIn:
    """A stand-in for GitHub on the loopback, and whom it was asked by."""

    url: str
    asked: list[tuple[str, str | None]]
    """The paths, each with the Authorization header."""


Start = Callable[[Replies], StandIn]


@pytest.fixture
def github() -> Iterator[Start]:
    servers: list[HTTPServer] = []

    def start(replies: Replies) -> StandIn:
        asked: list[tuple[str, str | None]] = []

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                asked.append((self.path, self.headers["Authorization"]))
                reply = replies.get(self.path, Reply(404))
                known = self.headers["Authorization"] == f"Bearer {TOKEN}"
                self.send_response(reply.status if known else 401)
                if reply.scopes is not None:
                    self.send_header("X-OAuth-Scopes", reply.scopes)
                if reply.location is not None:
                    self.send_header("Location", reply.location)
                self.send_header("Content-Length", str(len(reply.content)))
                self.end_headers()
                self.wfile.write(reply.content)

            def log_message(self, *_: object) -> None:
                """Stay silent."""

        server = HTTPServer(("127.0.0.1", 0), Handler)
        servers.append(server)
        serve = partial(server.serve_forever, poll_interval=0.01)  # how long a shutdown takes
        threading.Thread(target=serve, daemon=True).start()
        return StandIn(f"http://127.0.0.1:{server.server_port}", asked)

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


REPOSITORY = "/repos/acme/ecs-backend-service-blueprint"
BRANCH = f"{REPOSITORY}/branches/main"
GOOD: Replies = {REPOSITORY: Reply(scopes=ENOUGH), BRANCH: Reply(scopes=ENOUGH)}


class _WithToken(Aws):
    """An account whose secret holds the token."""

    def client(self, service: str) -> Any:
        assert service == "secretsmanager"
        return self

    def get_secret_value(self, **_: str) -> dict[str, str]:
        return {"SecretString": TOKEN}


def asked(url: str) -> Result:
    """Return what the check says after it has asked there; never the token."""
    (settings,) = example_deployment({})
    check = TokenOnGitHub(GitHub(url), "ecs-github-token")
    result = check.examine(Context(settings, _WithToken(REGION)))
    assert TOKEN not in result.line
    return result


@pytest.mark.parametrize(
    ("replies", "found"),
    [
        ({REPOSITORY: Reply(scopes="repo"), BRANCH: Reply(scopes="repo")}, "lacks admin:repo_hook"),
        ({REPOSITORY: Reply(401)}, "GitHub does not accept it"),
        ({}, "it opens no repository acme/ecs-backend-service-blueprint"),
        ({REPOSITORY: Reply(scopes=ENOUGH)}, "has no branch main"),
        ({REPOSITORY: Reply()}, "it may not add webhooks"),
    ],
)
def test_a_token_that_is_not_enough(github: Start, replies: Replies, found: str) -> None:
    result = asked(github(replies).url)
    assert result.verdict is Verdict.PROBLEM
    assert found in result.found


def test_a_token_that_is_enough(github: Start) -> None:
    assert asked(github(GOOD).url).verdict is Verdict.OK


def test_a_fine_grained_token_that_is_enough(github: Start) -> None:
    admin = Reply(content=b'{"permissions": {"admin": true}}')
    assert asked(github({REPOSITORY: admin, BRANCH: Reply()}).url).verdict is Verdict.OK


@pytest.mark.parametrize(
    ("text", "flaw"),
    [
        ("", "has no text"),
        (json.dumps({"token": TOKEN}), "is JSON, not the token as plain text"),
        (json.dumps(TOKEN), "is JSON, not the token as plain text"),
        (f"{TOKEN}\n", "has blanks or line ends in it"),
        (f"token {TOKEN}", "has blanks or line ends in it"),
        (f"{TOKEN}\x00", "has characters that no token has"),
        (f"{TOKEN}漢", "has characters that no token has"),
        ("[" * 99_999, ""),
        (TOKEN, ""),
    ],
)
def test_the_form_of_a_token(text: str, flaw: str) -> None:
    assert flaw_of(text) == flaw


def test_github_is_silent() -> None:
    assert "GitHub does not answer" in asked("http://127.0.0.1:9").found


def unchecked(url: str) -> str:
    """Ask there; return why nobody knows more of the token."""
    result = asked(url)
    assert result.verdict is Verdict.NOT_CHECKED
    return result.found


@pytest.mark.parametrize(
    "content",
    [b"<!DOCTYPE html><title>Sign in</title>", b"[]", b"null", b'"x"', b"", b"\xff", b"[" * 99_999],
    ids=["HTML", "list", "null", "string", "nothing", "bytes", "nested"],
)
@pytest.mark.parametrize("path", [REPOSITORY, BRANCH])
def test_a_reply_that_is_not_githubs(github: Start, path: str, content: bytes) -> None:
    api = github({**GOOD, path: Reply(scopes=ENOUGH, content=content)})
    not_github = "what answers is not GitHub's API: its reply is no JSON object"
    assert unchecked(api.url) == not_github


@pytest.mark.parametrize("permissions", ["null", "[]", '{"admin": "yes"}', '{"admin": false}'])
def test_permissions_of_another_form_are_none(github: Start, permissions: str) -> None:
    content = f'{{"permissions": {permissions}}}'.encode()
    result = asked(github({REPOSITORY: Reply(content=content)}).url)
    assert "it may not add webhooks" in result.found


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_the_token_does_not_follow_a_redirect_to_another_host(github: Start, status: int) -> None:
    other = github(GOOD)
    api = github({REPOSITORY: Reply(status, location=f"{other.url}{REPOSITORY}")})
    assert unchecked(api.url) == "GitHub redirects to where the token is not sent"
    assert other.asked == []


@pytest.mark.parametrize("location", ["https://[nowhere", "ftp://127.0.0.1/", "//127.0.0.1:1/"])
def test_a_redirect_to_nowhere(github: Start, location: str) -> None:
    api = github({REPOSITORY: Reply(302, location=location)})
    assert unchecked(api.url).startswith("GitHub ")


def test_a_renamed_repository_is_followed_on_the_same_host(github: Start) -> None:
    moved = {
        "/repositories/1": Reply(scopes=ENOUGH),
        REPOSITORY: Reply(301, location="/repositories/1"),
    }
    api = github({**GOOD, **moved})
    assert asked(api.url).verdict is Verdict.OK
    assert ("/repositories/1", f"Bearer {TOKEN}") in api.asked


def test_a_redirect_in_circles(github: Start) -> None:
    api = github({REPOSITORY: Reply(302, location=REPOSITORY)})
    assert unchecked(api.url).startswith("GitHub ")


def test_a_branch_that_nobody_could_look_at(github: Start) -> None:
    assert unchecked(github({**GOOD, BRANCH: Reply(500)}).url) == "GitHub answers 500"
