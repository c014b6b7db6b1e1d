"""Application Auto Scaling of the local AWS: the count of a service stays within its bounds."""

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from support.discoverable import Resources, everything
from support.stacks import Stacks

Client = Callable[[str], Any]


def scaled(*, minimum: int, maximum: int, value: int, metric: str) -> Resources:
    """Return a service without a count, its scalable target and a target-tracking policy."""
    target = {
        "ServiceNamespace": "ecs",
        "ScalableDimension": "ecs:service:DesiredCount",
        "ResourceId": {"Fn::Sub": "service/${Cluster}/${Service.Name}"},
        "MinCapacity": minimum,
        "MaxCapacity": maximum,
    }
    policy = {
        "PolicyName": "cpu",
        "PolicyType": "TargetTrackingScaling",
        "ScalingTargetId": {"Ref": "Target"},
        "TargetTrackingScalingPolicyConfiguration": {
            "TargetValue": value,
            "PredefinedMetricSpecification": {"PredefinedMetricType": metric},
        },
    }
    resources = everything() | {
        "Target": {"Type": "AWS::ApplicationAutoScaling::ScalableTarget", "Properties": target},
        "Policy": {"Type": "AWS::ApplicationAutoScaling::ScalingPolicy", "Properties": policy},
    }
    del resources["Service"]["Properties"]["DesiredCount"]
    return resources


def test_a_scalable_target_keeps_the_count_within_its_bounds(
    stacks: Stacks, client: Client
) -> None:
    def count() -> int:
        answer = client("ecs").describe_services(cluster="infra", services=["backend"])
        return int(answer["services"][0]["desiredCount"])

    cpu, memory = "ECSServiceAverageCPUUtilization", "ECSServiceAverageMemoryUtilization"
    stacks.deploy("ecs", scaled(minimum=3, maximum=10, value=60, metric=cpu))
    assert count() == 3
    scaling = client("application-autoscaling")
    (target,) = scaling.describe_scalable_targets(ServiceNamespace="ecs")["ScalableTargets"]
    assert (target["ResourceId"], target["MinCapacity"]) == ("service/infra/backend", 3)

    stacks.deploy("ecs", scaled(minimum=1, maximum=2, value=50, metric=memory))
    assert count() == 2
    (policy,) = scaling.describe_scaling_policies(ServiceNamespace="ecs")["ScalingPolicies"]
    assert policy["TargetTrackingScalingPolicyConfiguration"]["TargetValue"] == 50

    stacks.delete("ecs")
    assert scaling.describe_scalable_targets(ServiceNamespace="ecs")["ScalableTargets"] == []


def test_a_scalable_target_needs_its_service(client: Client) -> None:
    with pytest.raises(ClientError, match="ECS service doesn't exist"):
        client("application-autoscaling").register_scalable_target(
            ServiceNamespace="ecs",
            ScalableDimension="ecs:service:DesiredCount",
            ResourceId="service/none/none",
            MinCapacity=1,
            MaxCapacity=2,
        )
