"""Callers in a container of another service, and what they saw."""

import json
import subprocess
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tools.container_engine import Engine
from tools.local_aws.scratch import ScratchDirectory
from tools.rehearsal.containers.network import copy_programs, program

RATE = 20
"""Requests per second, of each caller."""
MODES = {"careful": "tries again twice, at another address", "plain": "never tries again"}
"""The callers by name. Both honour the TTL of the name."""
_MOST_SECONDS = 1800  # of a caller whose rehearsal was killed


@dataclass(frozen=True)
class Calls:
    """Requests of one caller, in the order of their beginning."""

    requests: list[dict[str, Any]]

    @property
    def failed(self) -> list[dict[str, Any]]:
        """Requests that got no answer, after all attempts."""
        return [each for each in self.requests if not each["ok"]]

    @property
    def retried(self) -> list[dict[str, Any]]:
        """Requests that were answered, but not at the first attempt."""
        return [each for each in self.requests if each["ok"] and each["errors"]]

    def since(self, begin: float) -> "Calls":
        """Return the requests that began at a time or later."""
        return Calls([each for each in self.requests if each["at"] >= begin])

    def __str__(self) -> str:
        text = f"{len(self.requests)} requests, {len(self.failed)} failed"
        if self.retried:
            text += f", {len(self.retried)} answered at another attempt"
        errors = Counter(error for each in self.requests for error in each["errors"])
        return text + "".join(f"; {count} x {error}" for error, count in errors.most_common(3))


@dataclass(frozen=True)
class Callers:
    """Callers at work; each writes its requests into a file of its name in ``folder``."""

    folder: Path

    def calls(self, mode: str) -> Calls:
        """Return the requests of a caller that have ended until now."""
        text = (self.folder / mode).read_text(encoding="utf-8")
        lines = [line for line in text.splitlines(keepends=True) if line.endswith("\n")]
        return Calls(sorted(map(json.loads, lines), key=lambda each: float(each["at"])))

    def failures(self, since: float) -> str:
        """Say how many requests of each caller failed from then until now."""
        seen = {mode: self.calls(mode).since(since) for mode in MODES}
        counts = [f"{m} {len(calls.failed)} of {len(calls.requests)}" for m, calls in seen.items()]
        return f"failed: {', '.join(counts)}"


@contextmanager
def calling(engine: Engine, container: str, url: str) -> Iterator[Callers]:
    """Let a caller of each mode call a URL from a container for the length of a block."""
    copy_programs(engine, container)
    with ScratchDirectory("callers") as scratch:
        processes = [_start(engine, container, url, mode, scratch.path) for mode in MODES]
        try:
            yield Callers(scratch.path)
        finally:
            for process in processes:
                if process.stdin:
                    process.stdin.close()
            for process in processes:
                process.wait()


def _start(
    engine: Engine, container: str, url: str, mode: str, folder: Path
) -> subprocess.Popen[bytes]:
    command = program("caller", url, mode, str(RATE), str(_MOST_SECONDS))
    with (folder / mode).open("wb") as output:
        return subprocess.Popen(
            [*engine.command, "exec", "--interactive", container, *command],
            env=engine.environment,
            stdin=subprocess.PIPE,
            stdout=output,
        )
