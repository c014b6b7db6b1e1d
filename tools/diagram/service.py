"""What the service stack's template says of the running service, its callers and its watch."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from tools.diagram.model import Edge, Flow, Node, Part
from tools.diagram.templates import Resource, Templates, plain

_EVERYBODY = "0.0.0.0/0"


def service_nodes(templates: Templates) -> list[Node]:
    """Return the nodes around the running service."""
    nodes = []
    for service in templates.of("AWS::ECS::Service"):
        name = f"ECS service {service.properties['ServiceName']}"
        nodes.append(_node("service", "AmazonElasticContainerService", name, *_facts(templates)))
        icon = f"AWS{str(service.properties['LaunchType']).capitalize()}"
        nodes.append(_node("tasks", icon, "task"))
    for record in templates.of("AWS::ServiceDiscovery::Service"):
        (dns,) = record.properties["DnsConfig"]["DnsRecords"]
        details = (record.properties["Name"], f"DNS {dns['Type']} records, TTL {dns['TTL']} s")
        nodes.append(_node("record", "AWSCloudMapService", "Cloud Map service", *details))
    if _port_for_callers(templates):
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
    if port := _port_for_callers(templates):
        edges.append(Edge(source="caller", target="tasks", flow=Flow.CALL, label="calls"))
    for record in templates.of("AWS::ServiceDiscovery::Service"):
        for _ in _namespaces(templates, record):
            edges.append(Edge(source="record", target="namespace"))
            if port:
                asks = Edge(source="caller", target="namespace", flow=Flow.CALL, label="asks")
                edges.append(asks)
    for service in templates.of("AWS::ECS::Service"):
        edges.append(Edge(source="service", target="tasks", label="runs"))
        referred = [r.kind for r in templates.referred(service, service.properties)]
        if "AWS::ServiceDiscovery::Service" in referred:
            edges.append(Edge(source="service", target="record", label="registers"))
    return edges


def _namespaces(templates: Templates, record: Resource) -> list[str]:
    """Return the names of the namespaces that a service is registered in."""
    wanted = record.properties["NamespaceId"]
    if templates.existing and wanted == templates.existing.namespace_id:
        return [templates.existing.namespace_name]
    return [
        str(namespace.properties["Name"])
        for namespace in templates.referred(record, wanted)
        if namespace.kind == "AWS::ServiceDiscovery::PrivateDnsNamespace"
    ]


def _addresses(templates: Templates) -> list[str]:
    """Return the names and the port under which the service is reached."""
    return [
        f"{record.properties['Name']}.{namespace}:{_port_for_callers(templates)}"
        for record in templates.of("AWS::ServiceDiscovery::Service")
        for namespace in _namespaces(templates, record)
    ]


def _facts(templates: Templates) -> Iterator[str]:
    """Yield the lines."""
    yield f"{_task_count(templates)} of {_task_size(templates)}"
    policies = [
        policy.properties["TargetTrackingScalingPolicyConfiguration"]
        for policy in templates.of("AWS::ApplicationAutoScaling::ScalingPolicy")
    ]
    if policies:
        targets = " or ".join(f"{p['TargetValue']:g} % {_metric(p)}" for p in policies)
        yield f"scales at {targets}"
    for service in templates.of("AWS::ECS::Service"):
        guards = service.properties["DeploymentConfiguration"]
        failed = _rolls_back(guards, "DeploymentCircuitBreaker") * ["failure"]
        alarmed = _rolls_back(guards, "Alarms") * ["alarm"]
        if reasons := " or ".join([*failed, *alarmed]):
            yield f"rolls back on {reasons}"
        network = service.properties["NetworkConfiguration"]["AwsvpcConfiguration"]
        private = network["AssignPublicIp"] == "DISABLED"
        if private and (port := _port_for_callers(templates)) and _openings(templates) == 1:
            yield f"no public address, only port {port} is open"


def _port_for_callers(templates: Templates) -> str:
    """Return the port that the service's security group opens to the whole VPC, or nothing."""
    vpcs = templates.of("AWS::EC2::VPC")
    for service in templates.of("AWS::ECS::Service"):
        for group in templates.referred(service, service.properties["NetworkConfiguration"]):
            for rule in group.properties.get("SecurityGroupIngress", ()):
                cidr = rule.get("CidrIp")
                named = any(templates.refers(group, cidr, vpc) for vpc in vpcs)
                # Of a VPC that is not looked up nothing is known but that it is not everybody.
                imported = templates.existing and cidr not in {None, _EVERYBODY}
                if named or imported or cidr in [vpc.properties["CidrBlock"] for vpc in vpcs]:
                    return plain(rule["FromPort"])
    return ""


def _openings(templates: Templates) -> int:
    """Return how many rules and ports let others in."""
    if templates.of("AWS::EC2::SecurityGroupIngress"):
        return 0
    return sum(
        1 + int(rule["ToPort"]) - int(rule["FromPort"])
        for service in templates.of("AWS::ECS::Service")
        for group in templates.referred(service, service.properties["NetworkConfiguration"])
        for rule in group.properties.get("SecurityGroupIngress", ())
    )


def _task_count(templates: Templates) -> str:
    (target,) = templates.of("AWS::ApplicationAutoScaling::ScalableTarget")
    low, high = target.properties["MinCapacity"], target.properties["MaxCapacity"]
    return f"{low} tasks" if low == high else f"{low} to {high} tasks"


def _task_size(templates: Templates) -> str:
    (task,) = templates.of("AWS::ECS::TaskDefinition")
    cpu = int(task.properties["Cpu"]) / 1024
    return f"{cpu:g} vCPU and {task.properties['Memory']} MB"


def _metric(policy: Mapping[str, Any]) -> str:
    kind = policy["PredefinedMetricSpecification"]["PredefinedMetricType"]
    return "CPU" if "CPU" in kind else "memory"


def _rolls_back(guards: Mapping[str, Any], guard: str) -> bool:
    return bool(guards.get(guard, {}).get("Enable") and guards[guard]["Rollback"])


def watch_nodes(templates: Templates) -> list[Node]:
    """Return the nodes that watch the service."""
    nodes = []
    for group in _task_logs(templates):
        kept = f"kept {group.properties['RetentionInDays']} days"
        nodes.append(_node("logs", "AmazonCloudWatchLogs", "Task logs", kept))
    if templates.of("AWS::CloudWatch::Dashboard"):
        nodes.append(_node("dashboard", "AmazonCloudWatch", "Dashboard"))
    if alarms := templates.of("AWS::CloudWatch::Alarm"):
        title = f"{len(alarms)} alarm{'s' if len(alarms) > 1 else ''}"
        nodes.append(_node("alarms", "AmazonCloudWatchAlarm", title))
    if templates.of("AWS::SNS::Topic"):
        kinds = {s.properties["Protocol"] for s in templates.of("AWS::SNS::Subscription")}
        details = [f"by {kind}" for kind in sorted(kinds)]
        nodes.append(_node("topic", "AmazonSimpleNotificationService", "Notifications", *details))
    return nodes


def watch_edges(templates: Templates) -> list[Edge]:
    """Return the edges between what is watched and what watches."""
    edges = []
    logs = _task_logs(templates)
    if logs:
        edges.append(Edge(source="service", target="logs"))
    if logs and any(
        _all_of(templates, d, *logs) for d in templates.of("AWS::CloudWatch::Dashboard")
    ):
        edges.append(Edge(source="logs", target="dashboard"))
    if logs and any(_all_of(templates, f, *logs) for f in templates.of("AWS::Logs::MetricFilter")):
        edges.append(Edge(source="logs", target="alarms"))
    alarms = templates.of("AWS::CloudWatch::Alarm")
    if any(_measures_a_service(templates, alarm) for alarm in alarms):
        edges.append(Edge(source="service", target="alarms"))
    topics = templates.of("AWS::SNS::Topic")
    if topics and any(_all_of(templates, alarm, *topics) for alarm in alarms):
        edges.append(Edge(source="alarms", target="topic"))
    for rule in templates.of("AWS::Events::Rule"):
        reporting = rule.properties["EventPattern"]["source"]
        if topics and _all_of(templates, rule, *topics) and "aws.codepipeline" in reporting:
            edges.append(Edge(source="pipeline", target="topic", label="failures"))
    return edges


def _node(name: str, icon: str, title: str, *details: str) -> Node:
    return Node(name=name, part=Part.SERVICE, icon=icon, title=title, details=details)


def _all_of(templates: Templates, source: Resource, *targets: Resource) -> bool:
    return set(map(id, targets)) <= set(map(id, templates.referred(source, source.properties)))


def _measures_a_service(templates: Templates, alarm: Resource) -> bool:
    names = [s.properties["ServiceName"] for s in templates.of("AWS::ECS::Service")]
    return any(json.dumps(name) in json.dumps(alarm.properties) for name in names)


def _task_logs(templates: Templates) -> list[Resource]:
    return [
        group
        for task in templates.of("AWS::ECS::TaskDefinition")
        for group in templates.referred(task, task.properties["ContainerDefinitions"])
        if group.kind == "AWS::Logs::LogGroup"
    ]
