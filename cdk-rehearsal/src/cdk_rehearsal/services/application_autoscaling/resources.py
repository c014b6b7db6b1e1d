"""Application Auto Scaling: scalable targets and scaling policies in a template."""

from typing import Any

from botocore.exceptions import ClientError

from cdk_rehearsal.ministack.resource_types import (
    Change,
    Created,
    Properties,
    ResourceType,
    adds_type,
    own_client,
)

_SERVICE = "application-autoscaling"
_MISSING = "Missing: Application Auto Scaling, its API and its resource types."


@adds_type(
    "AWS::ApplicationAutoScaling::ScalableTarget",
    replaced_by=("ResourceId", "ScalableDimension", "ServiceNamespace"),
    upstream=_MISSING,
)
class ScalableTarget(ResourceType):
    """The bounds of a service; the physical id is `<resource>|<dimension>|<namespace>`."""

    def create(self, logical_id: str, properties: Properties, stack: str) -> Created:
        keys = ("ServiceNamespace", "ResourceId", "ScalableDimension", "RoleARN", "SuspendedState")
        request: dict[str, Any] = {key: properties[key] for key in keys if key in properties}
        target = own_client(_SERVICE).register_scalable_target(
            **request,
            MinCapacity=int(properties["MinCapacity"]),
            MaxCapacity=int(properties["MaxCapacity"]),
        )
        parts = (properties[key] for key in self.replaced_by)
        physical_id = "|".join(parts)
        return physical_id, {"Id": physical_id, "ScalableTargetARN": target["ScalableTargetARN"]}

    def update(self, change: Change) -> Created:
        # RegisterScalableTarget is also the update.
        return self.create(change.logical_id, change.new, change.stack)

    def delete(self, physical_id: str, properties: Properties) -> None:
        _ignoring_absence("deregister_scalable_target", **_target_of(physical_id))


@adds_type(
    "AWS::ApplicationAutoScaling::ScalingPolicy",
    replaced_by=(
        "PolicyName",
        "ScalingTargetId",
        "ResourceId",
        "ScalableDimension",
        "ServiceNamespace",
    ),
    upstream=_MISSING,
)
class ScalingPolicy(ResourceType):
    """A policy of a target; the physical id is its ARN."""

    def create(self, logical_id: str, properties: Properties, stack: str) -> Created:
        keys = (
            "PolicyName",
            "PolicyType",
            "StepScalingPolicyConfiguration",
            "TargetTrackingScalingPolicyConfiguration",
        )
        request = {key: properties[key] for key in keys if key in properties}
        arn = own_client(_SERVICE).put_scaling_policy(**_target(properties), **request)["PolicyARN"]
        return arn, {"Arn": arn}

    def update(self, change: Change) -> Created:
        # PutScalingPolicy is also the update.
        return self.create(change.logical_id, change.new, change.stack)

    def delete(self, physical_id: str, properties: Properties) -> None:
        _ignoring_absence(
            "delete_scaling_policy", PolicyName=properties["PolicyName"], **_target(properties)
        )


def _target_of(physical_id: str) -> dict[str, str]:
    resource, dimension, namespace = physical_id.split("|")
    return {
        "ResourceId": resource,
        "ScalableDimension": dimension,
        "ServiceNamespace": namespace,
    }


def _target(properties: Properties) -> dict[str, str]:
    if "ScalingTargetId" in properties:
        return _target_of(properties["ScalingTargetId"])
    return {key: properties[key] for key in ("ResourceId", "ScalableDimension", "ServiceNamespace")}


def _ignoring_absence(action: str, **request: Any) -> None:
    try:
        getattr(own_client(_SERVICE), action)(**request)
    except ClientError as error:
        if not error.response["Error"]["Message"].startswith("No scal"):
            raise
