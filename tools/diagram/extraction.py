"""From the templates to the model: all of it, and what the core stack's template says."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from settings import ExistingPlatformSettings
from tools.diagram.model import Edge, Model, Node, Part, Zone
from tools.diagram.pipeline import pipeline_edges, pipeline_nodes
from tools.diagram.service import service_edges, service_nodes, watch_edges, watch_nodes
from tools.diagram.templates import Resource, Templates, check_every_type_is_decided, plain

MAX_DRAWN_TASKS = 3
"""Per zone: more chips say no more."""


def extract(
    by_stack: Mapping[str, Mapping[str, Any]],
    existing: ExistingPlatformSettings | None = None,
) -> Model:
    """Return what the templates of a core and a service stack say; or of a service stack alone.

    Then ``existing`` says what it is put on. What CDK has made up for a VPC that would be looked up
    is not told.
    """
    templates = Templates(by_stack, existing)
    check_every_type_is_decided(templates)
    nodes = [
        *_core_nodes(templates),
        *service_nodes(templates),
        *watch_nodes(templates),
        *pipeline_nodes(templates),
    ]
    return Model(
        stacks={
            Part.CORE: "Exists already" if existing else templates.stack_with("AWS::EC2::VPC"),
            Part.SERVICE: templates.stack_with("AWS::ECS::Service"),
        },
        zones=_existing_zones(templates, existing) if existing else _zones(templates),
        nodes={node.name: node for node in nodes},
        edges=(
            *_core_edges(templates),
            *service_edges(templates),
            *watch_edges(templates),
            *pipeline_edges(templates),
        ),
    )


def _core_nodes(templates: Templates) -> list[Node]:
    """Return the nodes of the core stack."""
    if templates.existing:
        return list(_existing_platform(templates.existing))
    return [*_network(templates), *_platform(templates)]


def _existing_platform(existing: ExistingPlatformSettings) -> Iterator[Node]:
    network = existing.vpc.vpc_cidr if existing.vpc else str(existing.vpc_name)
    yield _node("vpc", "VirtualprivatecloudVPC", "VPC", network)
    cluster = existing.ecs_cluster_name
    yield _node("cluster", "AmazonElasticContainerService", "ECS cluster", cluster)
    yield _execution_role()
    yield _node("namespace", "AWSCloudMap", "Cloud Map namespace", existing.namespace_name)


def _network(templates: Templates) -> Iterator[Node]:
    for vpc in templates.of("AWS::EC2::VPC"):
        yield _node("vpc", "VirtualprivatecloudVPC", "VPC", vpc.properties["CidrBlock"])
    if templates.of("AWS::EC2::NatGateway"):
        yield _node("nat", "AmazonVPCNATGateway", "NAT gateway")
    if templates.of("AWS::EC2::InternetGateway"):
        yield _node("internet", "AmazonVPCInternetGateway", "Internet gateway")
    if endpoints := templates.of("AWS::EC2::VPCEndpoint"):
        names = ", ".join(_endpoint(e.properties["ServiceName"]) for e in endpoints)
        yield _node("endpoints", "AmazonVPCEndpoints", "VPC endpoints", names)
    for log in templates.of("AWS::EC2::FlowLog"):
        facts = [f"{log.properties['TrafficType'].lower()} traffic"]
        facts += [
            f"kept {group.properties['RetentionInDays']} days"
            for group in templates.referred(log, log.properties["LogGroupName"])
        ]
        yield _node("flow-logs", "AmazonVPCFlowLogs", "VPC flow logs", ", ".join(facts))


def _platform(templates: Templates) -> Iterator[Node]:
    for cluster in templates.of("AWS::ECS::Cluster"):
        settings = {s["Name"]: s["Value"] for s in cluster.properties["ClusterSettings"]}
        details = [cluster.properties["ClusterName"]]
        if settings.get("containerInsights", "disabled") != "disabled":
            details.append("with Container Insights")
        yield _node("cluster", "AmazonElasticContainerService", "ECS cluster", *details)
    for task in templates.of("AWS::ECS::TaskDefinition"):
        for role in templates.referred(task, task.properties["ExecutionRoleArn"]):
            if role.kind == "AWS::IAM::Role":
                yield _execution_role()
    if namespaces := templates.of("AWS::ServiceDiscovery::PrivateDnsNamespace"):
        title = "Cloud Map namespace" + ("s" if len(namespaces) > 1 else "")
        domains = [str(n.properties["Name"]) for n in namespaces]
        yield _node("namespace", "AWSCloudMap", title, *_shortened(domains))


def _execution_role() -> Node:
    texts = ("Task execution role", "ECS starts tasks with it")
    return _node("execution-role", "AWSIdentityandAccessManagement", *texts)


def _core_edges(templates: Templates) -> list[Edge]:
    """Return the edges between nodes of the core stack."""
    edges = []
    routes = [r for route in templates.of("AWS::EC2::Route") for r in _targets(templates, route)]
    if any(target.kind == "AWS::EC2::NatGateway" for target in routes):
        edges.append(Edge(source="vpc", target="nat"))
    if any(target.kind == "AWS::EC2::InternetGateway" for target in routes):
        source = "nat" if templates.of("AWS::EC2::NatGateway") else "vpc"
        edges.append(Edge(source=source, target="internet"))
    if templates.of("AWS::EC2::FlowLog"):
        edges.append(Edge(source="vpc", target="flow-logs"))
    return edges


def _node(name: str, icon: str, title: str, *details: str) -> Node:
    return Node(name=name, part=Part.CORE, icon=icon, title=title, details=details)


def _shortened(names: list[str]) -> list[str]:
    """Return the names, or what differs in them and the domain that they share."""
    parts = [name.partition(".") for name in names]
    if len(names) > 1 and len({rest for _, _, rest in parts}) == 1:
        return [", ".join(first for first, _, _ in parts), f".{parts[0][2]}"]
    return names


def _targets(templates: Templates, route: Resource) -> list[Resource]:
    keys = ("NatGatewayId", "GatewayId")
    return templates.referred(route, [route.properties.get(key) for key in keys])


def _endpoint(service: Any) -> str:
    return plain(service).partition("amazonaws.")[2].partition(".")[2]


def _zones(templates: Templates) -> tuple[Zone, ...]:
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


def _existing_zones(templates: Templates, existing: ExistingPlatformSettings) -> tuple[Zone, ...]:
    """Return the zones of a VPC that is known, or one that stands for those of another."""
    zones = [("Its zones", "", "")]
    if vpc := existing.vpc:
        subnets = (vpc.availability_zones, vpc.public_subnet_ids, vpc.private_subnet_ids)
        zones = list(zip(*subnets, strict=True))
    return tuple(
        Zone(
            title=title,
            public=public,
            private=private,
            nat=False,
            tasks=_share(templates, number, len(zones)),
        )
        for number, (title, public, private) in enumerate(zones)
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
    return _share(templates, number, zone_count)


def _share(templates: Templates, number: int, zone_count: int) -> int:
    always = sum(
        target.properties["MinCapacity"]
        for target in templates.of("AWS::ApplicationAutoScaling::ScalableTarget")
    )
    share = always // zone_count + (1 if number < always % zone_count else 0)
    return min(MAX_DRAWN_TASKS, int(share))
