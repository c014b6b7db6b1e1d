"""The table of the findings that stay, read from ``acknowledgements.toml``."""

import re
import tomllib
from dataclasses import dataclass
from functools import cache
from itertools import product
from pathlib import Path

from tools.compliance.review import Finding

_TABLE = Path(__file__).with_name("acknowledgements.toml")
_ANY_TEXT = "…"


@dataclass(frozen=True, kw_only=True)
class Acknowledgement:
    """The reason why every combination of ``rules``, ``constructs`` and ``details`` may stay.

    In constructs and details the character … stands for any text.
    """

    rules: tuple[str, ...]
    constructs: tuple[str, ...]
    reason: str
    details: tuple[str, ...] = ("",)

    def covers(self, finding: Finding) -> bool:
        """Return whether this entry explains the finding."""
        return any(_matches(case, finding) for case in self.cases)

    def stale_cases(self, findings: set[Finding]) -> list[tuple[str, str, str]]:
        """Return the combinations that match none of the findings."""
        return [case for case in self.cases if not any(_matches(case, f) for f in findings)]

    @property
    def cases(self) -> tuple[tuple[str, str, str], ...]:
        """Every combination of rule, construct and detail."""
        return tuple(product(self.rules, self.constructs, self.details))


def read_acknowledgements() -> tuple[Acknowledgement, ...]:
    """Return the entries of the table."""
    return parse_acknowledgements(_TABLE.read_text(encoding="utf-8"))


def parse_acknowledgements(text: str) -> tuple[Acknowledgement, ...]:
    """Return the entries of a text in the form of the table."""
    return tuple(
        Acknowledgement(
            rules=tuple(entry["rules"]),
            constructs=tuple(entry["constructs"]),
            details=tuple(entry.get("details", ("",))),
            reason=entry["reason"],
        )
        for entry in tomllib.loads(text).get("acknowledgement", ())
    )


def _matches(case: tuple[str, str, str], finding: Finding) -> bool:
    rule, construct, detail = case
    return (
        rule == finding.rule
        and _pattern(construct).fullmatch(finding.construct) is not None
        and _pattern(detail).fullmatch(finding.detail) is not None
    )


@cache
def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(".+".join(map(re.escape, text.split(_ANY_TEXT))))
