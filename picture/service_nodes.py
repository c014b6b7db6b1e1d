"""What the service stack's template says of the running service and its callers."""

from picture.model import Edge, Flow, Node, Part
from picture.service_facts import facts, port_for_callers
from picture.templates import Templates


def service_nodes(templates: Templates) -> list[Node]:
    """Return the nodes around the running service."""
    nodes = []
    for service in templates.of("AWS::ECS::Service"):
        name = f"ECS service {service.properties['ServiceName']}"
        nodes.append(_node("service", "AmazonElasticContainerService", name, *facts(templates)))
        icon = f"AWS{str(service.properties['LaunchType']).capitalize()}"
        nodes.append(_node("tasks", icon, "task"))
    for record in templates.of("AWS::ServiceDiscovery::Service"):
        (dns,) = record.properties["DnsConfig"]["DnsRecords"]
        details = (record.properties["Name"], f"DNS {dns['Type']} records, TTL {dns['TTL']} s")
        nodes.append(_node("record", "AWSCloudMapService", "Cloud Map service", *details))
    if port_for_callers(templates):
        nodes.append(
            Node(
                name="caller",
                part=Part.OTHERS,
                icon="AmazonElasticContainerServiceService",
                title="any service in the VPC",
                details=tuple(_addresses(templates)),
            )
        )
    return nodes


def service_edges(templates: Templates) -> list[Edge]:
    """Return the edges around the running service."""
    edges = []
    if port := port_for_callers(templates):
        edges.append(Edge(source="caller", target="tasks", flow=Flow.CALL, label="calls"))
    for record in templates.of("AWS::ServiceDiscovery::Service"):
        for namespace in templates.referred(record, record.properties["NamespaceId"]):
            if namespace.kind == "AWS::ServiceDiscovery::PrivateDnsNamespace":
                edges.append(Edge(source="record", target="namespace"))
                if port:
                    edges.append(
                        Edge(source="caller", target="namespace", flow=Flow.CALL, label="asks")
                    )
    for service in templates.of("AWS::ECS::Service"):
        edges.append(Edge(source="service", target="tasks", label="runs"))
        referred = [r.kind for r in templates.referred(service, service.properties)]
        if "AWS::ServiceDiscovery::Service" in referred:
            edges.append(Edge(source="service", target="record", label="registers"))
    return edges


def _node(name: str, icon: str, title: str, *details: str) -> Node:
    return Node(name=name, part=Part.SERVICE, icon=icon, title=title, details=details)


def _addresses(templates: Templates) -> list[str]:
    """Return the names and the port under which the service is reached."""
    return [
        f"{record.properties['Name']}.{namespace.properties['Name']}:{port_for_callers(templates)}"
        for record in templates.of("AWS::ServiceDiscovery::Service")
        for namespace in templates.referred(record, record.properties["NamespaceId"])
    ]
