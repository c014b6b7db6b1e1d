"""Callers in a container of another service, and what they saw."""

import json
import subprocess
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tools.container_engine import Engine
from tools.local_aws.scratch import ScratchDirectory
from tools.rehearsal.containers.network import ZoneFeed, copy_programs, has_programs, program

RATE = 20
"""Requests per second, of each caller."""
MOST_SECONDS = 900
"""However long a rehearsal takes, no caller goes on longer."""
MODES = ("careful", "plain", "forever")


@dataclass(frozen=True)
class Calls:
    """Requests of one caller, in the order of their beginning."""

    mode: str
    requests: list[dict[str, Any]]

    @property
    def failed(self) -> list[dict[str, Any]]:
        """Requests that got no answer, after all attempts."""
        return [each for each in self.requests if not each["ok"]]

    @property
    def retried(self) -> list[dict[str, Any]]:
        """Requests that were answered, but not at once."""
        return [each for each in self.requests if each["ok"] and each["errors"]]

    def between(self, begin: float, end: float) -> "Calls":
        """Return the requests that began in a span of time."""
        return Calls(self.mode, [each for each in self.requests if begin <= each["at"] < end])

    def reasons(self) -> dict[str, int]:
        """Count the errors by what they say."""
        return dict(Counter(error for each in self.requests for error in each["errors"]))

    def shares(self, key: str) -> dict[str, int]:
        """Count the answers by ``revision``, ``task`` or ``zone``."""
        return dict(Counter(each[key] for each in self.requests if each["ok"]))


@dataclass(frozen=True)
class Caller:
    """A caller at work; what it has told so far is in ``file``."""

    mode: str
    file: Path

    def calls(self) -> Calls:
        """Return the requests that have ended until now."""
        lines = self.file.read_text(encoding="utf-8").splitlines(keepends=True)
        requests = [json.loads(line) for line in lines if line.endswith("\n")]
        return Calls(self.mode, sorted(requests, key=lambda each: float(each["at"])))


@contextmanager
def calling(
    engine: Engine, container: str, url: str, modes: Sequence[str]
) -> Iterator[list[Caller]]:
    """Have callers at work in the container for the length of a block."""
    if not has_programs(engine, container):
        copy_programs(engine, container)
    with ScratchDirectory("callers") as scratch:
        callers = [Caller(mode, scratch.path / mode) for mode in modes]
        processes = [_start(engine, container, url, caller) for caller in callers]
        try:
            yield callers
        finally:
            for process in processes:
                if process.stdin:
                    process.stdin.close()
            for process in processes:
                process.wait()


@dataclass(frozen=True, kw_only=True)
class Load:
    """Callers at work, and the events of the time, for the chart."""

    feed: ZoneFeed
    callers: list[Caller]
    began: float = field(default_factory=time.time)
    events: list[tuple[float, str]] = field(default_factory=list)

    def note(self, label: str, at: float = 0.0) -> float:
        """Remember an event, of now unless told otherwise; return when it was."""
        self.events.append((at or time.time(), label))
        return self.events[-1][0]

    def calls(self, mode: str, since: float = 0.0) -> Calls:
        """Return what a caller has told of until now."""
        (caller,) = (caller for caller in self.callers if caller.mode == mode)
        return caller.calls().between(since or self.began, time.time())

    def failures(self, since: float) -> str:
        """Say what failed, of how many, of those who honour the TTL."""
        seen = [self.calls(mode, since) for mode in MODES if mode != "forever"]
        counts = [f"{calls.mode} {len(calls.failed)} of {len(calls.requests)}" for calls in seen]
        late = len(seen[0].retried)
        return f"failed: {', '.join(counts)}" + (f" ({late} answered later)" if late else "")

    def fewest_addresses(self, host: str, since: float) -> int:
        """Return the smallest number of addresses that a name had from then until now."""
        return self.feed.fewest(host, since)


def summary(calls: Calls) -> str:
    """Say in a line what a caller saw."""
    text = f"{len(calls.requests)} requests, {len(calls.failed)} failed"
    if calls.retried:
        text += f", {len(calls.retried)} answered at another attempt"
    reasons = sorted(calls.reasons().items(), key=lambda item: -item[1])
    return text + "".join(f"; {count} x {reason}" for reason, count in reasons[:3])


def _start(engine: Engine, container: str, url: str, caller: Caller) -> subprocess.Popen[bytes]:
    command = program("caller", url, caller.mode, str(RATE), str(MOST_SECONDS))
    with caller.file.open("wb") as output:
        return subprocess.Popen(
            [*engine.command, "exec", "--interactive", container, *command],
            env=engine.environment,
            stdin=subprocess.PIPE,
            stdout=output,
        )
