"""The local AWS as a context manager: start the emulator, wait until it answers, stop it."""

import os
import select
import signal
import subprocess
import sys
from contextlib import suppress
from types import TracebackType
from typing import Any, Self

from botocore.exceptions import BotoCoreError

from cdk_rehearsal.access import Access
from cdk_rehearsal.environment import HOST, Certificate, RootKey, process_environment
from cdk_rehearsal.options import Delays, EngineAccess
from cdk_rehearsal.scratch import ScratchDirectory

_MODULE = "cdk_rehearsal.server"
# Generous: a busy machine gets a slow start, not a failed one. A process that ends is noticed at
# once.
_START_SECONDS = 300.0
_STOP_SECONDS = 30.0
_LOG_BYTES = 100_000
_LOG_LINES_IN_ERROR = 30


class LocalAwsError(RuntimeError):
    """The local AWS did not start or is not running; the message has the end of its log."""


class LocalAws:
    """An emulated AWS on 127.0.0.1 for the length of a `with` block.

    Every instance has its own process group, port, key, certificate and directory, so several can
    run at the same time. It keeps its data in memory and removes its directory. It ends when this
    process ends, even if this process is killed.

    Without ``engine``, ECS tasks are records; with it they run as containers. ``delays`` are those
    of AWS unless given.
    """

    def __init__(
        self,
        *,
        account: str,
        region: str,
        engine: EngineAccess | None = None,
        delays: Delays | None = None,
    ) -> None:
        self._account = account
        self._region = region
        self._engine = engine
        self._delays = delays or Delays()
        self._emulator: _Emulator | None = None
        self._access: Access | None = None

    def __enter__(self) -> Self:
        """Start the emulator, and return when it answers."""
        self._emulator = _Emulator(
            (self._engine.as_variable() if self._engine else {}),
            *("--account", self._account, "--region", self._region),
            *("--custom-health-seconds", str(self._delays.custom_health)),
        )
        try:
            self._access = self._wait_until_it_answers(self._emulator)
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop the emulator, also after an error in the block."""
        self.stop()

    @property
    def access(self) -> Access:
        if self._access is None:
            raise LocalAwsError("The local AWS is not running: use it inside its `with` block.")
        return self._access

    @property
    def endpoint_url(self) -> str:
        return self.access.endpoint_url

    def environment(self) -> dict[str, str]:
        """See `Access.environment`; the CDK CLI's own caches go to the directory of this AWS."""
        own = {"CDK_HOME": f"{self._emulator.directory}/cdk"} if self._emulator else {}
        return self.access.environment() | own

    def client(self, service: str) -> Any:
        """See `Access.client`."""
        return self.access.client(service)

    def log(self) -> str:
        """Return the end of the emulator's log, for the report of a failure."""
        return self._emulator.log() if self._emulator else ""

    def stop(self) -> None:
        """End the emulator and everything it started. A second call does nothing."""
        emulator, self._emulator, self._access = self._emulator, None, None
        if emulator is not None:
            emulator.stop()

    def _wait_until_it_answers(self, emulator: "_Emulator") -> Access:
        if port := emulator.port():
            access = Access(
                endpoint_url=f"https://{HOST}:{port}",
                account=self._account,
                region=self._region,
                key=emulator.key,
                ca_bundle=emulator.certificate.authority,
            )
            # Its socket takes connections before it serves, so this call waits until it does.
            with suppress(BotoCoreError):
                access.client("sts").get_caller_identity()
                return access
        log = "\n".join(emulator.log().splitlines()[-_LOG_LINES_IN_ERROR:])
        raise LocalAwsError(f"The local AWS did not start.\n{log}")


class _Emulator:
    """Runs `python -m cdk_rehearsal.server` in a session and a directory of its own.

    The emulator watches a pipe that only this process holds open: it ends when `stop` closes the
    pipe, and when this process is killed. Then the next scratch directory of any process removes
    what is left of this one (`scratch`).
    """

    def __init__(self, variables: dict[str, str], *arguments: str) -> None:
        self._scratch = ScratchDirectory("local-aws")
        self.directory = self._scratch.path
        self.key = RootKey.random()
        self.certificate = Certificate(self.directory).make()
        (self.directory / "log").touch(0o600)
        self._log = (self.directory / "log").open("w+b")
        own = {
            "PYTHONUTF8": "1",
            "HOME": str(self.directory),
            "TMPDIR": str(self.directory),
            "AWS_CA_BUNDLE": str(self.certificate.authority),
        }
        self._process = subprocess.Popen(
            [sys.executable, "-m", _MODULE, "--folder", str(self.directory), *arguments],
            cwd=self.directory,
            env=process_environment() | own | self.key.as_variables() | variables,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            start_new_session=True,
        )

    def port(self) -> int | None:
        """Read the port on which the emulator listens; None if it ends without naming one."""
        output = self._process.stdout
        if output is None or not select.select([output], [], [], _START_SECONDS)[0]:
            return None
        line = output.readline()
        return int(line) if line.strip().isdigit() else None

    def log(self) -> str:
        """Return the end of the emulator's log."""
        number = self._log.fileno()
        start = max(0, os.fstat(number).st_size - _LOG_BYTES)
        return os.pread(number, _LOG_BYTES, start).decode(errors="replace")

    def stop(self) -> None:
        """End the emulator with everything that it started, and remove its directory."""
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()
        try:
            self._process.wait(timeout=_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        self._log.close()
        self._scratch.remove()
