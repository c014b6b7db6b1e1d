"""What CloudFormation's handlers demand of its execution role: the material of a policy."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from cdk_rehearsal.iam.handled_resources import Need, Subject


@dataclass(frozen=True)
class _Key:
    action: str
    pattern: str
    keys: tuple[tuple[str, str], ...]


@dataclass
class Demands:
    """Every permission that a handler needs, with the resources of stacks that need it."""

    _uses: dict[_Key, dict[tuple[str, str, str, str], set[str]]] = field(default_factory=dict)
    _doubts: dict[str, dict[str, None]] = field(default_factory=dict)
    _grants: dict[str, dict[str, None]] = field(default_factory=dict)
    _roles: dict[str, None] = field(default_factory=dict)

    def add(self, role: str, subject: Subject, operation: str, needs: Iterable[Need]) -> None:
        """Record what an operation (create, update or delete) on a resource needs."""
        self._roles[role] = None
        of = (subject.stack, subject.logical_id, subject.kind, operation)
        for need in needs:
            key = _Key(need.action, need.pattern, tuple(sorted(need.keys.items())))
            self._uses.setdefault(key, {}).setdefault(of, set()).add(need.resource)

    def doubt(self, what: str, name: str) -> None:
        """Record what is wrong or unknown about the handlers of types, and a name of it."""
        self._doubts.setdefault(what, {})[name] = None

    def grant(self, stack: str, actions: Iterable[str]) -> None:
        """Record what a policy of the app's own roles allows."""
        self._grants.setdefault(stack, {}).update(dict.fromkeys(actions))

    def content(self) -> dict[str, Any]:
        """Return everything, in a form that JSON can encode."""
        return {
            "roles": list(self._roles),
            "doubts": [f"{what}: {', '.join(names)}" for what, names in self._doubts.items()],
            "grants": {stack: sorted(actions) for stack, actions in self._grants.items()},
            "demands": [
                {
                    "action": key.action,
                    "pattern": key.pattern,
                    "keys": dict(key.keys),
                    "uses": [
                        {
                            "stack": stack,
                            "logical_id": logical_id,
                            "type": kind,
                            "operation": operation,
                            "resources": sorted(resources),
                        }
                        for (stack, logical_id, kind, operation), resources in uses.items()
                    ],
                }
                for key, uses in self._uses.items()
            ],
        }


DEMANDS = Demands()
