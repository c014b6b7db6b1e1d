"""An app runs where it is, and its CDK CLI is found."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from cdk_rehearsal import LocalAws, RehearsalError
from cdk_rehearsal.cdk.app import AppWorkspace, find_cli

Program = Callable[[str], Path]


@pytest.fixture
def program(tmp_path: Path) -> Program:
    """Make a program at a path below the temporary folder."""

    def make(path: str) -> Path:
        file = tmp_path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("#!/bin/sh\n")
        file.chmod(0o755)
        return file

    return make


@pytest.fixture
def app(tmp_path: Path, program: Program, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of an app in a repository; the PATH has Node only."""
    node = program("bin/node")
    monkeypatch.setenv("PATH", str(node.parent))
    monkeypatch.delenv("VIRTUAL_ENV", raising=False)
    for path in (".git/HEAD", "apps/shop/cdk.json", "apps/shop/.venv/pyvenv.cfg"):
        (tmp_path / "repository" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "repository" / path).write_text("{}")
    return tmp_path / "repository" / "apps" / "shop"


def test_the_app_runs_in_its_folder_and_the_cli_in_another(
    app: Path, tmp_path: Path, local_aws: LocalAws
) -> None:
    (app / "cdk.json").write_text('{"app": "python3 app.py", "context": {"a": 1}}')
    (app / "cdk.context.json").write_text("{}")
    with AppWorkspace(local_aws, app, cli=["cdk"], cache=tmp_path) as workspace:
        settings = json.loads((workspace.folder / "cdk.json").read_text())
        assert settings == {"app": f"cd {app} && python3 app.py", "context": {"a": 1}}
        assert (workspace.folder / "cdk.context.json").read_text() == "{}"
        path = workspace.environment["PATH"].split(":")
        assert path[:2] == [str(app / ".venv" / "bin"), str(tmp_path / "bin")]
    (app / "cdk.json").write_text("app: python3")
    with pytest.raises(RehearsalError, match=r"shop/cdk.json cannot be read"):
        AppWorkspace(local_aws, app, cli=["cdk"], cache=tmp_path)


def test_the_cli_of_the_app_comes_before_that_of_its_repository_and_of_the_path(
    app: Path, tmp_path: Path, program: Program
) -> None:
    expected = []
    for place in ("bin", "repository/node_modules/.bin", "repository/apps/shop/node_modules/.bin"):
        expected = [str(program(f"{place}/cdk"))]
        assert find_cli(app, tmp_path / "cache") == expected


def test_of_a_full_disk_only_the_line_that_names_it_is_quoted(
    app: Path, tmp_path: Path, program: Program, local_aws: LocalAws
) -> None:
    full = "Error: ENOSPC: no space left on device"
    cli = program("bin/cdk")
    cli.write_text(f"#!/bin/sh\nprintf 'Traceback\\n{full}\\nexit 1'; exit 1\n")
    with (
        AppWorkspace(local_aws, app, cli=[str(cli)], cache=tmp_path) as workspace,
        pytest.raises(RehearsalError) as raised,
    ):
        workspace.cdk("deploy")
    assert str(raised.value).splitlines()[1:] == [full]
