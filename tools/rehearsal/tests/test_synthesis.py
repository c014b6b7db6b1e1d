"""An assembly made without the CLI is the one that the CLI gets, and a failure says why."""

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from settings.examples import sample_env
from tools.rehearsal.expectation import RehearsalError
from tools.rehearsal.synthesis import Synthesis
from tools.rehearsal.workspace import app_command
from tools.repository import ROOT

ENVIRONMENT = {"PATH": os.environ["PATH"]}


@pytest.fixture
def synthesis(tmp_path: Path) -> Iterator[Synthesis]:
    made = Synthesis(tmp_path, ENVIRONMENT)
    yield made
    made.end()


def templates(assembly: Path) -> dict[str, object]:
    return {file.name: json.loads(file.read_text()) for file in assembly.glob("*.template.json")}


@pytest.mark.slow
def test_assembly_is_the_one_that_the_cli_gets(synthesis: Synthesis, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(sample_env(task_memory="1024"))
    from_app = tmp_path / "from-app"
    cli = [str(ROOT / "node_modules" / ".bin" / "cdk"), "synth", "--quiet"]
    where = ["--app", app_command(ROOT / "app.py"), "--output", str(from_app)]
    (tmp_path / "cdk.json").write_text((ROOT / "cdk.json").read_text())
    subprocess.run([*cli, *where], cwd=tmp_path, env=ENVIRONMENT | {"CI": "true"}, check=True)
    (tmp_path / ".env").write_text(sample_env())
    synthesis.write(".env")
    assert templates(tmp_path / "cdk.out") != templates(from_app), "other settings make another one"
    (tmp_path / ".env").write_text(sample_env(task_memory="1024"))
    synthesis.write(".env")
    assert templates(tmp_path / "cdk.out") == templates(from_app)
    for name in templates(from_app):
        assets = name.replace(".template.json", ".assets.json")
        made = json.loads((tmp_path / "cdk.out" / assets).read_text())
        assert made == json.loads((from_app / assets).read_text())


def test_settings_that_are_refused_are_named(synthesis: Synthesis, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(sample_env(task_memory="much"))
    with pytest.raises(RehearsalError, match="task_memory"):
        synthesis.write(".env")
