"""The CDK apps that the benchmark runs, and how long one run takes."""

import os
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from cdk_rehearsal import process_environment
from tools.repository import ROOT

_EMPTY_APP = """\
from aws_cdk import App, Stack

app = App()
Stack(app, "Empty")
app.synth()
"""


@dataclass(frozen=True, kw_only=True)
class MeasuredApp:
    """An app: the folder with its ``app.py`` and ``cdk.json``, and its settings file if any."""

    name: str
    folder: Path
    env_file: Path | None = None

    def seconds_of_cdk_ls(self, output: Path) -> float:
        """Run ``npx cdk ls`` once and return how long it took; CDK writes into ``output``."""
        script = shlex.join([sys.executable, str(self.folder / "app.py")])
        command = ["npx", "cdk", "ls", "--app", f"exec {script}", "--output", str(output)]
        if self.env_file:
            command += ["-c", f"env_file={self.env_file}"]
        environment = process_environment() | {
            # jsii keeps its unpacked packages in the home folder.
            "HOME": str(Path.home()),
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "CDK_DISABLE_CLI_TELEMETRY": "true",
            "CI": "true",
        }
        began = time.perf_counter()
        _run(command, self.folder, environment)
        return time.perf_counter() - began


def empty_app(folder: Path) -> MeasuredApp:
    """Write an app with one empty stack: the least that a CDK app in Python can take."""
    folder.mkdir()
    (folder / "app.py").write_text(_EMPTY_APP, encoding="utf-8")
    (folder / "cdk.json").write_text("{}", encoding="utf-8")
    (folder / "node_modules").symlink_to(ROOT / "node_modules")
    return MeasuredApp(name="an empty app", folder=folder)


def check_out(revision: str, repository: Path, folder: Path) -> Path:
    """Write the files of a revision of a repository into ``folder``, and return the folder."""
    archive = folder.with_suffix(".tar")
    _run(["git", "archive", "--output", str(archive), revision, "--"], repository, os.environ)
    shutil.unpack_archive(archive, folder, filter="data")
    (folder / "node_modules").symlink_to(repository / "node_modules")
    return folder


def _run(command: Sequence[str], folder: Path, environment: Mapping[str, str]) -> None:
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        sys.exit(f"error: {shlex.join(command)} failed:\n{done.stdout}{done.stderr}".rstrip())
