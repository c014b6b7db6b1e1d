"""Application Auto Scaling of the local AWS: the count of a service stays within its bounds."""

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from support.discoverable import Resources, everything
from support.stacks import Stacks

Client = Callable[[str], Any]


def scaled(*, minimum: int, maximum: int, value: int) -> Resources:
    """Return a service without a count, its scalable target and a target-tracking policy."""
    target = {
        "ServiceNamespace": "ecs",
        "ScalableDimension": "ecs:service:DesiredCount",
        "ResourceId": {"Fn::Sub": "service/${Cluster}/${Service.Name}"},
        "MinCapacity": minimum,
        "MaxCapacity": maximum,
    }
    metric = {"PredefinedMetricType": "ECSServiceAverageCPUUtilization"}
    policy = {
        "PolicyName": "cpu",
        "PolicyType": "TargetTrackingScaling",
        "ScalingTargetId": {"Ref": "Target"},
        "TargetTrackingScalingPolicyConfiguration": {
            "TargetValue": value,
            "PredefinedMetricSpecification": metric,
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
    ecs, scaling = client("ecs"), client("application-autoscaling")

    def counts() -> tuple[int, int]:
        (service,) = ecs.describe_services(cluster="infra", services=["backend"])["services"]
        return service["desiredCount"], service["runningCount"]

    stacks.deploy("ecs", scaled(minimum=3, maximum=10, value=60))
    assert counts() == (3, 3)
    # An update of the service, which names no count, keeps the count that somebody has chosen.
    ecs.update_service(cluster="infra", service="backend", desiredCount=7)
    changed = scaled(minimum=3, maximum=10, value=50)
    changed["Task"]["Properties"]["Memory"] = "1024"
    stacks.deploy("ecs", changed)
    assert counts() == (7, 7)
    (policy,) = scaling.describe_scaling_policies(ServiceNamespace="ecs")["ScalingPolicies"]
    assert policy["TargetTrackingScalingPolicyConfiguration"]["TargetValue"] == 50
    stacks.deploy("ecs", scaled(minimum=1, maximum=2, value=50))
    assert counts() == (2, 2)
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
