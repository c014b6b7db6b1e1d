"""Application Auto Scaling of the local AWS: a service is kept within its bounds."""

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tools.local_aws.tests.discoverable import everything
from tools.local_aws.tests.stacks import Stacks

Client = Callable[[str], Any]

TARGET = {
    "Type": "AWS::ApplicationAutoScaling::ScalableTarget",
    "Properties": {
        "ServiceNamespace": "ecs",
        "ScalableDimension": "ecs:service:DesiredCount",
        "ResourceId": {"Fn::Sub": "service/${Cluster}/${Service.Name}"},
        "MinCapacity": 3,
        "MaxCapacity": 10,
    },
}
POLICY = {
    "Type": "AWS::ApplicationAutoScaling::ScalingPolicy",
    "Properties": {
        "PolicyName": "cpu",
        "PolicyType": "TargetTrackingScaling",
        "ScalingTargetId": {"Ref": "Target"},
        "TargetTrackingScalingPolicyConfiguration": {
            "TargetValue": 60,
            "PredefinedMetricSpecification": {
                "PredefinedMetricType": "ECSServiceAverageCPUUtilization"
            },
        },
    },
}


def _service(client: Client) -> dict[str, Any]:
    answer = client("ecs").describe_services(cluster="infra", services=["backend"])
    found: dict[str, Any] = answer["services"][0]
    return found


def test_a_scalable_target_raises_the_service_to_its_minimum(
    stacks: Stacks, client: Client
) -> None:
    scaled = everything() | {"Target": TARGET, "Policy": POLICY}
    del scaled["Service"]["Properties"]["DesiredCount"]
    stacks.deploy("ecs", scaled)
    service = _service(client)
    assert (service["desiredCount"], service["runningCount"]) == (3, 3)
    scaling = client("application-autoscaling")
    (target,) = scaling.describe_scalable_targets(ServiceNamespace="ecs")["ScalableTargets"]
    assert (target["ResourceId"], target["MinCapacity"]) == ("service/infra/backend", 3)
    (policy,) = scaling.describe_scaling_policies(ServiceNamespace="ecs")["ScalingPolicies"]
    assert policy["TargetTrackingScalingPolicyConfiguration"]["TargetValue"] == 60
    alarms = client("cloudwatch").describe_alarms()["MetricAlarms"]
    assert sorted(alarm["Threshold"] for alarm in alarms) == [54, 60]

    # Another maximum and another target value: the count follows, and no alarm is left behind.
    lower = TARGET["Properties"] | {"MinCapacity": 1, "MaxCapacity": 2}  # type: ignore[operator]
    configuration = {
        "TargetValue": 50,
        "PredefinedMetricSpecification": {
            "PredefinedMetricType": "ECSServiceAverageMemoryUtilization"
        },
    }
    memory = POLICY["Properties"] | {  # type: ignore[operator]
        "TargetTrackingScalingPolicyConfiguration": configuration
    }
    scaled["Target"] = TARGET | {"Properties": lower}
    scaled["Policy"] = POLICY | {"Properties": memory}
    stacks.deploy("ecs", scaled)
    assert _service(client)["desiredCount"] == 2
    alarms = client("cloudwatch").describe_alarms()["MetricAlarms"]
    assert {alarm["MetricName"] for alarm in alarms} == {"MemoryUtilization"}
    assert len(alarms) == 2

    stacks.delete("ecs")
    assert scaling.describe_scalable_targets(ServiceNamespace="ecs")["ScalableTargets"] == []
    assert client("cloudwatch").describe_alarms()["MetricAlarms"] == []


def test_a_scalable_target_needs_its_service(client: Client) -> None:
    with pytest.raises(ClientError, match="ECS service doesn't exist"):
        client("application-autoscaling").register_scalable_target(
            ServiceNamespace="ecs",
            ScalableDimension="ecs:service:DesiredCount",
            ResourceId="service/none/none",
            MinCapacity=1,
            MaxCapacity=2,
        )
