"""What the core stack's template says: the network, the cluster and the namespaces."""

from collections.abc import Iterator
from typing import Any

from picture.model import Edge, Node, Part
from picture.templates import Resource, Templates, plain


def core_nodes(templates: Templates) -> list[Node]:
    """Return the nodes of the core stack."""
    return [*_network(templates), *_platform(templates)]


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
                texts = ("Task execution role", "ECS starts tasks with it")
                yield _node("execution-role", "AWSIdentityandAccessManagement", *texts)
    if namespaces := templates.of("AWS::ServiceDiscovery::PrivateDnsNamespace"):
        title = "Cloud Map namespace" + ("s" if len(namespaces) > 1 else "")
        domains = [str(n.properties["Name"]) for n in namespaces]
        yield _node("namespace", "AWSCloudMap", title, *_shortened(domains))


def core_edges(templates: Templates) -> list[Edge]:
    """Return the edges between nodes of the core stack."""
    edges = []
    ways = [r for route in templates.of("AWS::EC2::Route") for r in _targets(templates, route)]
    if any(target.kind == "AWS::EC2::NatGateway" for target in ways):
        edges.append(Edge(source="vpc", target="nat"))
    if any(target.kind == "AWS::EC2::InternetGateway" for target in ways):
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
