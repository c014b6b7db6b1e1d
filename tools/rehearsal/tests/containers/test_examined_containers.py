"""Containers of images that do not do what the service needs, and what is found out about each."""

import dataclasses
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tools.container_engine import Engine
from tools.container_engine.ownership import KEPT_IMAGES
from tools.rehearsal.containers.network import ContainerNetwork
from tools.rehearsal.own_service import examination
from tools.rehearsal.own_service.bad_versions import never_listens
from tools.rehearsal.own_service.examination import Examination, examine_image

pytestmark = pytest.mark.slow

PORT = 8080
SERVE = "import http.server as h; h.HTTPServer(({address!r}, {port}), h.BaseHTTPRequestHandler)"
CHECK = ("CMD", "python", "-c", "raise SystemExit('I am ill')")


@dataclasses.dataclass(frozen=True)
class Context:
    engine: Engine
    network: ContainerNetwork


@pytest.fixture
def context(
    engine: Engine, network: ContainerNetwork, image: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Any]:
    monkeypatch.setattr(examination, "SEED", image)
    yield Context(engine, network)
    assert engine("ps", "--quiet", f"--filter=network={network.name}") == "", "none is left"


@pytest.fixture
def run(context: Any, image: str, tmp_path: Path) -> Any:
    def run(code: str, **definition: Any) -> Examination:
        (tmp_path / "main.py").write_text(code, encoding="utf-8")
        (tmp_path / "Dockerfile").write_text(
            f'FROM {image}\nCOPY main.py /main.py\nENTRYPOINT ["python", "-u", "/main.py"]\n',
            encoding="utf-8",
        )
        name = f"{KEPT_IMAGES}/tests:examined"
        context.engine("build", "--tag", name, str(tmp_path))
        try:
            return examine_image(context, name, definition, PORT)
        finally:
            context.engine.attempt("rmi", name)

    return run


@pytest.mark.parametrize(
    ("address", "port", "found"),
    [
        ("127.0.0.1", PORT, "it listens on 127.0.0.1 only"),
        ("0.0.0.0", PORT, "it listens on port 8080, and answers nothing"),  # noqa: S104
    ],
)
def test_where_it_listens(run: Any, address: str, port: int, found: str) -> None:
    seen = run(f"{SERVE.format(address=address, port=port)}.serve_forever()")
    assert seen.exit_code is None
    assert found in seen.found(PORT)


def test_another_port(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(examination, "_START_SECONDS", 2)
    seen = run(f"{SERVE.format(address='', port=5000)}.serve_forever()")
    assert seen.found(PORT) == "it listens on port 5000, not on 8080"


def test_an_end_with_its_code_and_last_words(run: Any) -> None:
    seen = run("raise SystemExit('no DATABASE_URL')")
    assert (seen.exit_code, said(seen)) == (1, {"no DATABASE_URL"})


def said(seen: Examination) -> set[str]:
    """Return the lines; on a busy machine podman's log has had a container's only line twice."""
    return {*seen.lines}


def test_a_check_that_fails_says_why(run: Any) -> None:
    code = f"{SERVE.format(address='', port=PORT)}.serve_forever()"
    seen = run(code, healthCheck={"command": [*CHECK]})
    assert seen.check == (1, "I am ill")


def test_it_is_told_what_a_task_is_told(run: Any) -> None:
    variables = [{"name": "STAGE", "value": "prod"}]
    seen = run(
        "import os; print(os.environ['STAGE'], os.environ['KEY'])",
        environment=variables,
        secrets=[{"name": "KEY", "valueFrom": "arn"}],
    )
    assert said(seen) == {"prod made-up"}


def test_an_image_that_holds_nothing_else_is_looked_at_too(
    context: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From scratch, with the very program that a bad version is derived with."""
    monkeypatch.setattr(examination, "_START_SECONDS", 1)
    architecture = context.engine("info", "--format", "{{.Host.Arch}}")
    for name, content in never_listens(architecture).items():
        (tmp_path / name).write_bytes(re.sub(rb"ARG BUILT\nFROM .*", b"FROM scratch", content))
    name = f"{KEPT_IMAGES}/tests:scratch"
    context.engine("build", "--tag", name, str(tmp_path))
    try:
        seen = examine_image(context, name, {"healthCheck": {"command": ["CMD", "/no"]}}, PORT)
    finally:
        context.engine.attempt("rmi", name)
    assert seen.found(PORT) == "it runs, and listens on no port"
    assert seen.check is not None
    assert seen.check[0] != 0
