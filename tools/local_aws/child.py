"""The process of a local AWS, seen from its parent."""

import os
import select
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

from tools.local_aws.credentials import Certificate, RootKey
from tools.local_aws.delays import Delays
from tools.local_aws.engine_access import EngineAccess
from tools.local_aws.process_environment import process_environment
from tools.local_aws.scratch import ScratchDirectory

_REPOSITORY = Path(__file__).resolve().parents[2]
_STOP_SECONDS = 5.0
_LOG_BYTES = 100_000


class Child:
    """Runs `python -m tools.local_aws` in a group and a directory of its own.

    The child watches a pipe that only this process holds open: its end is the order to stop, and it
    comes as well when this process is killed, then without the word that `stop` says.
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
                "PYTHONPATH": str(_REPOSITORY),
                "HOME": str(self.directory),
                "TMPDIR": str(self.directory),
                "AWS_CA_BUNDLE": str(self.certificate.authority),
            }
            | self.key.as_variables()
            | (engine.as_variable() if engine else {})
        )
        self._process = subprocess.Popen(
            [
                *(sys.executable, "-m", "tools.local_aws"),
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
        """Read the port that the child has bound already; None if it never names one."""
        output = self._process.stdout
        if output is None or not select.select([output], [], [], deadline - time.monotonic())[0]:
            return None
        line = output.readline()
        return int(line) if line.strip().isdigit() else None

    def log(self) -> str:
        """Return the end of what the child has written."""
        number = self._log.fileno()
        start = max(0, os.fstat(number).st_size - _LOG_BYTES)
        return os.pread(number, _LOG_BYTES, start).decode(errors="replace")

    def stop(self) -> None:
        """End the child with everything that it started, and remove its directory."""
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
