"""The report: what is wrong with settings files, as the user reads it."""

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from .redaction import shown_name

_WIDTH = 80
_NOTHING_HAPPENED = "Nothing was deployed or written."


class InvalidValueError(ValueError):
    """A value is not usable; the text says what is expected instead.

    The report shows the text as it is, so it must not contain a value that may be secret.
    """


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong.

    ``key`` is a key of the file, or the place in it (``line 7``), or empty for the whole file.
    ``given`` is the value as the report may show it, or None to show none. ``line`` is the line of
    the key, or None if the key is not in the file.
    """

    key: str
    message: str
    given: str | None = None
    line: int | None = None

    @property
    def label(self) -> str:
        """The key and its value, as the user would write them."""
        return self.key if self.given is None else f"{self.key}={self.given}"


class SettingsError(Exception):
    """Settings cannot be used. ``str(error)`` is the whole report, ready for a terminal."""

    def __init__(self, reports: Mapping[Path, Sequence[Problem]]) -> None:
        """Describe the problems of each file."""
        super().__init__(reports)
        self.reports = reports

    @property
    def problems(self) -> tuple[Problem, ...]:
        """The problems of all files."""
        return tuple(problem for problems in self.reports.values() for problem in problems)

    def __str__(self) -> str:
        lines = [line for report in self.reports.items() for line in _report(*report)]
        return "\n".join([*lines, _NOTHING_HAPPENED])


def _report(env_file: Path, problems: Sequence[Problem]) -> Iterator[str]:
    count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
    yield f"error: {count} in {shown_name(str(env_file))}"
    for problem in problems:
        if not problem.label:
            # Not wrapped: the user may copy a command from it.
            yield textwrap.indent(problem.message, "  ")
            continue
        # Names and ARNs stay in one piece, to be copied, even where the line gets too long.
        yield textwrap.fill(
            f"{problem.label}: {problem.message}",
            _WIDTH,
            initial_indent="  ",
            subsequent_indent=" " * 6,
            break_long_words=False,
            break_on_hyphens=False,
        )
