"""What the user reads: a line for each check."""

import sys

from doctor.answer import Answer, Verdict
from progress.terminal import LiveLine, fill, has_colour, is_live

_WIDTH = 31
_COLOURS = {Verdict.OK: "32", Verdict.PROBLEM: "31", Verdict.NOT_CHECKED: "33"}
_VERDICT_WIDTH = max(map(len, Verdict))
_INDENT = 4 + _VERDICT_WIDTH


class Report:
    """Prints answers as they come, and counts them.

    Colour, the line of the running check and folded lines are for terminals that can show them.
    """

    def __init__(self) -> None:
        self._colour = has_colour(sys.stdout)
        self._folds = is_live(sys.stdout)
        self._running = LiveLine(sys.stdout)
        self._counts = dict.fromkeys(Verdict, 0)

    @property
    def problems(self) -> int:
        """How many problems there were."""
        return self._counts[Verdict.PROBLEM]

    def heading(self, text: str) -> None:
        """Begin the answers about one settings file."""
        self._say(self._paint("1", text))

    def begin(self, what: str) -> None:
        """Show what is being looked at, until its answer is there."""
        self._running.show(f"  {'…':<{_VERDICT_WIDTH}}  {what}")

    def add(self, what: str, answer: Answer) -> None:
        """Print an answer."""
        self._counts[answer.verdict] += 1
        verdict = f"{answer.verdict.value:<{_VERDICT_WIDTH}}"
        begin = f"  {verdict}  {what:<{_WIDTH}}  "
        line = fill(begin, answer.line, indent=_INDENT) if self._folds else begin + answer.line
        painted = self._paint(_COLOURS[answer.verdict], verdict)
        self._running.clear()
        # Painted afterwards: colours take no room.
        self._say(line.rstrip().replace(verdict, painted, 1))

    def sum_up(self) -> None:
        """Print how many answers of each kind there were."""
        counts = self._counts
        problems = "1 problem" if self.problems == 1 else f"{self.problems or 'no'} problems"
        unknown = counts[Verdict.NOT_CHECKED]
        rest = f", {unknown} not checked" if unknown else ""
        self._say(f"\n{problems}, {counts[Verdict.OK]} ok{rest}. Nothing was changed.")

    def _say(self, text: str) -> None:
        print(text, flush=True)

    def _paint(self, code: str, text: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self._colour else text
