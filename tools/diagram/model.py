"""The model of the diagram: what is drawn, before anyone says where."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any


class Part(StrEnum):
    """Who makes a node."""

    CORE = "core"
    SERVICE = "service"
    OTHERS = "others"


class Flow(StrEnum):
    """What an edge stands for."""

    COMMIT = "commit"
    CALL = "call"
    USE = "use"


@dataclass(frozen=True, kw_only=True)
class Node:
    """One thing in the diagram."""

    name: str
    part: Part
    icon: str
    title: str
    details: tuple[str, ...] = ()
    step: int | None = None
    """Its place on the path of a commit."""


@dataclass(frozen=True, kw_only=True)
class Edge:
    """A directed connection between two nodes, named."""

    source: str
    target: str
    flow: Flow = Flow.USE
    label: str = ""


@dataclass(frozen=True, kw_only=True)
class Zone:
    """An availability zone with its subnets."""

    title: str
    public: str
    private: str
    nat: bool
    """Whether a NAT gateway is in its public subnet."""
    tasks: int
    """How many of the tasks that always run are drawn in its private subnet."""


@dataclass(frozen=True, kw_only=True)
class Model:
    """Everything that the diagram says."""

    stacks: Mapping[Part, str]
    zones: tuple[Zone, ...]
    nodes: Mapping[str, Node]
    edges: tuple[Edge, ...]

    def __post_init__(self) -> None:
        for edge in self.edges:
            for end in (edge.source, edge.target):
                if end not in self.nodes:
                    raise ValueError(f"An edge ends at {end!r}, which is not in the diagram")

    def actions(self) -> list[Node]:
        """Return the actions of the pipeline in their order."""
        steps = [node for node in self.nodes.values() if node.name.startswith("action:")]
        return sorted(steps, key=lambda node: node.step or 0)

    def as_json(self) -> dict[str, Any]:
        """Return the model as plain data, for the metadata of the diagram."""
        return {
            "stacks": dict(self.stacks),
            "zones": [asdict(zone) for zone in self.zones],
            "nodes": [
                asdict(node) | {"details": list(node.details)} for node in self.nodes.values()
            ],
            "edges": [asdict(edge) for edge in self.edges],
        }
