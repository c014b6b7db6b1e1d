"""How the service leaves: callers that still hold its address are answered, then it exits 0."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from contextlib import closing
from typing import Any

Start = Callable[..., Any]

# The service, except that each answer takes longer than its drain.
SLOW_SERVICE = """
import asyncio, logging
from ecsdemo_backend import __main__ as service

def create_slow_app(identity, drain, create_app=service.create_app):
    app = create_app(identity, drain)

    async def slow_app(scope, receive, send):
        logging.info("begun")
        await asyncio.sleep(0.5)
        await app(scope, receive, send)

    return slow_app

service.create_app = create_slow_app
service.main()
"""


def test_sigterm_keeps_it_answering_for_the_drain_time(start_service: Start) -> None:
    service = start_service(DRAIN_SECONDS="1").wait_until_listening()
    signalled = time.monotonic()
    service.send(signal.SIGTERM)
    service.read_log_until("draining")

    answered = 0
    while time.monotonic() < signalled + 0.9:
        response, _ = service.get("/")
        assert response.status == 200
        assert response.getheader("connection") == "close"
        answered += 1
        time.sleep(0.05)
    exit_code = service.exit_code()

    assert answered > 5
    assert exit_code == 0
    assert 1 <= time.monotonic() - signalled < 3


def test_health_says_that_it_is_draining_and_stays_good(start_service: Start) -> None:
    service = start_service(DRAIN_SECONDS="20").wait_until_listening()
    service.send(signal.SIGTERM)
    service.read_log_until("draining")

    response, body = service.get("/health")

    assert (response.status, body) == (200, {"status": "draining"})


def test_a_connection_kept_open_from_before_is_answered_and_closed(start_service: Start) -> None:
    service = start_service(DRAIN_SECONDS="20").wait_until_listening()
    with closing(service.connect()) as connection:
        connection.request("GET", "/")
        before = connection.getresponse()
        before.read()
        assert before.getheader("connection") is None
        service.send(signal.SIGTERM)
        service.read_log_until("draining")

        connection.request("GET", "/")
        during = connection.getresponse()

        assert during.status == 200
        assert during.getheader("connection") == "close"


def test_it_finishes_a_request_that_has_begun(start_service: Start) -> None:
    service = start_service("-c", SLOW_SERVICE, DRAIN_SECONDS="0").wait_until_listening()
    with closing(service.connect()) as connection:
        connection.request("GET", "/")
        service.read_log_until("begun")
        service.send(signal.SIGTERM)

        assert connection.getresponse().status == 200
    assert service.exit_code() == 0


def test_a_second_signal_ends_the_drain(start_service: Start) -> None:
    service = start_service(DRAIN_SECONDS="60").wait_until_listening()
    service.send(signal.SIGTERM)
    service.read_log_until("draining")
    service.send(signal.SIGTERM)

    assert service.exit_code() == 0


def test_ctrl_c_does_not_drain(start_service: Start) -> None:
    service = start_service(DRAIN_SECONDS="60").wait_until_listening()
    service.send(signal.SIGINT)

    assert service.exit_code() == 0
    assert not any("draining" in line["message"] for line in service.log)
