"""What a resource waits for, and the longest chains of resources that wait for each other.

How long a resource takes is not known, and nothing here rests on it.
"""

from collections.abc import Iterable, Mapping
from graphlib import TopologicalSorter
from typing import Any

from cfnlint.graph import Graph
from cfnlint.template import Template


class CreationGraph:
    """The resources of a stack by logical id, each with those that it names or depends on.

    CloudFormation begins a resource when all of those are complete (some types a moment earlier,
    while it still checks what they refer to for consistency).
    """

    def __init__(self, template: Mapping[str, Any]) -> None:
        resources = template["Resources"]
        graph = Graph(Template(None, template, [])).graph.subgraph(resources)
        self.kinds: dict[str, str] = {logical_id: r["Type"] for logical_id, r in resources.items()}
        self.waits_for: dict[str, frozenset[str]] = {
            logical_id: frozenset(graph.successors(logical_id)) for logical_id in graph
        }
        self.steps: dict[str, int] = {}
        """By resource its step: 1 if it waits for nothing, else one after the last it waits for."""
        for logical_id in TopologicalSorter(self.waits_for).static_order():
            before = (self.steps[other] for other in self.waits_for[logical_id])
            self.steps[logical_id] = 1 + max(before, default=0)

    @property
    def length(self) -> int:
        """The number of steps: how many resources at least are created one after the other."""
        return max(self.steps.values())

    def only(self, kind: str) -> str:
        """Return the logical id of the only resource of a type."""
        (logical_id,) = (each for each, of in self.kinds.items() if of == kind)
        return logical_id

    def before(self, logical_id: str) -> frozenset[str]:
        """Return everything that has to be complete before a resource is begun."""
        return self._reached_from(logical_id, self.waits_for)

    def after(self, logical_id: str) -> frozenset[str]:
        """Return everything that is begun only when a resource is complete."""
        waiting: dict[str, set[str]] = {each: set() for each in self.waits_for}
        for each, others in self.waits_for.items():
            for other in others:
                waiting[other].add(each)
        return self._reached_from(logical_id, waiting)

    def longest_chains(self, *ends: str) -> frozenset[str]:
        """Return the resources on the longest chains to ``ends``, or to the last step without."""
        chain = set(ends) or {each for each, step in self.steps.items() if step == self.length}
        for logical_id in sorted(self.steps, key=lambda each: -self.steps[each]):
            if logical_id in chain:
                step = self.steps[logical_id] - 1
                chain |= {o for o in self.waits_for[logical_id] if self.steps[o] == step}
        return frozenset(chain)

    @staticmethod
    def _reached_from(start: str, following: Mapping[str, Iterable[str]]) -> frozenset[str]:
        found: set[str] = set()
        left = [start]
        while left:
            new = set(following[left.pop()]) - found
            found |= new
            left += new
        return frozenset(found)
