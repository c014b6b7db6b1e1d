"""The Application Auto Scaling API, from moto, acting on MiniStack's ECS services.

A scalable target keeps the count of its service within its bounds at once, and a target-tracking
policy has its two alarms, as on AWS. Nothing scales by load: there are no metrics here.
"""

import uuid
from dataclasses import dataclass
from typing import Any

from ministack.services import ecs
from moto.applicationautoscaling.exceptions import AWSValidationException
from moto.applicationautoscaling.models import (
    ApplicationAutoscalingBackend,
    FakeApplicationAutoscalingPolicy,
)
from moto.applicationautoscaling.responses import ApplicationAutoScalingResponse as API  # noqa: N814

from rehearsal.local_aws.resource_types import own_client

__all__ = ["API"]

# The alarm that scales in leaves a margin below the target, so that it does not flap.
_SCALE_IN_SHARE = 0.9

_register_scalable_target = ApplicationAutoscalingBackend.register_scalable_target
_put_scaling_policy = ApplicationAutoscalingBackend.put_scaling_policy


@dataclass(frozen=True)
class Alarm:
    """An alarm of a policy, as moto wants to hear of it."""

    name: str
    alarm_arn: str


def _require_ecs_service(_backend: Any, resource_id: str) -> bool:
    _, cluster, service = resource_id.split("/")
    if ecs._services.get(f"{cluster}/{service}", {}).get("status") != "ACTIVE":
        raise AWSValidationException(f"ECS service doesn't exist: {resource_id}")
    return True


def _register_and_hold(backend: Any, *args: Any, **kwargs: Any) -> Any:
    target: Any = _register_scalable_target(backend, *args, **kwargs)
    if target.service_namespace == "ecs":
        _hold_within(target.resource_id, int(target.min_capacity), int(target.max_capacity))
    return target


def _put_same_policy(backend: Any, *args: Any, **kwargs: Any) -> Any:
    scaled = ("service_namespace", "resource_id", "scalable_dimension", "policy_name")
    key = FakeApplicationAutoscalingPolicy.formulate_key(*(kwargs[part] for part in scaled))
    old = backend.policies.get(key)
    new: Any = _put_scaling_policy(backend, *args, **kwargs)
    if old is not None:
        # moto makes a new policy of every update; on AWS it is the same one.
        new.policy_arn = old.policy_arn
        _delete_alarms(old)
    if new.policy_type == "TargetTrackingScaling":
        new.alarms = _create_alarms(new)
    return new


def _hold_within(resource_id: str, minimum: int, maximum: int) -> None:
    _, cluster, name = resource_id.split("/")
    count = ecs._services[f"{cluster}/{name}"]["desiredCount"]
    wanted = min(max(count, minimum), maximum)
    if wanted != count:
        ecs._update_service({"cluster": cluster, "service": name, "desiredCount": wanted})


def _create_alarms(policy: Any) -> list[Alarm]:
    configuration = policy.target_tracking_scaling_policy_configuration or {}
    kind = configuration.get("PredefinedMetricSpecification", {}).get("PredefinedMetricType", "")
    target = float(configuration["TargetValue"])
    _, cluster, service = policy.resource_id.split("/")
    client = own_client("cloudwatch")
    alarms = []
    for end, operator, minutes, threshold in (
        ("High", "GreaterThanThreshold", 3, target),
        ("Low", "LessThanThreshold", 15, target * _SCALE_IN_SHARE),
    ):
        name = f"TargetTracking-{policy.resource_id}-Alarm{end}-{uuid.uuid4()}"
        client.put_metric_alarm(
            AlarmName=name,
            AlarmDescription="DO NOT EDIT OR DELETE. For a target-tracking scaling policy.",
            AlarmActions=[policy.policy_arn],
            Namespace="AWS/ECS",
            MetricName="MemoryUtilization" if "Memory" in kind else "CPUUtilization",
            Dimensions=[
                {"Name": "ClusterName", "Value": cluster},
                {"Name": "ServiceName", "Value": service},
            ],
            Statistic="Average",
            Period=60,
            EvaluationPeriods=minutes,
            Threshold=threshold,
            ComparisonOperator=operator,
        )
        (found,) = client.describe_alarms(AlarmNames=[name])["MetricAlarms"]
        alarms.append(Alarm(name, found["AlarmArn"]))
    return alarms


def _delete_alarms(policy: Any) -> None:
    if names := [alarm.name for alarm in policy.alarms]:
        own_client("cloudwatch").delete_alarms(AlarmNames=names)


_BACKEND = {
    "_ecs_service_exists_for_target": _require_ecs_service,
    "register_scalable_target": _register_and_hold,
    "put_scaling_policy": _put_same_policy,
}
_POLICY = {
    "create_alarms": lambda _policy: None,  # moto's own alarms would be in moto's CloudWatch
    "delete_alarms": lambda policy, *_scope: _delete_alarms(policy),
}
for _class, _methods in (
    (ApplicationAutoscalingBackend, _BACKEND),
    (FakeApplicationAutoscalingPolicy, _POLICY),
):
    for _name, _method in _methods.items():
        setattr(_class, _name, _method)
