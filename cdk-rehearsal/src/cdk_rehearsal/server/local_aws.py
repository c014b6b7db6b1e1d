"""The local AWS as a context manager: start the emulator, wait until it answers, stop it."""

import http.client
import os
import select
import signal
import ssl
import subprocess
import sys
import time
from contextlib import suppress
from types import TracebackType
from typing import Any, Self

from cdk_rehearsal.access import Access, has_pipelines
from cdk_rehearsal.credentials import HOST, Certificate, RootKey
from cdk_rehearsal.options import Delays, EngineAccess
from cdk_rehearsal.process_environment import process_environment
from cdk_rehearsal.scratch import ScratchDirectory

_MODULE = "cdk_rehearsal.server"
# Generous: a busy machine gets a slow start, not a failed one. A process that ends is noticed at
# once.
_START_SECONDS = 300.0
_STOP_SECONDS = 30.0
_POLL_SECONDS = 0.05
_LOG_BYTES = 100_000
_LOG_LINES_IN_ERROR = 30


class LocalAwsError(RuntimeError):
    """The local AWS did not start or is not running; the message has the end of its log."""


class LocalAws:
    """An emulated AWS on 127.0.0.1 for the length of a `with` block.

    Every instance has its own process group, port and directory, so several can run at the same
    time. It keeps its data in memory and removes its directory. It ends when this process ends,
    even if this process is killed.

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
        self._process: EmulatorProcess | None = None
        self._access: Access | None = None

    def __enter__(self) -> Self:
        """Start the emulator, and return when it answers."""
        if not has_pipelines(self._region):
            raise LocalAwsError(f"No region {self._region} with CodePipeline is known to boto3.")
        self._process = EmulatorProcess(
            account=self._account,
            region=self._region,
            engine=self._engine,
            delays=self._delays,
        )
        try:
            self._access = self._wait_until_it_answers(self._process)
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
        own = {"CDK_HOME": f"{self._process.directory}/cdk"} if self._process else {}
        return self.access.environment() | own

    def client(self, service: str) -> Any:
        """See `Access.client`."""
        return self.access.client(service)

    def log(self) -> str:
        """Return the end of the emulator's log, for the report of a failure."""
        return self._process.log() if self._process else ""

    def stop(self) -> None:
        """End the emulator and everything it started. A second call does nothing."""
        process, self._process, self._access = self._process, None, None
        if process is not None:
            process.stop()

    def _wait_until_it_answers(self, process: "EmulatorProcess") -> Access:
        deadline = time.monotonic() + _START_SECONDS
        port = process.port(deadline)
        while port and process.alive and time.monotonic() < deadline:
            if _answers(port, process.certificate):
                return Access(
                    endpoint_url=f"https://{HOST}:{port}",
                    account=self._account,
                    region=self._region,
                    key=process.key,
                    ca_bundle=process.certificate.authority,
                )
            time.sleep(_POLL_SECONDS)
        log = "\n".join(process.log().splitlines()[-_LOG_LINES_IN_ERROR:])
        raise LocalAwsError(f"The local AWS did not start.\n{log}")


def _answers(port: int, certificate: Certificate) -> bool:
    """Say whether the server with this certificate answers; a refusal is an answer."""
    trust = ssl.create_default_context(cafile=str(certificate.authority))
    connection = http.client.HTTPSConnection(HOST, port, timeout=_START_SECONDS, context=trust)
    try:
        connection.request("GET", "/")
        connection.getresponse()
    except (OSError, http.client.HTTPException):
        return False
    else:
        return True
    finally:
        connection.close()


class EmulatorProcess:
    """Runs `python -m cdk_rehearsal.server` in a process group and a directory of its own.

    The emulator watches a pipe that only this process holds open. `stop` writes a word into the
    pipe and closes it. If this process is killed, the pipe closes without a word: then the emulator
    ends as well, and removes the directory itself.
    """

    def __init__(
        self, *, account: str, region: str, engine: EngineAccess | None, delays: Delays
    ) -> None:
        self._scratch = ScratchDirectory("local-aws")
        self.directory = self._scratch.path
        self.key = RootKey.random()
        self.certificate = Certificate(self.directory).make()
        (self.directory / "log").touch(0o600)
        self._log = (self.directory / "log").open("w+b")
        environment = (
            process_environment()
            | {
                "PYTHONUTF8": "1",
                "HOME": str(self.directory),
                "TMPDIR": str(self.directory),
                "AWS_CA_BUNDLE": str(self.certificate.authority),
            }
            | self.key.as_variables()
            | (engine.as_variable() if engine else {})
        )
        self._process = subprocess.Popen(
            [
                *(sys.executable, "-m", _MODULE),
                *("--account", account, "--region", region),
                *("--folder", str(self.directory), "--own-group"),
                *("--custom-health-seconds", str(delays.custom_health)),
            ],
            cwd=self.directory,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            start_new_session=True,
        )

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def port(self, deadline: float) -> int | None:
        """Read the port on which the emulator listens; None if it ends without naming one."""
        output = self._process.stdout
        if output is None or not select.select([output], [], [], deadline - time.monotonic())[0]:
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
                with suppress(BrokenPipeError):  # it has ended already
                    if pipe.writable():
                        pipe.write(b"stop\n")
                    pipe.close()
        try:
            self._process.wait(timeout=_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        self._log.close()
        self._scratch.remove()
