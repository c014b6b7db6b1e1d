"""The dashboard, and who is told of a failed delivery."""

import json
from typing import Any

from tests.synthesis import CONNECTED, synthesise

SERVICE = "BackendServiceStack"


def dashboard() -> dict[str, Any]:
    """Return the body of the dashboard, with references replaced by a word."""
    parts = synthesise().only(SERVICE, "AWS::CloudWatch::Dashboard")["DashboardBody"]
    text = "".join(p if isinstance(p, str) else "REFERENCE" for p in parts["Fn::Join"][1])
    body: dict[str, Any] = json.loads(text)
    return body


def test_the_dashboard_shows_tasks_cpu_memory_and_the_newest_errors() -> None:
    titles = [widget["properties"]["title"] for widget in dashboard()["widgets"]]
    assert titles == ["Tasks", "CPU (%)", "Memory (%)", "Newest errors"]


def test_the_number_of_tasks_comes_from_container_insights() -> None:
    metrics = dashboard()["widgets"][0]["properties"]["metrics"]
    assert [metric[:2] for metric in metrics] == [
        ["ECS/ContainerInsights", "DesiredTaskCount"],
        ["ECS/ContainerInsights", "RunningTaskCount"],
    ]


def test_errors_are_read_from_the_log_of_the_service() -> None:
    parts = synthesise().only(SERVICE, "AWS::CloudWatch::Dashboard")["DashboardBody"]["Fn::Join"][1]
    before = next(index for index, part in enumerate(parts) if "SOURCE '" in str(part))
    container = synthesise().only(SERVICE, "AWS::ECS::TaskDefinition")["ContainerDefinitions"][0]
    assert parts[before + 1] == container["LogConfiguration"]["Options"]["awslogs-group"]


def test_nobody_is_told_unless_an_address_is_given() -> None:
    for kind in ("AWS::SNS::Topic", "AWS::SNS::Subscription", "AWS::Events::Rule"):
        synthesise().service.resource_count_is(kind, 0)


def test_a_failed_delivery_is_mailed_to_the_address() -> None:
    connected = synthesise(**CONNECTED)
    (topic,) = connected.resources(SERVICE, "AWS::SNS::Topic")
    subscription = connected.only(SERVICE, "AWS::SNS::Subscription")
    rule = connected.only(SERVICE, "AWS::Events::Rule")
    assert subscription == {
        "Endpoint": "team@example.com",
        "Protocol": "email",
        "TopicArn": {"Ref": topic},
    }
    assert rule["EventPattern"]["detail"] == {"state": ["FAILED"]}
    assert [target["Arn"] for target in rule["Targets"]] == [{"Ref": topic}]


def test_only_events_of_this_pipeline_are_mailed() -> None:
    connected = synthesise(**CONNECTED)
    (pipeline,) = connected.resources(SERVICE, "AWS::CodePipeline::Pipeline")
    pattern = connected.only(SERVICE, "AWS::Events::Rule")["EventPattern"]
    ((_, arn),) = (resource["Fn::Join"][1] for resource in pattern["resources"])
    assert arn == {"Ref": pipeline}
    assert pattern["source"] == ["aws.codepipeline"]


def test_the_topic_takes_messages_over_tls_only() -> None:
    policy = synthesise(**CONNECTED).only(SERVICE, "AWS::SNS::TopicPolicy")["PolicyDocument"]
    (denied,) = (s for s in policy["Statement"] if s["Effect"] == "Deny")
    assert denied["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
