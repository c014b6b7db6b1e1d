"""When CloudFormation creates each resource of a stack, if each takes its typical time."""

from collections.abc import Mapping
from dataclasses import dataclass
from graphlib import TopologicalSorter
from typing import Any

from cfnlint.graph import Graph
from cfnlint.template import Template

from deploy_time.durations import read_durations, type_of


@dataclass(frozen=True)
class Step:
    """The creation of one resource, in seconds after the stack was begun.

    ``waits_for`` are the steps that end last of those that have to come before: one or none, or
    several that end at the same time.
    """

    logical_id: str
    kind: str
    start: float
    end: float
    waits_for: tuple["Step", ...]

    @property
    def path(self) -> tuple["Step", ...]:
        """This step and those that decide when it begins, in their order."""
        steps = {step for before in self.waits_for for step in before.path} | {self}
        return tuple(sorted(steps, key=lambda step: (step.start, step.end, step.logical_id)))


@dataclass(frozen=True)
class Schedule:
    """The steps of a stack, the earliest first."""

    steps: tuple[Step, ...]

    @property
    def critical_path(self) -> tuple[Step, ...]:
        """The steps that decide how long the stack takes."""
        return max(self.steps, key=lambda step: step.end).path

    def path_to(self, kind: str) -> tuple[Step, ...]:
        """Return the steps that decide when the only resource of a type is there."""
        (step,) = (step for step in self.steps if step.kind == kind)
        return step.path


def schedule(template: Mapping[str, Any]) -> Schedule:
    """Return the schedule of a stack: each resource is begun when all that it names is complete.

    Optimistic: CloudFormation throttles nothing, and retries nothing. Pessimistic: for some types
    it begins what refers to a resource while it still checks that one for consistency.
    """
    resources = template["Resources"]
    steps: dict[str, Step] = {}
    before = prerequisites(template)
    for logical_id in TopologicalSorter(before).static_order():
        earlier = [steps[other] for other in before[logical_id]]
        start = max((step.end for step in earlier), default=0)
        waits_for = tuple(step for step in earlier if step.end == start)
        kind = type_of(resources[logical_id])
        end = start + read_durations()[kind].seconds
        steps[logical_id] = Step(logical_id, kind, start, end, waits_for)
    return Schedule(tuple(sorted(steps.values(), key=lambda s: (s.start, s.end, s.logical_id))))


def prerequisites(template: Mapping[str, Any]) -> dict[str, list[str]]:
    """Return for every resource the others that it refers to or depends on."""
    graph = Graph(Template(None, template, [])).graph.subgraph(template["Resources"])
    return {logical_id: sorted(graph.successors(logical_id)) for logical_id in graph}
