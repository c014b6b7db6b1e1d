"""The service as a real process, started the way its container starts it."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from typing import Any

import pytest

# A shell lets background processes (``make test &``) ignore Ctrl-C and a closed terminal. Tests
# send both.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)

SERVICE_FOLDER = Path(__file__).parent.parent


class ServiceProcess:
    """A running service; `log` holds the lines read from its stdout so far."""

    def __init__(self, arguments: tuple[str, ...], environment: dict[str, str]) -> None:
        self.log: list[dict[str, Any]] = []
        self.process = subprocess.Popen(
            [sys.executable, *(arguments or ("-m", "ecsdemo_backend"))],
            cwd=SERVICE_FOLDER,
            env={"SERVICE_PORT": "0", **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def read_log_until(self, pattern: str) -> re.Match[str]:
        """Wait for a log message, or fail with the output when the process ends without it."""
        assert self.process.stdout
        for line in self.process.stdout:
            self.log.append(json.loads(line))
            if match := re.search(pattern, self.log[-1]["message"]):
                return match
        raise AssertionError(f"the service ended without logging {pattern!r}: {self.log}")

    def wait_until_listening(self) -> ServiceProcess:
        self.port = int(self.read_log_until(r"running on http://[\d.]+:(\d+)")[1])
        return self

    def connect(self) -> HTTPConnection:
        return HTTPConnection("127.0.0.1", self.port, timeout=5)

    def get(self, path: str) -> tuple[HTTPResponse, Any]:
        with closing(self.connect()) as connection:
            connection.request("GET", path)
            response = connection.getresponse()
            body = response.read()
        return response, json.loads(body) if response.status == 200 else body

    def send(self, sign: signal.Signals) -> None:
        self.process.send_signal(sign)

    def exit_code(self) -> int:
        """Wait for the end, keeping the rest of the log."""
        rest, _ = self.process.communicate(timeout=20)
        self.log += [json.loads(line) for line in rest.splitlines()]
        return self.process.returncode


StartService = Callable[..., ServiceProcess]


@pytest.fixture
def start_service() -> Iterator[StartService]:
    """Starts services with Python arguments and environment; they end with the test."""
    started: list[ServiceProcess] = []

    def start(*arguments: str, **environment: str) -> ServiceProcess:
        started.append(ServiceProcess(arguments, environment))
        return started[-1]

    yield start
    for service in started:
        with suppress(ProcessLookupError):
            service.process.kill()
        service.process.communicate()
