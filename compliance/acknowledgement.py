"""A finding that stays, and why."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from itertools import product

from compliance.finding import Finding

ANY = "…"


@dataclass(frozen=True, kw_only=True)
class Acknowledgement:
    """Every one of ``rules`` is broken by every one of ``constructs``, in every one of ``details``.

    In constructs and details ``ANY`` stands for any text; a ``*`` is one, as IAM writes it.
    """

    rules: tuple[str, ...]
    constructs: tuple[str, ...]
    reason: str
    details: tuple[str, ...] = ("",)

    def covers(self, finding: Finding) -> bool:
        """Tell whether this is the explanation of the finding."""
        return any(_matches(case, finding) for case in self.cases)

    @property
    def cases(self) -> tuple[tuple[str, str, str], ...]:
        """Every (rule, construct, detail) that is acknowledged."""
        return tuple(product(self.rules, self.constructs, self.details))

    def stale(self, findings: Iterable[Finding]) -> list[tuple[str, str, str]]:
        """Return the cases that none of the findings needs any more."""
        known = list(findings)
        return [case for case in self.cases if not any(_matches(case, f) for f in known)]


def _matches(case: tuple[str, str, str], finding: Finding) -> bool:
    rule, construct, detail = case
    return (
        rule == finding.rule
        and _pattern(construct).fullmatch(finding.construct) is not None
        and _pattern(detail).fullmatch(finding.detail) is not None
    )


@cache
def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(".+".join(map(re.escape, text.split(ANY))))
