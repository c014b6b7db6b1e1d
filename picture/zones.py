"""The availability zones: their subnets, and the tasks in them."""

import json
from typing import Any

from picture.model import Zone
from picture.templates import Resource, Templates

MAX_DRAWN_TASKS = 3
"""Per zone: more chips say no more."""


def zones(templates: Templates) -> tuple[Zone, ...]:
    """Return the availability zones with their subnets, and the tasks spread over them."""
    cells: dict[str, dict[str, Resource]] = {}
    for subnet in templates.of("AWS::EC2::Subnet"):
        zone = json.dumps(subnet.properties["AvailabilityZone"])
        kind = "public" if subnet.tags["aws-cdk:subnet-type"] == "Public" else "private"
        cells.setdefault(zone, {})[kind] = subnet
    nat_subnets = [
        subnet
        for nat in templates.of("AWS::EC2::NatGateway")
        for subnet in templates.referred(nat, nat.properties["SubnetId"])
    ]
    return tuple(
        Zone(
            title=_zone_title(pair["private"].properties["AvailabilityZone"]),
            public=str(pair["public"].properties["CidrBlock"]),
            private=str(pair["private"].properties["CidrBlock"]),
            nat=pair["public"] in nat_subnets,
            tasks=_tasks_in(templates, pair["private"], number, len(cells)),
        )
        for number, pair in enumerate(cells.values())
    )


def _zone_title(zone: Any) -> str:
    match zone:
        case str():
            return zone
        case {"Fn::Select": [int(index), _]}:
            return f"Zone {index + 1}"
        case _:
            raise ValueError(f"Not a zone: {zone}")


def _tasks_in(templates: Templates, subnet: Resource, number: int, zone_count: int) -> int:
    """Return how many of the tasks that always run are in a subnet, spread evenly."""
    for service in templates.of("AWS::ECS::Service"):
        network = service.properties["NetworkConfiguration"]["AwsvpcConfiguration"]
        if not templates.refers(service, network["Subnets"], subnet):
            return 0
    always = sum(
        target.properties["MinCapacity"]
        for target in templates.of("AWS::ApplicationAutoScaling::ScalableTarget")
    )
    share = always // zone_count + (1 if number < always % zone_count else 0)
    return min(MAX_DRAWN_TASKS, int(share))
