"""Containers of images that do not do what the service needs, and what is found out about each."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import pytest

from cdk_rehearsal import NO_DELAYS
from cdk_rehearsal.containers import Engine
from cdk_rehearsal.containers.bad_versions import never_listens
from cdk_rehearsal.containers.examination import Examination, examine, examine_image
from cdk_rehearsal.containers.network import ContainerNetwork
from cdk_rehearsal.containers.ownership import KEPT_IMAGES
from cdk_rehearsal.containers.task_containers import TaskContainers

pytestmark = pytest.mark.slow

PORT = 8080
SERVE = (
    "import http.server as h; "
    "h.HTTPServer(({address!r}, {port}), h.BaseHTTPRequestHandler).serve_forever()"
)
Run = Callable[..., Examination]


@pytest.fixture
def containers(engine: Engine, network: ContainerNetwork, image: str) -> Iterator[TaskContainers]:
    feed = cast("Any", None)
    yield TaskContainers(engine=engine, network=network, feed=feed, delays=NO_DELAYS, helper=image)
    assert engine("ps", "--quiet", f"--filter=network={network.name}") == "", "none is left"


@contextmanager
def built(engine: Engine, folder: Path, dockerfile: str) -> Iterator[str]:
    """Build an image for the length of a block; yield its name."""
    name = f"{KEPT_IMAGES}/tests:examined-{folder.name}"
    (folder / "Dockerfile").write_text(dockerfile, encoding="utf-8")
    engine("build", "--tag", name, str(folder))
    try:
        yield name
    finally:
        engine.attempt("rmi", name)


@pytest.fixture(scope="module")
def runs_code(
    engine: Engine, image: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """An image that runs the Python in the variable CODE of its environment."""
    dockerfile = f"""FROM {image}
ENTRYPOINT ["python", "-uc", "import os; exec(os.environ['CODE'])"]
CMD []
"""
    with built(engine, tmp_path_factory.mktemp("code"), dockerfile) as name:
        yield name


@pytest.fixture
def run(containers: TaskContainers, runs_code: str) -> Run:
    def run(code: str, *environment: Any, **definition: Any) -> Examination:
        variables = [{"name": "CODE", "value": code}, *environment]
        return examine_image(
            containers, runs_code, {"environment": variables, **definition}, PORT, seconds=60
        )

    return run


def test_where_it_listens(run: Run) -> None:
    seen = run(SERVE.format(address="127.0.0.1", port=PORT))
    assert seen.exit_code is None
    assert "it listens on 127.0.0.1 only" in seen.why_no_answer(PORT)


def test_an_end_with_its_code_and_last_words_and_the_environment_of_its_task(run: Run) -> None:
    code = "import os; raise SystemExit(' '.join(os.environ[name] for name in ('STAGE', 'KEY')))"
    stage = {"name": "STAGE", "value": "prod"}
    seen = run(code, stage, secrets=[{"name": "KEY", "valueFrom": "arn"}])
    assert seen.exit_code == 1
    # On a busy machine podman's log has had a container's only line twice.
    assert {*seen.lines} == {"prod made-up"}


def test_a_container_that_is_removed_is_no_error(containers: TaskContainers) -> None:
    """Those of tasks are removed when they have ended, at any moment."""
    assert examine(containers, "0" * 64) is None


def test_a_check_that_fails_says_why(run: Run) -> None:
    check = ["CMD", "python", "-c", "raise SystemExit('I am ill')"]
    seen = run(SERVE.format(address="", port=PORT), healthCheck={"command": check})
    assert seen.check == (1, "I am ill")


def test_an_image_that_holds_nothing_but_its_program(
    containers: TaskContainers, tmp_path: Path
) -> None:
    """From scratch, with the very program that a bad version is derived with."""
    architecture = containers.engine("info", "--format", "{{.Host.Arch}}")
    files = never_listens(architecture)
    (tmp_path / "program").write_bytes(files["program"])
    dockerfile = re.sub(r"ARG BUILT\nFROM .*", "FROM scratch", files["Dockerfile"].decode())
    check = {"healthCheck": {"command": ["CMD", "/no"]}}
    with built(containers.engine, tmp_path, dockerfile) as name:
        seen = examine_image(containers, name, check, PORT, seconds=1)
    assert seen.why_no_answer(PORT) == "it runs, and listens on no port"
    assert seen.check is not None
    assert seen.check[0] != 0
