"""The doctor about tokens, connections, and the secrets of containers."""

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from doctor.github import GitHub
from rehearsal.sample_settings import REGION
from tests.doctor.patient import TOKEN, TOKEN_SECRET, Patient

pytestmark = pytest.mark.slow

CONNECTION = {"ConnectionName": "github", "ProviderType": "GitHub"}
ENOUGH = "repo, admin:repo_hook, read:org"


@pytest.mark.parametrize(
    ("text", "flaw"),
    [
        (json.dumps({"token": TOKEN}), "is JSON, not the token as plain text"),
        (f"{TOKEN}\n", "has blanks or line ends in it"),
        (f"token {TOKEN}", "has blanks or line ends in it"),
    ],
)
def test_a_token_that_is_no_plain_text(healthy: Patient, text: str, flaw: str) -> None:
    healthy.client("secretsmanager").put_secret_value(SecretId=TOKEN_SECRET, SecretString=text)
    problem = healthy.diagnose().only_problem
    assert problem.startswith(f"GitHub token: the secret {TOKEN_SECRET} {flaw} -> aws secretsm")


def test_no_token(healthy: Patient) -> None:
    healthy.client("secretsmanager").delete_secret(
        SecretId=TOKEN_SECRET, ForceDeleteWithoutRecovery=True
    )
    assert "there is no secret ecs-github-token" in healthy.diagnose().only_problem


def test_a_token_marked_for_deletion(healthy: Patient) -> None:
    healthy.client("secretsmanager").delete_secret(SecretId=TOKEN_SECRET)
    assert "restore-secret --secret-id ecs-github-token" in healthy.diagnose().only_problem


Replies = Mapping[str, tuple[int, str | None]]
Answers = Callable[[Replies], GitHub]


@pytest.fixture
def github() -> Iterator[Answers]:
    """A stand-in for GitHub: by path, the status and the scopes of its replies."""
    servers: list[HTTPServer] = []

    def start(replies: Replies) -> GitHub:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                status, scopes = replies.get(self.path, (404, None))
                if self.headers["Authorization"] != f"Bearer {TOKEN}":
                    status = 401
                self.send_response(status)
                if scopes is not None:
                    self.send_header("X-OAuth-Scopes", scopes)
                self.end_headers()
                self.wfile.write(b"{}")

            def log_message(self, *_: object) -> None:
                """Stay silent."""

        server = HTTPServer(("127.0.0.1", 0), Handler)
        servers.append(server)
        serve = partial(server.serve_forever, poll_interval=0.01)  # how long a shutdown takes
        threading.Thread(target=serve, daemon=True).start()
        return GitHub(f"http://127.0.0.1:{server.server_port}")

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


REPOSITORY = "/repos/acme/ecs-backend-service-blueprint"
BRANCH = f"{REPOSITORY}/branches/main"


@pytest.mark.parametrize(
    ("replies", "answer"),
    [
        ({REPOSITORY: (200, "repo"), BRANCH: (200, "repo")}, "lacks admin:repo_hook"),
        ({REPOSITORY: (401, None)}, "GitHub does not accept it"),
        ({}, "it opens no repository acme/ecs-backend-service-blueprint"),
        ({REPOSITORY: (200, ENOUGH)}, "has no branch main"),
        ({REPOSITORY: (200, None)}, "it may not add webhooks"),
    ],
)
def test_a_token_that_is_not_enough(
    healthy: Patient, github: Answers, replies: Replies, answer: str
) -> None:
    assert answer in healthy.diagnose("--github", github=github(replies)).only_problem


def test_a_token_that_is_enough(healthy: Patient, github: Answers) -> None:
    replies: Replies = {REPOSITORY: (200, ENOUGH), BRANCH: (200, ENOUGH)}
    opinion = healthy.diagnose("--github", github=github(replies))
    assert opinion.problems == opinion.lines("not checked") == []


def test_github_is_silent(healthy: Patient) -> None:
    opinion = healthy.diagnose("--github", github=GitHub("http://127.0.0.1:9"))
    assert opinion.code == 0
    assert "GitHub does not answer" in opinion.lines("not checked")[0]


def test_a_connection(healthy: Patient) -> None:
    client = healthy.client("codeconnections")
    done = [{"Key": "handshake", "Value": "done"}]
    arn = client.create_connection(**CONNECTION, Tags=done)["ConnectionArn"]
    opinion = healthy.diagnose(connection_arn=arn)
    assert opinion.problems == opinion.lines("not checked") == []
    old = arn.replace("codeconnections", "codestar-connections")
    assert healthy.diagnose(connection_arn=old).problems == []


def test_a_pending_connection(healthy: Patient) -> None:
    arn = healthy.client("codeconnections").create_connection(**CONNECTION)["ConnectionArn"]
    assert healthy.diagnose(connection_arn=arn).only_problem.startswith(
        "GitHub connection: is PENDING -> finish it in the console"
    )


def test_no_connection(healthy: Patient) -> None:
    client = healthy.client("codeconnections")
    arn = client.create_connection(**CONNECTION)["ConnectionArn"]
    client.delete_connection(ConnectionArn=arn)
    assert "there is no such connection" in healthy.diagnose(connection_arn=arn).only_problem


def test_secrets_of_the_container(healthy: Patient) -> None:
    arn = healthy.client("secretsmanager").create_secret(Name="shop/db", SecretString="x")["ARN"]
    healthy.client("ssm").put_parameter(Name="/shop/key", Value="x", Type="SecureString")
    account = arn.split(":")[4]
    parameter = f"arn:aws:ssm:{REGION}:{account}:parameter/shop/key"
    both = f"DB={arn}:password::,KEY={parameter}"
    assert healthy.diagnose(container_secrets=both).problems == []
    healthy.client("secretsmanager").delete_secret(SecretId=arn)
    healthy.client("ssm").delete_parameter(Name="/shop/key")
    first, second = healthy.diagnose(container_secrets=both).problems
    assert first.startswith(f"secret of DB: there is no {arn}")
    assert second.startswith(f"secret of KEY: there is no {parameter}")
