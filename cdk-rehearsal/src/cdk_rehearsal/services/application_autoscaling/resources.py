"""Application Auto Scaling: scalable targets and scaling policies in a template."""

from cdk_rehearsal.ministack.resource_types import (
    Created,
    Properties,
    PutType,
    own_client,
    resource_type,
)

_SERVICE = "application-autoscaling"
_TARGET = ("ResourceId", "ScalableDimension", "ServiceNamespace")


@resource_type("AWS::ApplicationAutoScaling::ScalableTarget", adds=True, replaced_by=_TARGET)
class ScalableTarget(PutType):
    """The bounds of a service; the physical id is `<resource>|<dimension>|<namespace>`."""

    def create(self, logical_id: str, properties: Properties, stack: str) -> Created:
        bounds = {key: int(properties[key]) for key in ("MinCapacity", "MaxCapacity")}
        target = own_client(_SERVICE).register_scalable_target(**properties | bounds)
        physical_id = "|".join(properties[key] for key in _TARGET)
        return physical_id, {"Id": physical_id, "ScalableTargetARN": target["ScalableTargetARN"]}

    def delete(self, physical_id: str, properties: Properties) -> None:
        own_client(_SERVICE).deregister_scalable_target(**_target_of(physical_id))


@resource_type(
    "AWS::ApplicationAutoScaling::ScalingPolicy",
    adds=True,
    replaced_by=("PolicyName", "ScalingTargetId", *_TARGET),
)
class ScalingPolicy(PutType):
    """A policy of a target; the physical id is its ARN."""

    def create(self, logical_id: str, properties: Properties, stack: str) -> Created:
        request = properties | _target(properties)
        request.pop("ScalingTargetId", None)
        arn = own_client(_SERVICE).put_scaling_policy(**request)["PolicyARN"]
        return arn, {"Arn": arn}

    def delete(self, physical_id: str, properties: Properties) -> None:
        policy = {"PolicyName": properties["PolicyName"], **_target(properties)}
        own_client(_SERVICE).delete_scaling_policy(**policy)


def _target(properties: Properties) -> dict[str, str]:
    if "ScalingTargetId" in properties:
        return _target_of(properties["ScalingTargetId"])
    return {key: properties[key] for key in _TARGET}


def _target_of(physical_id: str) -> dict[str, str]:
    return dict(zip(_TARGET, physical_id.split("|"), strict=True))
