"""Runs any CDK app where it is, with the app's CDK CLI or with one of this package."""

import json
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from cdk_rehearsal.cdk.assembly import Assembly
from cdk_rehearsal.cdk.workspace import ASSEMBLY, Workspace
from cdk_rehearsal.expectation import RehearsalError
from cdk_rehearsal.report import relevant_lines
from cdk_rehearsal.server.local_aws import LocalAws

CLI_VERSION = "2.1148.1"
"""The CDK CLI for apps without one: npm's `latest` (3.0.0 is deprecated)."""

_CONTEXT = "cdk.context.json"
_INSTALLED = "node_modules"
_VENVS = (".venv", "venv")


class AppWorkspace(Workspace):
    """Runs an app in its folder, and the CDK CLI in another one, into which both write.

    ``context`` has the values of ``--context``. ``RehearsalError`` if the app has no cdk.json that
    can be read.
    """

    def __init__(
        self,
        aws: LocalAws,
        app: Path,
        *,
        cli: Sequence[str],
        cache: Path,
        context: Sequence[str] = (),
    ) -> None:
        jsii_cache = os.environ.get("JSII_RUNTIME_PACKAGE_CACHE_ROOT") or cache / "jsii"
        super().__init__(aws, cli=cli, jsii_cache=Path(jsii_cache))
        self._app = app
        self._context = [part for value in context for part in ("--context", value)]
        self.environment |= {
            "PATH": search_path(app),
            # Python would write beside modules that are linked.
            "PYTHONDONTWRITEBYTECODE": "1",
            # Warnings about the version of Node would hide the reason of a failure.
            "NODE_NO_WARNINGS": "1",
        }
        try:
            _write_settings(app, self.folder)
        except (OSError, ValueError) as error:
            self._scratch.remove()
            raise RehearsalError(f"{app / 'cdk.json'} cannot be read: {error}") from None

    def reasons(self, output: str) -> list[str]:
        """Return the reasons of the CDK CLI, or the end of the output if the app has failed."""
        reasons = relevant_lines(output, self._app)
        return reasons if len(reasons) > 1 else super().reasons(output)

    def run(self, command: str) -> None:
        """Run a command of the shell as root in the folder of the app."""
        root = self._aws.access.key.as_variables()
        started = self.start_in(self._app, ["/bin/sh", "-c", command], root)
        done = self.finish(started)
        if done.returncode != 0:
            lines = self.reasons(done.stdout + done.stderr)
            raise RehearsalError("\n".join([f"{command} failed:", *lines]))

    def synthesise(self) -> Assembly:
        """Run the app; later commands use the assembly with ``AS_SYNTHESISED``."""
        self.cdk("synth", "--quiet", "--output", str(self.folder / ASSEMBLY), *self._context)
        return Assembly(self.folder / ASSEMBLY)


def search_path(app: Path) -> str:
    """Return the PATH on which the app and its CDK CLI are run.

    Its first folder is that of the active virtual environment, else of the app's own one, else of
    ours if the CDK is installed there. Its last one is ours, which may have Node.
    """
    ours = str(Path(sys.executable).parent)
    first = [ours] if find_spec("aws_cdk") else []
    if active := os.environ.get("VIRTUAL_ENV"):
        first = [str(Path(active, "bin"))]
    elif own := [app / name for name in _VENVS if (app / name / "pyvenv.cfg").is_file()]:
        first = [str(own[0] / "bin")]
    return os.pathsep.join([*first, os.environ.get("PATH", os.defpath), ours])


def find_cli(app: Path, cache: Path) -> list[str]:
    """Return the command of the CDK CLI: that of the app, of the PATH, or else ours.

    Ours is installed with npm into ``cache`` when it is first needed. ``RehearsalError`` if there
    is no Node.
    """
    path = search_path(app)
    if shutil.which("node", path=path) is None:
        raise RehearsalError(
            "the CDK CLI needs Node.js, which is not on the PATH: install it, or run"
            " `pip install 'cdk-rehearsal[node]'`"
        )
    places = [each / _INSTALLED / ".bin" for each in (app, *app.parents)]
    for place in [*map(str, places), path]:
        if found := shutil.which("cdk", path=place):
            return [found]
    return [str(_install_cli(cache / f"cdk-{CLI_VERSION}", path))]


def _install_cli(folder: Path, path: str) -> Path:
    """Install our CDK CLI with the user's settings of npm, unless it is installed."""
    cli = folder / _INSTALLED / ".bin" / "cdk"
    if not cli.exists():
        npm = shutil.which("npm", path=path)
        if npm is None:
            raise RehearsalError("the app has no CDK CLI, and there is no npm to install one")
        folder.mkdir(parents=True, exist_ok=True)
        options = ("--prefix", str(folder), "--no-audit", "--no-fund", "--loglevel=error")
        done = subprocess.run(
            [npm, "install", *options, f"aws-cdk@{CLI_VERSION}"],
            env=os.environ | {"PATH": path},
            capture_output=True,
            encoding="utf-8",
            check=False,
        )
        if done.returncode != 0:
            raise RehearsalError(f"npm cannot install aws-cdk@{CLI_VERSION}:\n{done.stderr}")
    return cli


def _write_settings(app: Path, folder: Path) -> None:
    """Write the app's cdk.json, whose commands go to the app's folder, and copy its context."""
    settings = json.loads((app / "cdk.json").read_text(encoding="utf-8"))
    for command in {"app", "build"} & settings.keys():
        settings[command] = f"cd {shlex.quote(str(app))} && {settings[command]}"
    (folder / "cdk.json").write_text(json.dumps(settings), encoding="utf-8")
    if (app / _CONTEXT).exists():
        shutil.copy(app / _CONTEXT, folder)
