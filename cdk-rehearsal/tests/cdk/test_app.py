"""The folder of an app is copied with links to what is beside it, and its CDK CLI is found."""

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
    """The folder of an app in a repository with other folders; the PATH has Node only."""
    node = program("bin/node")
    monkeypatch.setenv("PATH", str(node.parent))
    monkeypatch.delenv("VIRTUAL_ENV", raising=False)
    for path in (
        *("outside/file", "repository/.git/HEAD", "repository/shared/module.py"),
        *("repository/apps/shop/cdk.json", "repository/apps/shop/.venv/pyvenv.cfg"),
        *("repository/apps/shop/cdk.out/manifest.json", "repository/apps/lib/module.py"),
    ):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).touch()
    return tmp_path / "repository" / "apps" / "shop"


def test_the_app_runs_in_a_copy_and_sees_its_repository(
    app: Path, tmp_path: Path, local_aws: LocalAws
) -> None:
    with AppWorkspace(local_aws, app, cli=["cdk"], cache=tmp_path) as workspace:
        copy = workspace.folder
        (copy / "cdk.json").write_text("changed")
        assert (app / "cdk.json").read_text() == ""
        assert (copy / ".venv").resolve() == app / ".venv"
        assert not (copy / "cdk.out").exists()
        assert (copy / "../lib/module.py").samefile(app / "../lib/module.py")
        assert (copy / "../../shared").is_symlink()
        top = copy.parents[1]
        assert sorted(each.name for each in top.iterdir()) == ["apps", "shared"]
        assert not (top.parent / "outside").exists()
        path = workspace.environment["PATH"].split(":")
        assert path[:2] == [str(app / ".venv" / "bin"), str(tmp_path / "bin")]
    assert not copy.exists()
    assert (app / ".venv" / "pyvenv.cfg").exists()


def test_the_cli_of_the_app_comes_before_that_of_its_repository_and_of_the_path(
    app: Path, tmp_path: Path, program: Program
) -> None:
    expected = []
    for place in ("bin", "repository/node_modules/.bin", "repository/apps/shop/node_modules/.bin"):
        expected = [str(program(f"{place}/cdk"))]
        assert find_cli(app, tmp_path / "cache") == expected


def test_without_node_the_person_reads_what_to_install(
    app: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("sys.executable", str(tmp_path / "python"))
    with pytest.raises(RehearsalError, match=r"cdk-rehearsal\[node\]"):
        find_cli(app, tmp_path / "cache")


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
