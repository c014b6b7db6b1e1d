"""A temporary folder in which the real CDK CLI runs the real app."""

import json
import os
import secrets
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

from settings.examples import sample_env
from tools.local_aws import LocalAws, LocalAwsError
from tools.local_aws.scratch import ScratchDirectory
from tools.rehearsal.bounds import CLI_SECONDS
from tools.rehearsal.expectation import RehearsalError
from tools.rehearsal.synthesis import ASSEMBLY, Synthesis
from tools.repository import ROOT

Cli = subprocess.Popen[str]

DEPLOY_OPTIONS = ("--require-approval", "never", "--outputs-file", "output.json")
"""The options of the deploy command in the README."""

AS_SYNTHESISED = ("--app", ASSEMBLY)
"""Deploys the assembly of the last synthesis: the app need not run again for the same settings."""

_GLANCE_SECONDS = 0.5
_LOG_LINES = 10
_TAIL_LINES = 40


class Workspace:
    """Settings, outputs, assembly and context of the rehearsal, away from the user's.

    The CLI and the app see the variables that name the local AWS, and ``variables``. Each CLI runs
    in a process group of its own. It is killed with ``LocalAwsError`` when the local AWS is gone,
    for which it would wait 90 seconds, and with ``RehearsalError`` when it runs too long.
    ``places`` are variables for other processes that load the CDK, so that they read and write
    nothing of the user's.
    """

    def __init__(self, aws: LocalAws, **variables: str) -> None:
        self._aws = aws
        self._port = urlsplit(aws.endpoint_url).port
        environment = aws.environment() | variables
        self._scratch = ScratchDirectory("rehearsal")
        self.folder = self._scratch.path
        (self.folder / "tmp").mkdir()
        self.places = {
            # The CLI then does not find ~/.aws and ~/.cdk.json of the user.
            "HOME": str(self.folder),
            # The CLI and jsii leave files when they are killed.
            "TMPDIR": str(self.folder / "tmp"),
            # jsii would unpack the CDK library again in every new HOME.
            "JSII_RUNTIME_PACKAGE_CACHE_ROOT": str(ROOT / ".cache" / "jsii"),
        }
        self._environment = environment | {
            "PATH": os.pathsep.join(
                [str(Path(sys.executable).parent), environment.get("PATH", os.defpath)]
            ),
            **self.places,
            "CDK_DISABLE_CLI_TELEMETRY": "true",
            "CI": "true",
        }
        shutil.copy(ROOT / "cdk.json", self.folder)
        self._synthesis = Synthesis(self.folder, self._environment)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._synthesis.end()
        self._scratch.remove()

    def write_env(self, name: str = ".env", **changes: str) -> None:
        """Write a settings file: sample.env with the essentials filled in and ``changes``."""
        (self.folder / name).write_text(sample_env(**changes), encoding="utf-8")

    def cdk(self, *arguments: str, env_file: str = ".env") -> str:
        """Run the CDK CLI and return what it printed; raise ``RehearsalError`` if it fails."""
        done = self._cdk(arguments, env_file)
        if done.returncode != 0:
            raise RehearsalError(f"cdk {' '.join(arguments)} failed:\n{_tail(done)}")
        return done.stdout

    def bootstrap(self) -> None:
        """Bootstrap as root; later commands run as a user who may only assume the roles of that.

        The arguments name account and region, so the CLI need not run the app.
        """
        access = self._aws.access
        self.cdk("bootstrap", f"aws://{access.account}/{access.region}", "--app", "")
        # https://docs.aws.amazon.com/cdk/v2/guide/bootstrapping-env.html
        assume = {
            "Effect": "Allow",
            "Action": "sts:AssumeRole",
            "Resource": f"arn:aws:iam::{access.account}:role/cdk-*",
        }
        name = f"deployer-{secrets.token_hex(4)}"
        self._environment |= access.user(name, assume).key.as_variables()

    @contextmanager
    def offline(self) -> Iterator[None]:
        """Let the CDK CLI run without credentials, at an endpoint that refuses connections."""
        known = self._environment
        self._environment = {k: v for k, v in known.items() if not k.startswith("AWS_")} | {
            "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
            "AWS_EC2_METADATA_DISABLED": "true",
        }
        try:
            yield
        finally:
            self._environment = known

    def failing_cdk(self, *arguments: str, env_file: str = ".env") -> str:
        """Run the CDK CLI, which is expected to fail, and return all that it printed."""
        done = self._cdk(arguments, env_file)
        if done.returncode == 0:
            raise RehearsalError(f"cdk {' '.join(arguments)} went through, but should have failed")
        return done.stdout + done.stderr

    def deploy(self, *selection: str, env_file: str = ".env") -> dict[str, dict[str, str]]:
        """Run the deploy of the README and return the contents of output.json."""
        self.cdk("deploy", *(selection or ("--all",)), *DEPLOY_OPTIONS, env_file=env_file)
        outputs: dict[str, dict[str, str]] = json.loads(
            (self.folder / "output.json").read_text(encoding="utf-8")
        )
        return outputs

    def synthesised(self, env_file: str = ".env") -> tuple[str, ...]:
        """Synthesise the app without the CDK CLI; return the options of a deploy of the result.

        For steps that are not about the command of a user. A change set would take a third of the
        processor time of such a deploy, so there is none.
        """
        self._synthesis.write(env_file)
        return *AS_SYNTHESISED, "--method=direct"

    def template(self, stack: str) -> dict[str, Any]:
        """Return the template of the newest synthesis."""
        path = self.folder / ASSEMBLY / f"{stack}.template.json"
        template: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return template

    def start(self, *arguments: str, env_file: str = ".env") -> Cli:
        """Start the CDK CLI; the caller must ``finish`` or ``kill`` it."""
        return subprocess.Popen(
            self._command(arguments, env_file),
            cwd=self.folder,
            env=self._environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            start_new_session=True,
        )

    def finish(self, cli: Cli) -> subprocess.CompletedProcess[str]:
        """Wait for the CLI, however it ends."""
        deadline = time.monotonic() + CLI_SECONDS
        try:
            while True:
                try:
                    stdout, stderr = cli.communicate(timeout=_GLANCE_SECONDS)
                except subprocess.TimeoutExpired:
                    self._require_aws()
                    if time.monotonic() > deadline:
                        raise RehearsalError(f"cdk hangs for {CLI_SECONDS:g} s") from None
                else:
                    if cli.returncode != 0:
                        self._require_aws()  # the CLI would not name this cause
                    return subprocess.CompletedProcess(cli.args, cli.returncode, stdout, stderr)
        except BaseException:
            self.kill(cli)
            raise

    def kill(self, cli: Cli) -> str:
        """Kill the CLI and all its children; return what it printed."""
        if cli.poll() is None:
            os.killpg(cli.pid, signal.SIGKILL)
        stdout, stderr = cli.communicate()
        return stdout + stderr

    def _cdk(self, arguments: tuple[str, ...], env_file: str) -> subprocess.CompletedProcess[str]:
        return self.finish(self.start(*arguments, env_file=env_file))

    def _command(self, arguments: tuple[str, ...], env_file: str) -> list[str]:
        return [
            str(ROOT / "node_modules" / ".bin" / "cdk"),
            *arguments,
            *(() if "--app" in arguments else ("--app", app_command(ROOT / "app.py"))),
            *("-c", f"env_file={env_file}"),
            *("--no-color", "--no-notices"),
        ]

    def _require_aws(self) -> None:
        try:
            socket.create_connection(("127.0.0.1", self._port or 0), timeout=60).close()
        except OSError:
            log = "\n".join(self._aws.log().splitlines()[-_LOG_LINES:])
            raise LocalAwsError(f"The local AWS went away while the CDK CLI ran.\n{log}") from None


def app_command(script: Path) -> str:
    """Return the ``--app`` argument with which the CDK CLI runs a script of any path.

    The CLI hands it to a shell. It removes quotation marks around the whole, hence ``exec``.
    """
    return f"exec {shlex.join([sys.executable, str(script)])}"


def _tail(done: subprocess.CompletedProcess[str]) -> str:
    return "\n".join((done.stdout + done.stderr).splitlines()[-_TAIL_LINES:])
