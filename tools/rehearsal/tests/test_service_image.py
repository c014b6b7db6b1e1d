"""The sample service's image, built from its Dockerfile and run as ECS runs it."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from typing import Any

import pytest

from cdk_rehearsal.containers import KEPT_IMAGES, Engine, build_image, label_options, owned
from settings.model import DEFAULTS
from tools.rehearsal.sample_image import APPLICATION, CACHE

pytestmark = pytest.mark.slow

HEALTH_CHECK = DEFAULTS["health_check_command"]

DRAIN_SECONDS = 5
PATIENCE_SECONDS = 300  # reached only when a test fails
PORT = 3210  # not the default: the service listens where the task definition says
REVISION = "0123abc-7"


@dataclass(frozen=True)
class Container:
    """A container of the image, with its address for this machine."""

    engine: Engine
    name: str
    address: str

    def get(self, path: str) -> tuple[int, Any]:
        connection = HTTPConnection(self.address, timeout=PATIENCE_SECONDS)
        with closing(connection):
            connection.request("GET", path)
            response = connection.getresponse()
            return response.status, json.load(response)

    def shell(self, command: str) -> tuple[int, str]:
        """Run a command in the container as ECS runs CMD-SHELL."""
        result = self.engine.attempt("exec", self.name, "/bin/sh", "-c", command)
        return result.returncode, result.stdout.strip()


@pytest.fixture(scope="module")
def image(engine: Engine) -> str:
    tag = f"{KEPT_IMAGES}/tests:under-test"
    build_image(engine, APPLICATION, tag, CACHE, build_args={"REVISION": REVISION})
    return tag


@pytest.fixture(scope="module")
def container(engine: Engine, image: str) -> Iterator[Container]:
    """The running service, with a read-only file system, like a hardened task."""
    with owned(engine) as labels:
        yield from _run(engine, image, label_options(labels))


def _run(engine: Engine, image: str, options: Sequence[str]) -> Iterator[Container]:
    name = engine(
        "run",
        "--detach",
        *options,
        "--read-only",
        f"--env=SERVICE_PORT={PORT}",
        f"--env=DRAIN_SECONDS={DRAIN_SECONDS}",
        f"--publish=127.0.0.1::{PORT}",
        image,
    )
    try:
        address = engine("port", name, f"{PORT}/tcp")
        yield _when_it_answers(Container(engine, name, address))
    finally:
        engine("rm", "--force", name)


def _when_it_answers(container: Container) -> Container:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            container.get("/health")
        except (OSError, HTTPException):
            assert time.monotonic() < deadline, container.engine("logs", container.name)
            time.sleep(0.05)
        else:
            return container


def test_it_answers_on_its_port_with_the_revision_it_was_built_with(container: Container) -> None:
    status, body = container.get("/")

    assert status == 200
    assert body["revision"] == REVISION


@pytest.mark.usefixtures("image")  # the cache holds another build
def test_every_build_has_its_own_revision(
    engine: Engine,
) -> None:
    revision = f"never-before-{uuid.uuid4().hex}"
    tag = f"{KEPT_IMAGES}/tests:{revision}"
    build_image(engine, APPLICATION, tag, CACHE, build_args={"REVISION": revision})

    found = engine("run", "--rm", tag, "printenv", "REVISION")
    engine("image", "rm", tag)

    assert found == revision


def test_it_does_not_run_as_root(container: Container) -> None:
    assert container.shell("id -u") == (0, "10001")


def test_the_health_check_fails_where_nothing_answers(container: Container) -> None:
    assert container.shell(f"SERVICE_PORT=1; {HEALTH_CHECK}")[0] == 1


@pytest.mark.parametrize("tool", ["pip", "gcc", "make", "git", "aws"])
def test_no_tool_for_building_or_deploying_is_in_it(container: Container, tool: str) -> None:
    assert container.shell(f"command -v {tool}") == (127, "")


def test_after_sigterm_it_answers_until_it_has_drained_and_exits_with_0(
    engine: Engine, container: Container
) -> None:
    # One command in the container: between two calls of a slow engine it might have ended.
    drains = f"kill -TERM 1; until {HEALTH_CHECK} | grep draining; do :; done"
    assert container.shell(drains) == (0, '{"status":"draining"}')
    assert engine("wait", container.name, timeout=PATIENCE_SECONDS) == "0"
