"""What a check answers."""

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """How it stands with one thing, in the words that the user reads."""

    OK = "ok"
    PROBLEM = "PROBLEM"
    NOT_CHECKED = "not checked"


@dataclass(frozen=True, slots=True)
class Answer:
    """A verdict, what was found, and what to do about it (empty if there is nothing to do)."""

    verdict: Verdict
    found: str
    to_do: str = ""

    @property
    def line(self) -> str:
        """What was found and what to do, in one line."""
        return f"{self.found} -> {self.to_do}" if self.to_do else self.found


def ok(found: str) -> Answer:
    """Answer that a deploy can rely on this."""
    return Answer(Verdict.OK, found)


def problem(found: str, to_do: str) -> Answer:
    """Answer that a deploy would fail, or not do what it should."""
    return Answer(Verdict.PROBLEM, found, to_do)


def not_checked(why: str, to_do: str = "") -> Answer:
    """Answer that nobody knows, and why."""
    return Answer(Verdict.NOT_CHECKED, why, to_do)
