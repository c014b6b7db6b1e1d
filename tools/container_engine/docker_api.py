"""The engine's Docker API, for programs that speak it instead of the command line."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tools.container_engine.engine import Engine, NoEngineError
from tools.local_aws.scratch import ScratchDirectory

_START_SECONDS = 15


@contextmanager
def docker_host(engine: Engine) -> Iterator[str]:
    """Give the value of DOCKER_HOST; podman's API runs as long as it is needed."""
    if engine.name == "docker":
        endpoint = "{{.Endpoints.docker.Host}}"
        yield os.environ.get("DOCKER_HOST") or engine("context", "inspect", "--format", endpoint)
        return
    # A folder with a short name: the path of a socket may have about 100 characters.
    with ScratchDirectory("podman") as scratch:
        path = scratch.path / "api.sock"
        service = subprocess.Popen(
            [*engine.command, "system", "service", "--time=0", f"unix://{path}"],
            env=engine.environment,
            stderr=subprocess.DEVNULL,  # podman complains when its clients hang up
        )
        try:
            _wait_for(path, service)
            yield f"unix://{path}"
        finally:
            service.terminate()
            service.wait()


def _wait_for(path: Path, service: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while not _answers(path):
        if service.poll() is not None or time.monotonic() > deadline:
            raise NoEngineError(f"podman's API did not start: {service.args!r}")
        time.sleep(0.02)


def _answers(path: Path) -> bool:
    # The file is there a little before anyone listens.
    with socket.socket(socket.AF_UNIX) as client:
        return client.connect_ex(str(path)) == 0
