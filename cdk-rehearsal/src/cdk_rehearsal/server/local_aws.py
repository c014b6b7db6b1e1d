"""The local AWS as a context manager: start the emulator, wait until it answers, stop it."""

import json
import os
import select
import signal
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self

from botocore.exceptions import BotoCoreError

from cdk_rehearsal.access import Access
from cdk_rehearsal.environment import (
    AUTHORITY,
    HOST,
    SOCKETS,
    RootKey,
    make_certificate,
    names_for_tasks,
    process_environment,
)
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

    Every instance runs `python -m cdk_rehearsal.server` in a session of its own, with its own port,
    key, certificate and directory, so several can run at the same time. It keeps its data in memory
    and removes its directory. The emulator watches a pipe that only this process holds open, so it
    ends when this process ends, even if that is killed; then the next scratch directory of any
    process removes the directory (`scratch`).

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
        self._running = ExitStack()
        self._log: Path | None = None
        self._access: Access | None = None

    def __enter__(self) -> Self:
        """Start the emulator, and return when it answers."""
        with ExitStack() as started:
            folder = started.enter_context(ScratchDirectory("local-aws")).path
            self._log = folder / "log"
            make_certificate(folder, *(names_for_tasks(self._region) if self._engine else ()))
            key = RootKey.random()
            process = self._start(folder, key)
            started.callback(_stop, process)
            access = Access(
                endpoint_url=f"https://{HOST}:{_port(process)}",
                account=self._account,
                region=self._region,
                key=key,
                ca_bundle=folder / AUTHORITY,
            )
            try:
                # Its socket takes connections before it serves, so this waits until it does.
                access.client("sts").get_caller_identity()
            except (BotoCoreError, ValueError):
                lines = self.log().splitlines()[-_LOG_LINES_IN_ERROR:]
                raise LocalAwsError("\n".join(["The local AWS did not start.", *lines])) from None
            self._access = access
            self._running = started.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
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

    @property
    def sockets(self) -> Path:
        """The folder of the Unix sockets through which tasks in containers call this AWS."""
        return self.access.ca_bundle.with_name(SOCKETS)

    def environment(self) -> dict[str, str]:
        """See `Access.environment`; the CDK CLI's own caches go to the directory of this AWS."""
        own = {"CDK_HOME": str(self._log.with_name("cdk"))} if self._log else {}
        return self.access.environment() | own

    def client(self, service: str) -> Any:
        """See `Access.client`."""
        return self.access.client(service)

    def log(self) -> str:
        """Return the end of the emulator's log, for the report of a failure."""
        if self._log is None or not self._log.exists():
            return ""
        return self._log.read_bytes()[-_LOG_BYTES:].decode(errors="replace")

    def stop(self) -> None:
        """End the emulator and everything it started. A second call does nothing."""
        self._access = None
        self._running.close()

    def _start(self, folder: Path, key: RootKey) -> "subprocess.Popen[bytes]":
        own = {
            "PYTHONUTF8": "1",
            "HOME": str(folder),
            "TMPDIR": str(folder),
            "AWS_CA_BUNDLE": str(folder / AUTHORITY),
        }
        engine = self._engine.as_variable() if self._engine else {}
        settings = {
            "folder": str(folder),
            "account": self._account,
            "region": self._region,
            "custom_health_seconds": self._delays.custom_health,
        }
        log = folder / "log"
        log.touch(0o600)
        with log.open("ab") as output:
            return subprocess.Popen(
                [sys.executable, "-m", _MODULE, json.dumps(settings)],
                cwd=folder,
                env=process_environment() | own | key.as_variables() | engine,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=output,
                start_new_session=True,
            )


def _port(process: "subprocess.Popen[bytes]") -> str:
    """Read the port on which the emulator listens; nothing if it ends without naming one."""
    output = process.stdout
    if output is None or not select.select([output], [], [], _START_SECONDS)[0]:
        return ""
    return output.readline().decode().strip()


def _stop(process: "subprocess.Popen[bytes]") -> None:
    """End the emulator with everything that it has started."""
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            pipe.close()
    try:
        process.wait(timeout=_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
