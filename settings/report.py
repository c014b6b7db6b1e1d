"""The report: what is wrong with settings files, as the user reads it."""

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from .redaction import shown_name

_WIDTH = 80
_LABEL_COLUMN = 34
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
    # The messages line up behind the widest label that leaves them room. A wider label (with an
    # ARN, for instance) gets a line to itself.
    labels = [len(p.label) for p in problems if len(p.label) < _LABEL_COLUMN]
    column = 4 + max(labels, default=0)
    yield f"error: {count} in {shown_name(str(env_file))}"
    for problem in problems:
        yield from _entry(problem, column)


def _entry(problem: Problem, column: int) -> list[str]:
    label = f"  {problem.label}"
    if not problem.label:
        # Not wrapped: the user may copy a command from it.
        return [f"  {line}" for line in problem.message.splitlines()]
    if len(problem.label) >= _LABEL_COLUMN:
        indent = " " * 6
        return [label, *_wrap(problem.message, initial=indent, rest=indent)]
    return _wrap(problem.message, initial=label.ljust(column), rest=" " * column)


def _wrap(text: str, *, initial: str, rest: str) -> list[str]:
    # Names and ARNs stay in one piece, to be copied, even where the line gets too long.
    return textwrap.wrap(
        text,
        _WIDTH,
        initial_indent=initial,
        subsequent_indent=rest,
        break_long_words=False,
        break_on_hyphens=False,
    )
