"""What the user reads: a line for each check."""

import os
import sys

from doctor.answer import Answer, Verdict

_WIDTH = 31
_COLOURS = {Verdict.OK: "32", Verdict.PROBLEM: "31", Verdict.NOT_CHECKED: "33"}
_VERDICT_WIDTH = max(map(len, Verdict))


class Report:
    """Prints answers as they come, and counts them.

    Colour and the line of the running check are for terminals; ``NO_COLOR`` and ``CI`` turn them
    off.
    """

    def __init__(self) -> None:
        plain = bool(os.environ.get("NO_COLOR") or os.environ.get("CI"))
        self._live = sys.stdout.isatty() and not plain
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
        if self._live:
            print(f"  {'…':<{_VERDICT_WIDTH}}  {what}", end="\r", flush=True)

    def add(self, what: str, answer: Answer) -> None:
        """Print an answer."""
        self._counts[answer.verdict] += 1
        verdict = self._paint(_COLOURS[answer.verdict], f"{answer.verdict.value:<{_VERDICT_WIDTH}}")
        clear = "\x1b[K" if self._live else ""
        self._say(f"{clear}  {verdict}  {what:<{_WIDTH}}  {answer.line}".rstrip())

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
        return f"\x1b[{code}m{text}\x1b[0m" if self._live else text
