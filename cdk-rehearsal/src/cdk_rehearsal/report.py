"""What a person reads while the rehearsal runs."""

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cdk_rehearsal.terminal import NOT_SHOWN, LiveLine, fill, printable

_WIDTH = 48
_INDENT = 12
_SHOWN_FROM_SECONDS = 0.05

_FAILED, _DONE = "❌", "✅"
_TO_IMPROVE = "To mend: "
_SYNTHESIS_ERROR = "ERROR "
# These lines of the CLI follow the reasons of a failure.
_PLACE, _ADVICE = "Source Location:", "CloudTrail delivery"


class Step:
    """A line of the report, which ends with ``note`` when the step is done."""

    def __init__(self) -> None:
        self.note = ""


class ConsoleReport:
    """Prints a line for each step: what it did, its result, and how long it took.

    Terminals also get the step that runs, and folded lines.
    """

    def __init__(self) -> None:
        self._started = time.monotonic()
        self._running = LiveLine(sys.stdout)
        self._not_shown: list[str] = []
        self._advice: list[str] = []
        self.steps = 0

    @property
    def seconds(self) -> float:
        """Seconds since the rehearsal began."""
        return time.monotonic() - self._started

    def say(self, text: str = "") -> None:
        """Print a line of its own, without any control character."""
        print(printable(text), flush=True)

    def say_folded(self, text: str, note: str = "", *, indent: int) -> None:
        """Print a line; on a terminal fold it, and indent its continuation."""
        self.say(fill(text, note, indent=indent))

    def leave_out(self, what: str) -> None:
        """Remember what the rehearsal does not show, for the end of the report."""
        if what not in self._not_shown:
            self._not_shown.append(what)

    def advise(self, what: str) -> None:
        """Remember an advice for the end of the report."""
        if what not in self._advice:
            self._advice.append(what)

    def end(self, text: str) -> None:
        """Print the last line, then the advice, and then what was not shown."""
        self.say(f"\n{text}")
        for what in self._advice:
            self.say_folded(_TO_IMPROVE, what, indent=2)
        for what in self._not_shown:
            self.say_folded(NOT_SHOWN, what, indent=2)

    def section(self, title: str) -> None:
        """Begin a group of steps."""
        self.say(f"\n{title}")

    @contextmanager
    def step(self, what: str) -> Iterator[Step]:
        """Print ``what`` with a tick, or with a cross if the block raises."""
        self._running.show(f"  …         {what}")
        step, began = Step(), time.monotonic()
        try:
            yield step
        except BaseException:
            self._running.clear()
            self.say(f"  ✗         {what}")
            raise
        self._running.clear()
        self.steps += 1
        seconds = time.monotonic() - began
        took = f"{seconds:.1f} s" if seconds >= _SHOWN_FROM_SECONDS else ""
        self.say_folded(f"  ✓ {took:>6}  {what:<{_WIDTH}}  ", step.note, indent=_INDENT)


def relevant_lines(output: str, app: Path) -> list[str]:
    """Return the results of the CLI by stack; each failure with its reasons and line of the app.

    Without a result these are the errors of the synthesis, or else the last line.
    """
    kept: list[str] = []
    of_the_app = f"({app}{os.sep}"
    in_failure = in_place = False
    lines = [line.rstrip() for line in output.splitlines()]
    for line in lines:
        if line.startswith((_FAILED, _DONE)):
            in_failure = line.startswith(_FAILED)
            kept.append(line)
            in_place = False
        elif not line or line.lstrip().startswith((_PLACE, _ADVICE)):
            in_place = in_failure and line.startswith(_PLACE)
            in_failure = False
        elif in_place and of_the_app in line:
            kept.append(f"{_PLACE} {line.strip().replace(of_the_app, '(')}")
            in_place = False
        elif in_failure:
            kept.append(line)
    errors = [line for line in lines if line.startswith(_SYNTHESIS_ERROR)]
    return kept or errors or [line for line in lines if line][-1:]
