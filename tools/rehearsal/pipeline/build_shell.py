"""The shell of one build, in which every command sees what the ones before it have set."""

import os
import shlex
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

_ENDED_BY_A_COMMAND = 1


class BuildShell:
    """One shell for the length of a ``with`` block; both outputs of all its commands go to ``log``.

    The shell reads its commands from a pipe of its own, so that none can swallow the next one from
    its standard input, which is empty.
    """

    def __init__(
        self, shell: str, *, folder: Path, environment: Mapping[str, str], log: Path
    ) -> None:
        commands, self._commands = os.pipe()
        self._statuses, statuses = os.pipe()
        self._report = f"\nprintf '%s\\n' \"$?\" >&{statuses}\n"
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                [shell, f"/dev/fd/{commands}"],
                cwd=folder,
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                pass_fds=(commands, statuses),
            )
        os.close(commands)
        os.close(statuses)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        os.close(self._commands)
        os.close(self._statuses)
        self._process.wait()

    def run(self, command: str) -> int:
        """Run a command and return its exit status; a command may end the shell with it."""
        if self._process.poll() is not None:
            return self._process.returncode or _ENDED_BY_A_COMMAND
        # Not in an `if` or before `||`: there `set -e` would have no effect inside the command.
        script = f"eval {shlex.quote(command)}{self._report}"
        with suppress(BrokenPipeError):
            os.write(self._commands, script.encode())
        answer = os.read(self._statuses, 16)
        if answer:
            return int(answer)
        return self._process.wait() or _ENDED_BY_A_COMMAND
