"""The Application Auto Scaling API, from moto, acting on MiniStack's ECS services.

A scalable target immediately moves the count of its service into its bounds, and a target-tracking
policy has its two alarms, as on AWS. Nothing scales by load, since there are no metrics.
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
from moto.applicationautoscaling.responses import ApplicationAutoScalingResponse
from moto.core.base_backend import BackendDict

from tools.local_aws.resource_types import own_client

# The alarm that scales in has a margin below the target, so that the count does not flap.
_SCALE_IN_SHARE = 0.9


@dataclass(frozen=True)
class Alarm:
    """An alarm of a policy, with the attributes that moto reads."""

    name: str
    alarm_arn: str


class _Policy(FakeApplicationAutoscalingPolicy):
    """A policy with its alarms in MiniStack's CloudWatch instead of moto's."""

    def create_alarms(self) -> None:
        """Create no alarms: moto calls this before an updated policy has its ARN."""

    def track(self) -> None:
        """Create the two alarms of a target-tracking policy."""
        if self.policy_type != "TargetTrackingScaling":
            return
        configuration = self.target_tracking_scaling_policy_configuration or {}
        predefined = configuration.get("PredefinedMetricSpecification", {})
        kind = predefined.get("PredefinedMetricType", "")
        target = float(configuration["TargetValue"])
        _, cluster, service = self.resource_id.split("/")
        client = own_client("cloudwatch")
        for end, operator, minutes, threshold in (
            ("High", "GreaterThanThreshold", 3, target),
            ("Low", "LessThanThreshold", 15, target * _SCALE_IN_SHARE),
        ):
            name = f"TargetTracking-{self.resource_id}-Alarm{end}-{uuid.uuid4()}"
            client.put_metric_alarm(
                AlarmName=name,
                AlarmDescription="DO NOT EDIT OR DELETE. For a target-tracking scaling policy.",
                AlarmActions=[self.policy_arn],
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
            alarm: Any = Alarm(name, found["AlarmArn"])
            self.alarms.append(alarm)

    def delete_alarms(self, *_scope: str) -> None:
        if names := [alarm.name for alarm in self.alarms]:
            own_client("cloudwatch").delete_alarms(AlarmNames=names)


class _Backend(ApplicationAutoscalingBackend):
    """moto's targets and policies, for services of MiniStack's ECS."""

    def _ecs_service_exists_for_target(self, r_id: str) -> bool:
        _, cluster, service = r_id.split("/")
        if ecs._services.get(f"{cluster}/{service}", {}).get("status") != "ACTIVE":
            raise AWSValidationException(f"ECS service doesn't exist: {r_id}")
        return True

    def register_scalable_target(self, *args: Any, **kwargs: Any) -> Any:
        target: Any = super().register_scalable_target(*args, **kwargs)
        if target.service_namespace == "ecs":
            _hold_within(target.resource_id, int(target.min_capacity), int(target.max_capacity))
        return target

    def put_scaling_policy(
        self,
        policy_name: str,
        service_namespace: str,
        resource_id: str,
        scalable_dimension: str,
        policy_body: dict[str, Any],
        policy_type: str | None,
    ) -> _Policy:
        key = _Policy.formulate_key(service_namespace, resource_id, scalable_dimension, policy_name)
        old = self.policies.get(key)
        policy = _Policy(
            account_id=self.account_id,
            region_name=self.region_name,
            policy_name=policy_name,
            service_namespace=service_namespace,
            resource_id=resource_id,
            scalable_dimension=scalable_dimension,
            policy_type=policy_type or (old.policy_type if old else None),
            policy_body=policy_body or (old._policy_body if old else {}),
        )
        if old:
            # An update keeps the ARN of the policy on AWS, but not in moto.
            policy.policy_arn = old.policy_arn
            old.delete_alarms(self.account_id, self.region_name)
        policy.track()
        self.policies[key] = policy
        return policy


def _hold_within(resource_id: str, minimum: int, maximum: int) -> None:
    _, cluster, name = resource_id.split("/")
    count = ecs._services[f"{cluster}/{name}"]["desiredCount"]
    wanted = min(max(count, minimum), maximum)
    if wanted != count:
        ecs._update_service({"cluster": cluster, "service": name, "desiredCount": wanted})


_backends = BackendDict(_Backend, "application-autoscaling")


class API(ApplicationAutoScalingResponse):
    """moto's responses, with the back end above."""

    @property
    def applicationautoscaling_backend(self) -> _Backend:
        backend: _Backend = _backends[self.current_account][self.region]
        return backend
