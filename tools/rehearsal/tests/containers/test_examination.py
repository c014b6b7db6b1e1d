"""Containers of images that do not do what the service needs, and what is found out about each."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from tools.container_engine import Engine
from tools.container_engine.ownership import KEPT_IMAGES
from tools.local_aws import NO_DELAYS
from tools.rehearsal.bad_versions import never_listens
from tools.rehearsal.containers.examination import Examination, examine_image
from tools.rehearsal.containers.network import ContainerNetwork
from tools.rehearsal.containers.task_containers import TaskContainers

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


@pytest.fixture
def run(containers: TaskContainers, image: str, tmp_path: Path) -> Run:
    def run(code: str, seconds: float = 60, **definition: Any) -> Examination:
        (tmp_path / "main.py").write_text(code, encoding="utf-8")
        dockerfile = f'FROM {image}\nCOPY main.py /\nENTRYPOINT ["python", "-u", "/main.py"]\n'
        (tmp_path / "Dockerfile").write_text(dockerfile, encoding="utf-8")
        return built(containers, tmp_path, seconds, definition)

    return run


def built(
    containers: TaskContainers, folder: Path, seconds: float, definition: dict[str, Any]
) -> Examination:
    name = f"{KEPT_IMAGES}/tests:examined"
    containers.engine("build", "--tag", name, str(folder))
    try:
        return examine_image(containers, name, definition, PORT, seconds)
    finally:
        containers.engine.attempt("rmi", name)


def test_where_it_listens(run: Run) -> None:
    seen = run(SERVE.format(address="127.0.0.1", port=PORT))
    assert seen.exit_code is None
    assert "it listens on 127.0.0.1 only" in seen.why_no_answer(PORT)


def test_an_end_with_its_code_and_last_words_and_the_environment_of_its_task(run: Run) -> None:
    code = "import os; raise SystemExit(' '.join(os.environ[name] for name in ('STAGE', 'KEY')))"
    stage = {"name": "STAGE", "value": "prod"}
    seen = run(code, environment=[stage], secrets=[{"name": "KEY", "valueFrom": "arn"}])
    assert seen.exit_code == 1
    # On a busy machine podman's log has had a container's only line twice.
    assert {*seen.lines} == {"prod made-up"}


def test_a_check_that_fails_says_why(run: Run) -> None:
    check = ["CMD", "python", "-c", "raise SystemExit('I am ill')"]
    seen = run(SERVE.format(address="", port=PORT), healthCheck={"command": check})
    assert seen.check == (1, "I am ill")


def test_an_image_that_holds_nothing_but_its_program(
    containers: TaskContainers, tmp_path: Path
) -> None:
    """From scratch, with the very program that a bad version is derived with."""
    architecture = containers.engine("info", "--format", "{{.Host.Arch}}")
    for name, content in never_listens(architecture).items():
        (tmp_path / name).write_bytes(re.sub(rb"ARG BUILT\nFROM .*", b"FROM scratch", content))
    seen = built(containers, tmp_path, 1, {"healthCheck": {"command": ["CMD", "/no"]}})
    assert seen.why_no_answer(PORT) == "it runs, and listens on no port"
    assert seen.check is not None
    assert seen.check[0] != 0
