"""The load under which deliveries and failures are played, and what happened during it."""

import time
from dataclasses import dataclass, field

from tools.rehearsal.containers.callers import Caller, Calls
from tools.rehearsal.containers.stage import Stage

MODES = ("careful", "plain", "forever")


@dataclass(frozen=True, kw_only=True)
class Load:
    """Callers at work on a stage, and the events of the time, for the chart."""

    stage: Stage
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

    def fewest_addresses(self, since: float) -> int:
        """Return how few addresses the name of the backend had, from then until now."""
        return self.stage.feed.fewest(self.stage.host, since)


def account(calls: Calls) -> str:
    """Tell what a caller saw."""
    text = f"{len(calls.requests)} requests, {len(calls.failed)} failed"
    if calls.retried:
        text += f", {len(calls.retried)} answered at another attempt"
    reasons = sorted(calls.reasons().items(), key=lambda item: -item[1])
    return text + "".join(f"; {count} x {reason}" for reason, count in reasons[:3])
