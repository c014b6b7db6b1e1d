"""What the service stack's template says of how the service is watched."""

import json

from picture.model import Edge, Node, Part
from picture.templates import Resource, Templates


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
