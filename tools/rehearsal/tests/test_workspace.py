"""The CLI runs the app wherever it is; hanging, or without its AWS, it ends with its children."""

import os
import select
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest

from tools.local_aws import LocalAws, LocalAwsError
from tools.local_aws.scratch import in_use
from tools.rehearsal import workspace as module
from tools.rehearsal.expectation import RehearsalError
from tools.rehearsal.workspace import Cli, Workspace, app_command


class Listener:
    """What the workspace wants of a local AWS: an address, and a log."""

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


@pytest.fixture
def cli() -> Cli:
    return start()


def test_all_that_the_cli_has_started_is_killed(workspace: Workspace) -> None:
    held_by_all, end = os.pipe()
    cli = start(pass_fds=(end,))
    os.close(end)
    assert not select.select([held_by_all], [], [], 0)[0], "the shell and its child run"
    workspace.kill(cli)
    # Of a pipe whose other end nobody holds any more the end can be read.
    assert select.select([held_by_all], [], [], 5)[0]
    os.close(held_by_all)
    assert cli.returncode == -9


def test_temporary_files_of_the_cli_go_with_the_folder(aws: Listener) -> None:
    with Workspace(cast("LocalAws", aws)) as workspace:
        environment = workspace._environment  # noqa: SLF001 - that of the CLI
        made = subprocess.run(["mktemp"], env=environment, capture_output=True, check=True)
        left = Path(made.stdout.decode().strip())
        assert left.is_relative_to(workspace.folder)
        assert left.exists()
        assert in_use(workspace.folder)
    assert not workspace.folder.exists()


def test_loss_of_the_local_aws_is_noticed(workspace: Workspace, cli: Cli, aws: Listener) -> None:
    aws.socket.close()
    began = time.monotonic()
    with pytest.raises(LocalAwsError, match=r"went away while the CDK CLI ran\.\nits last words"):
        workspace.finish(cli)
    assert time.monotonic() - began < 5
    assert cli.returncode == -9


def test_cli_that_hangs_is_ended(
    workspace: Workspace, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_PATIENCE_SECONDS", 0)
    with pytest.raises(RehearsalError, match="hangs"):
        workspace.finish(cli)
    assert cli.returncode == -9


@pytest.mark.slow
@pytest.mark.parametrize("name", ["plain", "my projects", 'it\'s "quoted" $HOME'])
def test_the_app_may_be_anywhere(
    name: str, aws: Listener, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both the interpreter and the app, in a folder whose name a shell would take apart."""
    folder = tmp_path / name
    folder.mkdir()
    python = folder / "python"
    python.write_text('#!/bin/sh\ntest -e "$1" && echo it runs >&2\nexit 3\n', encoding="utf-8")
    python.chmod(0o755)
    (folder / "app.py").touch()
    monkeypatch.setattr("sys.executable", str(python))
    with Workspace(cast("LocalAws", aws)) as workspace:
        said = workspace.failing_cdk("ls", "--app", app_command(folder / "app.py"))
    assert "it runs" in said
