"""What a person reads while the rehearsal runs."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from tools.progress.side_by_side import NOT_SHOWN
from tools.progress.terminal import LiveLine, fill, has_colour, is_live

_WIDTH = 48
_INDENT = 12
_WORTH_TELLING = 0.05


class Step:
    """One line of the story; ``note`` is what the step has to say for itself when it is done."""

    def __init__(self) -> None:
        self.note = ""


class Narrator:
    """Prints a line for each step: what it did, what came of it, how long it took.

    Colour, the running line and folded lines are for terminals that can show them.
    """

    def __init__(self) -> None:
        self._started = time.monotonic()
        self._colour = has_colour(sys.stdout)
        self._folds = is_live(sys.stdout)
        self._running = LiveLine(sys.stdout)
        self._not_shown: list[str] = []
        self.steps = 0

    @property
    def seconds(self) -> float:
        """Seconds since the rehearsal began."""
        return time.monotonic() - self._started

    def say(self, text: str = "") -> None:
        """Print a line of its own."""
        print(text, flush=True)

    def say_folded(self, text: str, note: str = "", *, indent: int) -> None:
        """Print a line; on a terminal as many as it takes, those after the first indented."""
        self.say(fill(text, note, indent=indent) if self._folds else (text + note).rstrip())

    def leave_out(self, what: str) -> None:
        """Remember that something is not shown; ``end`` says it."""
        if what not in self._not_shown:
            self._not_shown.append(what)

    def end(self, text: str) -> None:
        """Print how it ended, and last what was not shown."""
        self.say(f"\n{text}")
        for what in self._not_shown:
            self.say_folded(NOT_SHOWN, what, indent=2)

    def chapter(self, title: str) -> None:
        """Begin a group of steps."""
        self.say(f"\n{self._paint('1', title)}")

    @contextmanager
    def step(self, what: str) -> Iterator[Step]:
        """Print ``what`` with a tick, or with a cross if the block raises."""
        self._running.show(f"  …         {what}")
        step, began = Step(), time.monotonic()
        try:
            yield step
        except BaseException:
            self._running.clear()
            self.say(f"  {self._paint('31', '✗')}         {what}")
            raise
        self._running.clear()
        self.steps += 1
        seconds = time.monotonic() - began
        took = f"{seconds:.1f} s" if seconds >= _WORTH_TELLING else ""
        # Painted afterwards: colours take no room.
        line = f"  ✓ {took:>6}  {what:<{_WIDTH}}  "
        text = fill(line, step.note, indent=_INDENT) if self._folds else line + step.note
        self.say(text.rstrip().replace("✓", self._paint("32", "✓"), 1))

    def _paint(self, code: str, text: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self._colour else text
