"""The CLI runs the app wherever it is; hanging, or without its AWS, it ends with its children."""

import os
import select
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest

from cdk_rehearsal import LocalAws, RehearsalError
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


def start(pass_fds: tuple[int, ...] = ()) -> Cli:
    """Start a shell with a child that does not end by itself."""
    cli = subprocess.Popen(
        ["sh", "-c", "sleep 60 >/dev/null 2>&1 & echo; wait"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        pass_fds=pass_fds,
    )
    assert cli.stdout
    assert cli.stdout.readline() == "\n", "the child has been started"
    return cli


def test_all_that_the_cli_has_started_is_killed(workspace: Workspace) -> None:
    held_by_all, end = os.pipe()
    cli = start(pass_fds=(end,))
    os.close(end)
    assert not select.select([held_by_all], [], [], 0)[0], "the shell and its child run"
    workspace.kill(cli)
    # The end of a pipe can be read when no process holds its other end any more.
    assert select.select([held_by_all], [], [], 60)[0]
    os.close(held_by_all)
    assert cli.returncode == -9


def test_the_cli_is_killed_when_it_hangs(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    cli = start()
    monkeypatch.setattr(module, "CLI_SECONDS", 0)
    with pytest.raises(RehearsalError, match="hangs"):
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
