"""The command that the CDK CLI runs the app with."""

import os
from pathlib import Path

import pytest

from tools.rehearsal.workspace import Workspace, app_command

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("name", ["plain", "my projects", 'it\'s "quoted" $HOME'])
def test_the_app_may_be_anywhere(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both the interpreter and the app, in a folder whose name a shell would take apart."""
    folder = tmp_path / name
    folder.mkdir()
    python = folder / "python"
    python.write_text('#!/bin/sh\ntest -e "$1" && echo it runs >&2\nexit 3\n', encoding="utf-8")
    python.chmod(0o755)
    (folder / "app.py").touch()
    monkeypatch.setattr("sys.executable", str(python))
    with Workspace({"PATH": os.environ["PATH"]}) as workspace:
        said = workspace.failing_cdk("ls", "--app", app_command(folder / "app.py"))
    assert "it runs" in said
