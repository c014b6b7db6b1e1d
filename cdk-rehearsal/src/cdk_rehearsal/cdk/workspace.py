"""A temporary folder in which the real CDK CLI runs an app against the local AWS."""

import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

from cdk_rehearsal.access import Access
from cdk_rehearsal.bounds import CLI_SECONDS
from cdk_rehearsal.deploy_policy.other_policies import policy_of_cli
from cdk_rehearsal.expectation import RehearsalError
from cdk_rehearsal.scratch import ScratchDirectory
from cdk_rehearsal.server.local_aws import LocalAws, LocalAwsError

Cli = subprocess.Popen[str]

ASSEMBLY = "cdk.out"
"""The folder of the synthesised app, in the folder of the workspace."""

AS_SYNTHESISED = ("--app", ASSEMBLY)
"""Deploys the assembly of the last synthesis: the app need not run again for the same settings."""

_OUTPUTS = "output.json"
_DEPLOY_OPTIONS = ("--require-approval", "never", "--outputs-file", _OUTPUTS)
_GLANCE_SECONDS = 0.5
_LOG_LINES = 10
_TAIL_LINES = 40


class Workspace:
    """The folder in which the CLI runs; outputs, assembly and context of the app are in it.

    ``cli`` is the command of the CDK CLI. It and the app see the variables that name the local AWS,
    and ``variables``; ``jsii_cache`` is a folder for jsii's copy of the CDK, 257 MB, which is kept.
    Each CLI runs in a process group of its own. It is killed with ``LocalAwsError`` when the local
    AWS is gone, for which it would wait 90 seconds, and with ``RehearsalError`` when it runs too
    long.
    ``places`` are variables for other processes that load the CDK, so that they read and write
    nothing of the user's.
    """

    def __init__(
        self, aws: LocalAws, *, cli: Sequence[str], jsii_cache: Path, **variables: str
    ) -> None:
        self._aws = aws
        self._cli = cli
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
            "JSII_RUNTIME_PACKAGE_CACHE_ROOT": str(jsii_cache),
        }
        self.environment = environment | {
            "PATH": os.pathsep.join(
                [str(Path(sys.executable).parent), environment.get("PATH", os.defpath)]
            ),
            **self.places,
            "CDK_DISABLE_CLI_TELEMETRY": "true",
            "CI": "true",
        }

    @property
    def access(self) -> Access:
        """The access of root to the local AWS."""
        return self._aws.access

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._scratch.remove()

    def command(self, *arguments: str) -> list[str]:
        """Return the command line of the CLI; a subclass adds the arguments that its app needs."""
        return [*self._cli, *arguments, "--no-color", "--no-notices"]

    def cdk(self, *arguments: str) -> str:
        """Run the CDK CLI and return what it printed; raise ``RehearsalError`` if it fails."""
        done = self.finish(self.start(*arguments))
        if done.returncode != 0:
            reasons = self.reasons(done.stdout + done.stderr)
            raise RehearsalError("\n".join([f"cdk {' '.join(arguments)} failed:", *reasons]))
        return done.stdout

    def bootstrap(self, execution_policies: Sequence[str] = ()) -> None:
        """Bootstrap as root; later commands run as a user who may only assume the roles of that.

        The arguments name account and region, so the CLI need not run the app. CloudFormation gets
        the policies with these ARNs, or else AdministratorAccess.
        """
        access = self._aws.access
        policies = ("--cloudformation-execution-policies", ",".join(execution_policies))
        place = f"aws://{access.account}/{access.region}"
        self.cdk("bootstrap", place, "--app", "", *(policies if execution_policies else ()))
        statements = policy_of_cli(access.account)["Statement"]
        name = f"deployer-{secrets.token_hex(4)}"
        self.environment |= access.user(name, *statements).key.as_variables()

    def failing_cdk(self, *arguments: str) -> str:
        """Run the CDK CLI, which is expected to fail, and return all that it printed."""
        done = self.finish(self.start(*arguments))
        if done.returncode == 0:
            raise RehearsalError(f"cdk {' '.join(arguments)} went through, but should have failed")
        return done.stdout + done.stderr

    def deploy(self, *arguments: str) -> dict[str, dict[str, str]]:
        """Deploy without a question, all stacks by default; return the outputs by stack."""
        self.cdk("deploy", *(arguments or ("--all",)), *_DEPLOY_OPTIONS)
        outputs: dict[str, dict[str, str]] = json.loads(
            (self.folder / _OUTPUTS).read_text(encoding="utf-8")
        )
        return outputs

    def template(self, stack: str) -> dict[str, Any]:
        """Return the template of the newest synthesis."""
        path = self.folder / ASSEMBLY / f"{stack}.template.json"
        template: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return template

    def start(self, *arguments: str) -> Cli:
        """Start the CDK CLI; the caller must ``finish`` or ``kill`` it."""
        return self.start_in(self.folder, self.command(*arguments), {})

    def start_in(self, folder: Path, command: Sequence[str], variables: Mapping[str, str]) -> Cli:
        """Start another command, as `start` does, in a folder and with additional variables."""
        return subprocess.Popen(
            command,
            cwd=folder,
            env={**self.environment, **variables},
            stdin=subprocess.DEVNULL,
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

    def reasons(self, output: str) -> list[str]:
        """Return the lines of a failed command that say why."""
        return last_lines(output, _TAIL_LINES)

    def _require_aws(self) -> None:
        try:
            socket.create_connection(("127.0.0.1", self._port or 0), timeout=60).close()
        except OSError:
            log = "\n".join(self._aws.log().splitlines()[-_LOG_LINES:])
            raise LocalAwsError(f"The local AWS went away while the CDK CLI ran.\n{log}") from None


def last_lines(output: str, most: int) -> list[str]:
    """Return the end of an output; if a disk is full, only the line that says so."""
    lines = output.splitlines()
    full_disk = [line for line in lines if "no space left on device" in line.lower()]
    return full_disk[-1:] or lines[-most:]
