"""The sample service's image, built from its Dockerfile and run as ECS runs it."""

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass

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
    """A container of the image."""

    engine: Engine
    name: str

    def shell(self, command: str) -> tuple[int, str]:
        """Run a command in the container as ECS runs CMD-SHELL."""
        result = self.engine.attempt("exec", self.name, "/bin/sh", "-c", command)
        return result.returncode, result.stdout.strip()


@pytest.fixture(scope="module")
def container(engine: Engine) -> Iterator[Container]:
    """The running service, with a read-only file system, like a hardened task."""
    tag = f"{KEPT_IMAGES}/tests:under-test"
    build_image(engine, APPLICATION, tag, CACHE, build_args={"REVISION": REVISION})
    with owned(engine) as labels:
        name = engine(
            *("run", "--detach", *label_options(labels), "--read-only"),
            *(f"--env=SERVICE_PORT={PORT}", f"--env=DRAIN_SECONDS={DRAIN_SECONDS}", tag),
        )
        try:
            yield _when_it_answers(Container(engine, name))
        finally:
            engine("rm", "--force", name)


def _when_it_answers(container: Container) -> Container:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while container.shell(HEALTH_CHECK)[0]:
        assert time.monotonic() < deadline, container.engine("logs", container.name)
        time.sleep(0.05)
    return container


def test_it_answers_on_its_port_with_the_revision_it_was_built_with(container: Container) -> None:
    status, body = container.shell(f"curl --fail --silent http://localhost:{PORT}/")
    assert status == 0
    assert json.loads(body)["revision"] == REVISION


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
