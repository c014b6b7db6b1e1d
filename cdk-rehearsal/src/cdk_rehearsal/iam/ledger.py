"""The ledger of the judge: which statement allowed each call, and which calls were refused."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from cdk_rehearsal.iam.calls import Check
from cdk_rehearsal.iam.policies import Statement


@dataclass(frozen=True, order=True)
class _Use:
    """A call that one action pattern of a statement allows; ``alone`` if no other one does."""

    principal: str
    policy: str
    granted: str
    resources: tuple[str, ...]
    action: str
    resource: str
    alone: bool


@dataclass(frozen=True, order=True)
class _Refusal:
    principal: str
    action: str
    resource: str
    reason: str


class Ledger:
    """All decisions since the start. Equal decisions are counted in one entry."""

    def __init__(self) -> None:
        self._calls = 0
        self._uses = Counter[_Use]()
        self._refusals = Counter[_Refusal]()

    def allowed(self, who: str, check: Check, statements: Iterable[Statement]) -> None:
        """Record each grant that allows the check, and whether it is the only one."""
        self._calls += 1
        grants = {
            (each.policy, action, tuple(each.values("Resource")))
            for each in statements
            for action in each.granted_actions(check.action)
        }
        alone = len(grants) == 1
        self._uses.update(_Use(who, *of, check.action, check.resource, alone) for of in grants)

    def refused(self, who: str, check: Check, reason: str) -> None:
        self._calls += 1
        self._refusals[_Refusal(who, check.action, check.resource, reason)] += 1

    def content(self) -> dict[str, Any]:
        """Return all entries, in a form that JSON can encode."""
        return {
            "calls": self._calls,
            "uses": _counted(self._uses),
            "refusals": _counted(self._refusals),
        }


def _counted(entries: Counter[Any]) -> list[dict[str, Any]]:
    return [asdict(entry) | {"times": times} for entry, times in sorted(entries.items())]


LEDGER = Ledger()
