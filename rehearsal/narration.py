"""What a person reads while the rehearsal runs."""

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

_WIDTH = 48
_WORTH_TELLING = 0.05


class Step:
    """One line of the story; ``note`` is what the step has to say for itself when it is done."""

    def __init__(self) -> None:
        self.note = ""


class Narrator:
    """Prints a line for each step: what it did, what came of it, how long it took.

    Colour and the running line are for terminals; ``NO_COLOR`` and ``CI`` turn them off.
    """

    def __init__(self) -> None:
        self._started = time.monotonic()
        plain = bool(os.environ.get("NO_COLOR") or os.environ.get("CI"))
        self._live = sys.stdout.isatty() and not plain
        self.steps = 0

    @property
    def seconds(self) -> float:
        """Seconds since the rehearsal began."""
        return time.monotonic() - self._started

    def say(self, text: str = "") -> None:
        """Print a line of its own."""
        print(text, flush=True)

    def chapter(self, title: str) -> None:
        """Begin a group of steps."""
        self.say(f"\n{self._paint('1', title)}")

    @contextmanager
    def step(self, what: str) -> Iterator[Step]:
        """Print ``what`` with a tick, or with a cross if the block raises."""
        if self._live:
            print(f"  …         {what}", end="\r", flush=True)
        step, began = Step(), time.monotonic()
        try:
            yield step
        except BaseException:
            self.say(f"  {self._paint('31', '✗')}         {what}")
            raise
        self.steps += 1
        seconds = time.monotonic() - began
        took = f"{seconds:.1f} s" if seconds >= _WORTH_TELLING else ""
        self.say(f"  {self._paint('32', '✓')} {took:>6}  {what:<{_WIDTH}}  {step.note}".rstrip())

    def _paint(self, code: str, text: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self._live else text
