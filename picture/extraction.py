"""From the templates of a deployment with a core stack to the model of its picture."""

from collections.abc import Mapping
from typing import Any

from picture.core_nodes import core_edges, core_nodes
from picture.delivery_nodes import delivery_edges, delivery_nodes
from picture.model import Model, Part
from picture.not_drawn import check_every_type_is_decided
from picture.service_nodes import service_edges, service_nodes
from picture.templates import Templates
from picture.watch_nodes import watch_edges, watch_nodes
from picture.zones import zones


def extract(by_stack: Mapping[str, Mapping[str, Any]]) -> Model:
    """Return what the templates of a core and a service stack say."""
    templates = Templates(by_stack)
    check_every_type_is_decided(templates)
    nodes = [
        *core_nodes(templates),
        *service_nodes(templates),
        *watch_nodes(templates),
        *delivery_nodes(templates),
    ]
    return Model(
        stacks={
            Part.CORE: templates.stack_with("AWS::EC2::VPC"),
            Part.SERVICE: templates.stack_with("AWS::ECS::Service"),
        },
        zones=zones(templates),
        nodes={node.name: node for node in nodes},
        edges=(
            *core_edges(templates),
            *service_edges(templates),
            *watch_edges(templates),
            *delivery_edges(templates),
        ),
    )
