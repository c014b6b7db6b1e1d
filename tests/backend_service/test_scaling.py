"""Auto scaling of the number of tasks."""

from typing import Any

import pytest

from settings.examples import ACCOUNT, REGION
from tests.synthesis import synthesise

SERVICE = "BackendServiceStack"
QUEUE = f"arn:aws:sqs:{REGION}:{ACCOUNT}:jobs"
OF_QUEUE = {"scaling_queue_arn": QUEUE, "messages_per_task": "25"}
OF_SERVICE = [
    {"Name": "ClusterName", "Value": "ecs-blueprint-infra"},
    {"Name": "ServiceName", "Value": "ecsdemo-backend"},
]


def policies(**changes: str) -> dict[str, dict[str, Any]]:
    """Return the target tracking of each policy, by the end of the policy's name."""
    synthesis = synthesise(**changes)
    (target,) = synthesis.resources(SERVICE, "AWS::ApplicationAutoScaling::ScalableTarget")
    found = {}
    kind = "AWS::ApplicationAutoScaling::ScalingPolicy"
    for policy in (each["Properties"] for each in synthesis.resources(SERVICE, kind).values()):
        assert policy["PolicyType"] == "TargetTrackingScaling"
        assert policy["ScalingTargetId"] == {"Ref": target}
        metric = policy["TargetTrackingScalingPolicyConfiguration"]
        predefined = metric.get("PredefinedMetricSpecification", {})
        found[predefined.get("PredefinedMetricType", "expression")] = metric
    return found


def targets(**changes: str) -> dict[str, float]:
    """Return the target of each metric."""
    return {metric: each["TargetValue"] for metric, each in policies(**changes).items()}


CPU, MEMORY = "ECSServiceAverageCPUUtilization", "ECSServiceAverageMemoryUtilization"


def test_it_scales_between_the_desired_and_the_maximal_count() -> None:
    target = synthesise().only(SERVICE, "AWS::ApplicationAutoScaling::ScalableTarget")
    assert (target["MinCapacity"], target["MaxCapacity"]) == (3, 10)
    assert target["ScalableDimension"] == "ecs:service:DesiredCount"


@pytest.mark.parametrize(
    ("cpu", "memory", "expected"),
    [
        ("60", "70", {CPU: 60, MEMORY: 70}),
        ("40", "", {CPU: 40}),
        ("", "95", {MEMORY: 95}),
        ("", "", {}),
    ],
)
def test_it_scales_on_each_metric_that_has_a_target(
    cpu: str, memory: str, expected: dict[str, int]
) -> None:
    assert targets(cpu_target_percent=cpu, memory_target_percent=memory) == expected


def test_a_queue_scales_besides_cpu_and_memory() -> None:
    assert targets(**OF_QUEUE) == {CPU: 60, MEMORY: 70, "expression": 25}


def test_the_messages_of_the_queue_are_divided_by_the_tasks_that_report_their_cpu() -> None:
    """The cluster need not have Container Insights."""
    specification = policies(**OF_QUEUE)["expression"]["CustomizedMetricSpecification"]
    queries = {query["Id"]: query for query in specification["Metrics"]}
    (result,) = (query for query in queries.values() if query["ReturnData"])
    assert result["Expression"] == "messages / tasks"
    messages, tasks = queries["messages"]["MetricStat"], queries["tasks"]["MetricStat"]
    assert messages["Metric"] == {
        "Namespace": "AWS/SQS",
        "MetricName": "ApproximateNumberOfMessagesVisible",
        "Dimensions": [{"Name": "QueueName", "Value": "jobs"}],
    }
    assert tasks["Metric"]["Namespace"] == "AWS/ECS"
    assert tasks["Metric"]["Dimensions"] == OF_SERVICE
    assert tasks["Stat"] == "SampleCount"
