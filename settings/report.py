"""The report: what is wrong with a settings file, as the user reads it."""

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from .redaction import shown_name

_WIDTH = 80
_LABEL_COLUMN = 34
_MOST_SHOWN = 60
_MOST_FILES = 20
_NOTHING_HAPPENED = "Nothing was deployed or written."


class InvalidValueError(ValueError):
    """A value is not usable; the text says what is expected instead.

    The text is shown to the user as it is, so it must never contain a value that may be secret.
    """


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong.

    `key` is a key of the file, or the place in it (`line 7`), or empty for the file as a whole.
    `given` is its value in a form that may be shown, or None if there is none to show. `line` is
    where it stands, or None if it is not in the file.
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
    """Settings cannot be used. `str(error)` is the whole report, ready for a terminal."""

    def __init__(self, env_file: Path | str, problems: Sequence[Problem]) -> None:
        """Describe every one of the `problems` found in `env_file`."""
        self.env_file = Path(env_file)
        self.problems = tuple(problems)
        super().__init__(env_file, problems)

    def __str__(self) -> str:
        return f"{_report(self.env_file, self.problems)}\n{_NOTHING_HAPPENED}"


class SeveralSettingsError(SettingsError):
    """Several settings files cannot be used, or not together."""

    def __init__(self, errors: Sequence[SettingsError]) -> None:
        """Join the reports of `errors`, one for each file, at least one."""
        self.errors = tuple(errors)
        problems = [problem for error in errors for problem in error.problems]
        super().__init__(errors[0].env_file, problems)

    def __str__(self) -> str:
        shown = self.errors[:_MOST_FILES]
        reports = [_report(error.env_file, error.problems) for error in shown]
        if len(self.errors) > len(shown):
            reports.append(f"error: ... and in {len(self.errors) - len(shown)} more files")
        return "\n".join([*reports, _NOTHING_HAPPENED])


def _report(env_file: Path, problems: Sequence[Problem]) -> str:
    shown = problems[:_MOST_SHOWN]
    count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
    # The messages line up behind the widest label that leaves them room; a wider label (an ARN,
    # say) gets a line to itself.
    labels = [len(p.label) for p in shown if len(p.label) < _LABEL_COLUMN]
    column = 4 + max(labels, default=0)
    lines = [f"error: {count} in {shown_name(str(env_file))}"]
    for problem in shown:
        lines += _entry(problem, column)
    if len(problems) > len(shown):
        lines.append(f"  ... and {len(problems) - len(shown)} more")
    return "\n".join(lines)


def _entry(problem: Problem, column: int) -> list[str]:
    label = f"  {problem.label}"
    if not problem.label:
        # Not wrapped: it may have a command in it, to be copied.
        return [f"  {line}" for line in problem.message.splitlines()]
    if len(problem.label) >= _LABEL_COLUMN:
        indent = " " * 6
        return [label, *_wrap(problem.message, initial=indent, rest=indent)]
    return _wrap(problem.message, initial=label.ljust(column), rest=" " * column)


def _wrap(text: str, *, initial: str, rest: str) -> list[str]:
    # Names and ARNs must stay in one piece to be copied, even where the line gets too long.
    return textwrap.wrap(
        text,
        _WIDTH,
        initial_indent=initial,
        subsequent_indent=rest,
        break_long_words=False,
        break_on_hyphens=False,
    )
