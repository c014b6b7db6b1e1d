"""A workspace whose CLI may be killed, may hang, and may lose its AWS."""

import os
import signal
import socket
import subprocess
import time
from urllib.parse import urlsplit

from tools.local_aws import LocalAws, LocalAwsError
from tools.rehearsal.expectation import RehearsalError
from tools.rehearsal.workspace import Workspace

Cli = subprocess.Popen[str]

_GLANCE_SECONDS = 0.5
_PATIENCE_SECONDS = 120
_LAST_WORDS = 10


class WatchedWorkspace(Workspace):
    """Runs each CLI in a process group of its own, and ends it when it cannot end well.

    When the local AWS is gone, the CLI by itself would try again for 90 seconds: it is killed
    instead, and ``LocalAwsError`` says why. One that runs too long is a ``RehearsalError``.
    CLI and app see ``variables`` besides those that name the local AWS.
    """

    def __init__(self, aws: LocalAws, **variables: str) -> None:
        super().__init__(aws.environment() | variables)
        self._aws = aws
        self._port = urlsplit(aws.endpoint_url).port

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
        deadline = time.monotonic() + _PATIENCE_SECONDS
        try:
            while True:
                try:
                    stdout, stderr = cli.communicate(timeout=_GLANCE_SECONDS)
                except subprocess.TimeoutExpired:
                    self._require_aws()
                    if time.monotonic() > deadline:
                        raise RehearsalError(f"cdk hangs for {_PATIENCE_SECONDS} s") from None
                else:
                    if cli.returncode != 0:
                        self._require_aws()  # its own message would not say that this is the cause
                    return subprocess.CompletedProcess(cli.args, cli.returncode, stdout, stderr)
        except BaseException:
            self.kill(cli)
            raise

    def kill(self, cli: Cli) -> str:
        """Kill the CLI and all that it has started, without a warning; return what it printed."""
        if cli.poll() is None:
            os.killpg(cli.pid, signal.SIGKILL)
        stdout, stderr = cli.communicate()
        return stdout + stderr

    def _cdk(self, arguments: tuple[str, ...], env_file: str) -> subprocess.CompletedProcess[str]:
        return self.finish(self.start(*arguments, env_file=env_file))

    def _require_aws(self) -> None:
        try:
            socket.create_connection(("127.0.0.1", self._port or 0), timeout=5).close()
        except OSError:
            log = "\n".join(self._aws.log().splitlines()[-_LAST_WORDS:])
            raise LocalAwsError(f"The local AWS went away while the CDK CLI ran.\n{log}") from None
