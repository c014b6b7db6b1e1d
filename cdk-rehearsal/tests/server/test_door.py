"""What a request says in another place or spelling never reaches a handler.

Here the door runs in the process of the test, before handlers that only write down what they get.
"""

import asyncio
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlencode

import pytest
from ministack import app
from ministack.core import iam_actions, responses

from cdk_rehearsal.server.door import Door, no_scripts
from support.attacks import HOST, OPERATIONS, Key, Raw, attacks, plain, signed

ROOT = Key("AKIAROOTROOTROOTROOT", "the secret of root")
ACCOUNT = "111122223333"
RAN = 299
EVERY = [(service, name) for service, names in OPERATIONS.items() for name in names]


class Sender:
    """The door, before handlers that write down what they get."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, loop: asyncio.Runner) -> None:
        self._loop = loop
        self.given: list[tuple[str, str, str, dict[str, str], bytes, dict[str, Any]]] = []
        self._door = Door(app.app, address=HOST)
        self._iam = app.SERVICE_HANDLERS["iam"]
        for service in OPERATIONS:
            monkeypatch.setitem(app.SERVICE_HANDLERS, service, self._handler(service))

    def _handler(self, service: str) -> Any:
        async def handle(
            method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, Any]
        ) -> tuple[int, dict[str, str], bytes]:
            self.given.append((service, method, path, headers, body, query))
            return RAN, {}, b'{"authorizationData": []}'

        return handle

    def user(self, name: str, statement: dict[str, Any]) -> Key:
        """Make a user with IAM's own handler."""

        async def made(parameters: dict[str, str]) -> Any:
            responses.set_request_account_id(ACCOUNT)
            kind = {"content-type": "application/x-www-form-urlencoded"}
            return await self._iam("POST", "/", kind, urlencode(parameters).encode(), {})

        def call(action: str, **parameters: str) -> str:
            own = {"Action": action, "UserName": name}
            status, _, answer = self._loop.run(made(own | parameters))
            assert status == 200, answer
            return str(answer)

        call("CreateUser")
        policy = {"Version": "2012-10-17", "Statement": [statement]}
        call("PutUserPolicy", PolicyName="own", PolicyDocument=json.dumps(policy))
        key = call("CreateAccessKey")
        parts = [re.search(f"<{tag}>(.*?)</{tag}>", key) for tag in ("AccessKeyId",
                 "SecretAccessKey")]  # fmt: skip
        return Key(*(str(part and part[1]) for part in parts))

    def connect(self) -> list[Any]:
        """Open a web socket; return what it is told."""
        answer: list[Any] = []

        async def send(message: Any) -> None:
            answer.append(message)

        self._loop.run(self._door({"type": "websocket"}, lambda: asyncio.sleep(0), send))
        return answer

    def send(self, raw: Raw, key: Key, *, gone: bool = False) -> tuple[int, bytes]:
        answer: list[Any] = []
        parts = [{"type": "http.request", "body": raw.body, "more_body": gone}]

        async def receive() -> Any:
            return parts.pop() if parts else {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            answer.append(message)

        scope = {
            "type": "http",
            "scheme": "https",
            "server": ("127.0.0.1", 443),
            "method": raw.method,
            "path": unquote(raw.path),
            "raw_path": raw.path.encode(),
            "query_string": raw.query.encode(),
            "headers": [(name.encode(), value.encode()) for name, value in signed(raw, key)],
        }
        self._loop.run(self._door(scope, receive, send))
        return answer[0]["status"], answer[1]["body"]


@pytest.fixture
def door(monkeypatch: pytest.MonkeyPatch) -> Iterator[Sender]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", ROOT.identifier)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", ROOT.secret)
    monkeypatch.delenv("AWS_SESSION_TOKEN", raising=False)
    monkeypatch.setenv("MINISTACK_ACCOUNT_ID", ACCOUNT)
    monkeypatch.setenv("MINISTACK_REGION", "eu-west-1")
    # One event loop: a new one for each request would take most of the time.
    with asyncio.Runner() as loop:
        yield Sender(monkeypatch, loop)
    from ministack.services import iam

    iam.reset()


def heard(given: tuple[str, str, str, dict[str, str], bytes, dict[str, Any]]) -> set[str]:
    """Return each operation that a handler could find in what it got."""
    service, method, path, headers, body, query = given
    found = {headers.get("x-amz-target", "").rpartition(".")[2]}
    found |= set(parse_qs(body.decode("latin-1")).get("Action", [])) | set(query.get("Action", []))
    if not any(found):
        found = {str(iam_actions.extract_iam_action(service, method, path, headers, body, query))}
    return found - {""}


@pytest.mark.parametrize(("service", "name"), EVERY)
def test_what_is_said_another_time_reaches_no_handler(
    door: Sender, service: str, name: str
) -> None:
    decoy = OPERATIONS[service][-1]
    (action,) = {*heard_plainly(door, service, decoy)}
    allowed = f"{ {'monitoring': 'cloudwatch'}.get(service, service) }:{action.rpartition(':')[2]}"
    users = {
        "denied": door.user("denied", {"Effect": "Deny", "Action": "*", "Resource": "*"}),
        "decoy": door.user("decoy", {"Effect": "Allow", "Action": allowed, "Resource": "*"}),
    }
    if name != decoy:
        assert heard_plainly(door, service, name), "root reaches the handler"
    assert door.send(plain(service, decoy), users["decoy"])[0] == RAN, "the decoy is allowed"
    for who, key in users.items():
        for way, raw in attacks(service, name, ROOT):
            door.given.clear()
            status, body = door.send(raw, key)
            always = service == "sts" and name == "GetCallerIdentity"
            for given in door.given:
                assert who == "decoy" or always, f"{name}, {way}, by {who}: it ran"
                assert heard(given) == {action}, f"{name}, {way}, by {who}: {given}"
                assert not [each for each in given[3] if "override" in each or "url" in each]
            assert status in (RAN, 400, 401, 403, 404), (way, status, body)


def heard_plainly(door: Sender, service: str, name: str) -> set[str]:
    door.given.clear()
    answer = door.send(plain(service, name), ROOT)
    if name == "AssumeRole":  # root needs a service in whose name it does
        assert answer[0] == 403
        return {name}
    assert answer[0] == RAN, answer
    return heard(door.given[0])


def test_a_body_that_is_too_large_is_refused(door: Sender, monkeypatch: pytest.MonkeyPatch) -> None:
    raw = plain("ecs", "ListClusters")
    monkeypatch.setattr("cdk_rehearsal.server.door._BODY_BYTES", len(raw.body))
    assert door.send(raw, ROOT)[0] == RAN
    assert door.send(replace(raw, body=b'{"a": 1}'), ROOT)[0] == 413


@pytest.mark.parametrize(
    ("service", "name", "body"),
    [
        ("ecs", "ListClusters", b'{"maxResults": [' + b"[]," * 1_000_000 + b"[]]}"),
        ("ecs", "ListClusters", b'{"maxResults": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"),
        ("lambda", "UpdateFunctionCode", b'{"FunctionName": "other"}'),
        ("lambda", "UpdateFunctionCode", b'{"Unknown": "any"}'),
        ("sns", "ListTopics", b"&".join(b"NextToken.%d=a" % n for n in range(100_001))),
    ],
)
def test_a_body_that_can_be_read_in_two_ways_or_becomes_large_is_refused(
    door: Sender, service: str, name: str, body: bytes
) -> None:
    assert door.send(replace(plain(service, name), body=body), ROOT)[0] == 400
    assert door.given == []


def test_s9_a_header_that_acts_is_known_and_signed(door: Sender) -> None:
    put, source = plain("s3", "PutObject"), ("x-amz-copy-source", "/shelf/object")
    unsigned = replace(put, also=lambda headers: [*headers, source])
    assert b"x-amz-copy-source is not signed" in door.send(unsigned, ROOT)[1]
    unknown = replace(put, headers=[*put.headers, ("x-amz-new", "any")])
    assert b"x-amz-new" in door.send(unknown, ROOT)[1]
    assert door.given == []


def test_half_a_body_reaches_no_handler(door: Sender) -> None:
    raw = replace(
        plain("s3", "PutObject"),
        headers=[("x-amz-content-sha256", "UNSIGNED-PAYLOAD")],
        body=b"the first half",
    )
    assert door.send(raw, ROOT, gone=True)[0] == 400
    assert door.given == []
    assert door.send(raw, ROOT)[0] == RAN


def test_a_signature_covers_the_host(door: Sender) -> None:
    raw = plain("ecs", "ListClusters")
    assert b"host is not signed" in door.send(replace(raw, unsigned=("host",)), ROOT)[1]
    assert door.given == []
    assert door.send(raw, ROOT)[0] == RAN


def test_a_second_host_and_a_web_socket_are_refused(door: Sender) -> None:
    raw = plain("ecs", "ListClusters")
    status, body = door.send(replace(raw, headers=[*raw.headers, ("host", "evil.example")]), ROOT)
    assert (status, b"answers to" in body) == (403, True)
    assert door.connect() == [{"type": "websocket.close"}]
    assert door.given == []


def test_no_script_of_the_machine_runs(tmp_path: Path) -> None:
    """MiniStack would run those of /etc/localstack/init and /docker-entrypoint-initaws.d."""
    script = tmp_path / "seed.sh"
    script.write_text("touch run", encoding="utf-8")
    assert app._collect_scripts(str(tmp_path)) == [str(script)]
    assert no_scripts(str(tmp_path)) == []
