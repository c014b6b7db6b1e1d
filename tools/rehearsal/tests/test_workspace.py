"""The CLI runs the app wherever it is; hanging, or without its AWS, it ends with its children."""

import json
import os
import select
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest

from cdk_rehearsal import LocalAws, LocalAwsError, RehearsalError
from cdk_rehearsal.cdk import Cli
from cdk_rehearsal.cdk import workspace as module
from tools.rehearsal.workspace import Workspace, app_command


class Listener:
    """What the workspace needs of a local AWS: an address, and a log."""

    def __init__(self) -> None:
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.endpoint_url = f"http://127.0.0.1:{self.socket.getsockname()[1]}"

    def environment(self) -> dict[str, str]:
        return {"PATH": os.environ["PATH"]}

    def log(self) -> str:
        return "its last words\n"


@pytest.fixture
def aws() -> Iterator[Listener]:
    listener = Listener()
    with listener.socket:
        yield listener


@pytest.fixture
def workspace(aws: Listener) -> Iterator[Workspace]:
    with Workspace(cast("LocalAws", aws)) as workspace:
        yield workspace


@pytest.fixture
def pipe() -> tuple[int, int]:
    """A pipe; its first end can be read when no process has the other one any more."""
    return os.pipe()


@pytest.fixture
def cli(pipe: tuple[int, int]) -> Iterator[Cli]:
    """A shell with a child that does not end by itself; both have the second end of the pipe."""
    held, end = pipe
    with subprocess.Popen(
        ["sh", "-c", "sleep 600 >/dev/null 2>&1 & wait"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        pass_fds=(end,),
    ) as cli:
        os.close(end)
        yield cli
    os.close(held)


def test_the_cli_is_killed_with_its_children_when_it_hangs(
    workspace: Workspace, cli: Cli, pipe: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "CLI_SECONDS", 0)
    with pytest.raises(RehearsalError, match="hangs"):
        workspace.finish(cli)
    assert select.select([pipe[0]], [], [], 60)[0]
    assert cli.returncode == -9


def test_the_cli_is_killed_when_the_local_aws_is_gone(
    aws: Listener, workspace: Workspace, cli: Cli
) -> None:
    aws.socket.close()
    with pytest.raises(LocalAwsError, match="its last words"):
        workspace.finish(cli)
    assert cli.returncode == -9


@pytest.mark.slow
def test_the_app_may_be_anywhere(
    aws: Listener, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both the interpreter and the app are in a folder whose name a shell would take apart."""
    folder = tmp_path / 'it\'s "quoted" $HOME'
    folder.mkdir()
    python = folder / "python"
    python.write_text('#!/bin/sh\ntest -e "$1" && echo it runs >&2\nexit 3\n', encoding="utf-8")
    python.chmod(0o755)
    (folder / "app.py").touch()
    monkeypatch.setattr("sys.executable", str(python))
    with Workspace(cast("LocalAws", aws)) as workspace:
        said = workspace.failing_cdk("ls", "--app", app_command(folder / "app.py"))
    assert "it runs" in said


@pytest.mark.slow
def test_settings_that_the_app_refuses_are_named(workspace: Workspace) -> None:
    workspace.write_env(task_memory="much")
    with pytest.raises(RehearsalError, match="task_memory"):
        workspace.synthesised()


@pytest.mark.slow
def test_the_assembly_without_the_cli_is_the_one_that_the_cli_makes(workspace: Workspace) -> None:
    """Metadata has the lines of the app, and the version of the CLI."""
    workspace.write_env()

    def made() -> dict[str, object]:
        files = [*(workspace.folder / "cdk.out").glob("*Stack.*.json")]
        return {f.name: json.loads(f.read_text()) for f in files if "metadata" not in f.name}

    workspace.synthesised()
    without = made()
    workspace.cdk("synth", "--quiet")
    assert len(without) == 4
    assert made() == without
