"""What the service says, to callers and in its log."""

from __future__ import annotations

import json
import signal
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

Start = Callable[..., Any]


@pytest.fixture
def task_metadata() -> Iterator[str]:
    """A stand-in for the endpoint that ECS gives to every container of a task."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            assert self.path == "/v4/0123/task"
            self.send_response(200)
            self.end_headers()
            self.wfile.write(
                json.dumps(
                    {
                        "TaskARN": "arn:aws:ecs:eu-west-1:111122223333:task/cluster/4f5e6d",
                        "AvailabilityZone": "eu-west-1b",
                        "ServiceName": "orders",
                    }
                ).encode()
            )

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=[0.01], daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/v4/0123"
        server.shutdown()


def test_outside_ecs_it_answers_with_what_it_knows(start_service: Start) -> None:
    service = start_service(REVISION="abc123-7").wait_until_listening()

    _, body = service.get("/")

    assert body == {
        "service": "ecsdemo-backend",
        "revision": "abc123-7",
        "zone": None,
        "task": None,
    }


def test_in_a_task_it_says_which_one_and_where(start_service: Start, task_metadata: str) -> None:
    service = start_service(ECS_CONTAINER_METADATA_URI_V4=task_metadata).wait_until_listening()

    _, body = service.get("/")

    assert body == {
        "service": "orders",
        "revision": "unknown",
        "zone": "eu-west-1b",
        "task": "4f5e6d",
    }


def test_the_task_definition_names_the_service(start_service: Start, task_metadata: str) -> None:
    service = start_service(
        ECS_CONTAINER_METADATA_URI_V4=task_metadata, SERVICE_NAME="payments"
    ).wait_until_listening()

    assert service.get("/")[1]["service"] == "payments"


def test_it_starts_without_the_metadata_endpoint(start_service: Start) -> None:
    service = start_service(
        ECS_CONTAINER_METADATA_URI_V4="http://127.0.0.1:1/v4"
    ).wait_until_listening()

    assert service.get("/")[0].status == 200
    assert [line["level"] for line in service.log if "metadata" in line["message"]] == ["warning"]


def test_health_and_unknown_paths(start_service: Start) -> None:
    service = start_service().wait_until_listening()

    health, body = service.get("/health")

    assert (health.status, body) == (200, {"status": "ok"})
    assert service.get("/nowhere")[0].status == 404


def test_each_request_is_one_json_line_without_its_query(start_service: Start) -> None:
    service = start_service().wait_until_listening()
    service.get("/?token=secret")
    service.get("/health")
    service.get("/nowhere")
    service.send(signal.SIGINT)
    service.exit_code()

    requests = [line for line in service.log if line["message"] == "request"]

    assert [(line["method"], line["path"], line["status"]) for line in requests] == [
        ("GET", "/", 200),
        ("GET", "/nowhere", 404),
    ]
    assert all(line["client"] == "127.0.0.1" and line["duration_ms"] >= 0 for line in requests)
    assert "secret" not in json.dumps(service.log)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SERVICE_PORT", "http"),
        ("SERVICE_PORT", "65536"),
        ("DRAIN_SECONDS", "soon"),
        ("DRAIN_SECONDS", "-1"),
        ("DRAIN_SECONDS", "nan"),
    ],
)
def test_a_malformed_setting_is_named_and_ends_it(
    start_service: Start, name: str, value: str
) -> None:
    service = start_service(**{name: value})

    assert service.exit_code() == 1
    assert [line["message"].split(" is ")[0] for line in service.log] == [f"{name}={value!r}"]
