"""The ledger of the judge: which statement allowed each call, and which calls were refused."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from cdk_rehearsal.iam.calls import Check
from cdk_rehearsal.iam.policies import Statement


@dataclass(frozen=True, order=True)
class Grant:
    """One action pattern of a statement, with the resource patterns of the statement."""

    policy: str
    action: str
    resources: tuple[str, ...]


class Ledger:
    """All decisions since the start. Equal decisions are counted in one entry."""

    def __init__(self) -> None:
        self._calls = 0
        self._uses: dict[tuple[str, Grant, str, str, bool], int] = {}
        self._refusals: dict[tuple[str, str, str, str], int] = {}

    def allowed(self, who: str, check: Check, statements: Iterable[Statement]) -> None:
        """Record each grant that allows the check, and whether it is the only one."""
        self._calls += 1
        grants = sorted(
            {
                Grant(each.policy, action, tuple(each.values("Resource")))
                for each in statements
                for action in each.granted_actions(check.action)
            }
        )
        for grant in grants:
            key = (who, grant, check.action, check.resource, len(grants) == 1)
            self._uses[key] = self._uses.get(key, 0) + 1

    def refused(self, who: str, check: Check, reason: str) -> None:
        self._calls += 1
        key = (who, check.action, check.resource, reason)
        self._refusals[key] = self._refusals.get(key, 0) + 1

    def content(self) -> dict[str, Any]:
        """Return all entries, in a form that JSON can encode."""
        return {
            "calls": self._calls,
            "uses": [
                {
                    "principal": who,
                    "policy": grant.policy,
                    "granted": grant.action,
                    "resources": list(grant.resources),
                    "action": action,
                    "resource": resource,
                    "alone": alone,
                    "times": times,
                }
                for (who, grant, action, resource, alone), times in sorted(self._uses.items())
            ],
            "refusals": [
                {
                    "principal": who,
                    "action": action,
                    "resource": resource,
                    "reason": reason,
                    "times": times,
                }
                for (who, action, resource, reason), times in sorted(self._refusals.items())
            ],
        }


LEDGER = Ledger()
