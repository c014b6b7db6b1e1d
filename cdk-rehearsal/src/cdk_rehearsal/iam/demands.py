"""What CloudFormation's handlers demand of its execution role: the material of a policy."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any, TypeAlias

from cdk_rehearsal.iam.handled_resources import Need, Subject


@dataclass(frozen=True)
class Use:
    """A resource of a stack whose handler needs an action, for create, update or delete."""

    stack: str
    logical_id: str
    type: str
    operation: str


_Key: TypeAlias = tuple[str, str, tuple[tuple[str, str], ...]]
"""An action, the pattern of its resources, and its condition keys."""


@dataclass
class Demands:
    """Every permission that a handler needs, with the resources of stacks that need it."""

    _uses: dict[_Key, dict[Use, set[str]]] = field(default_factory=dict)
    _doubts: dict[str, dict[str, None]] = field(default_factory=dict)
    _grants: dict[str, set[str]] = field(default_factory=dict)
    _roles: dict[str, None] = field(default_factory=dict)

    def add(self, role: str, subject: Subject, operation: str, needs: Iterable[Need]) -> None:
        """Record what an operation (create, update or delete) on a resource needs."""
        self._roles[role] = None
        use = Use(subject.stack, subject.logical_id, subject.kind, operation)
        for need in needs:
            key = (need.action, need.pattern, tuple(sorted(need.keys.items())))
            self._uses.setdefault(key, {}).setdefault(use, set()).add(need.resource)

    def doubt(self, what: str, name: str) -> None:
        """Record what is wrong or unknown about the handlers of types, and a name of it."""
        self._doubts.setdefault(what, {})[name] = None

    def grant(self, stack: str, actions: Iterable[str]) -> None:
        """Record what a policy of the app's own roles allows."""
        self._grants.setdefault(stack, set()).update(actions)

    def content(self) -> dict[str, Any]:
        """Return everything, in a form that JSON can encode."""
        return {
            "roles": list(self._roles),
            "doubts": [f"{what}: {', '.join(names)}" for what, names in self._doubts.items()],
            "grants": {stack: sorted(actions) for stack, actions in self._grants.items()},
            "demands": [
                {
                    "action": action,
                    "pattern": pattern,
                    "keys": dict(keys),
                    "uses": [asdict(use) | {"resources": sorted(on)} for use, on in uses.items()],
                }
                for (action, pattern, keys), uses in self._uses.items()
            ],
        }


DEMANDS = Demands()
