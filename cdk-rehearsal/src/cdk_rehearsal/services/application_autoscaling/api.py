"""The Application Auto Scaling API, from moto, acting on MiniStack's ECS services.

A scalable target immediately moves the count of its service into its bounds. Nothing scales by
load, since there are no metrics; so a target-tracking policy has no alarms.
"""

from typing import Any

from ministack.services import ecs
from moto.applicationautoscaling.models import (
    ApplicationAutoscalingBackend,
    FakeApplicationAutoscalingPolicy,
)
from moto.applicationautoscaling.responses import ApplicationAutoScalingResponse
from moto.core.base_backend import BackendDict


class _Backend(ApplicationAutoscalingBackend):
    """moto's targets and policies, for services of MiniStack's ECS."""

    def _ecs_service_exists_for_target(self, _r_id: str) -> bool:
        return True  # moto would look into its own ECS

    def register_scalable_target(self, *args: Any, **kwargs: Any) -> Any:
        target: Any = super().register_scalable_target(*args, **kwargs)
        if target.service_namespace == "ecs":
            _hold_within(target.resource_id, int(target.min_capacity), int(target.max_capacity))
        return target

    def put_scaling_policy(self, *args: Any, **request: Any) -> FakeApplicationAutoscalingPolicy:
        named = ("service_namespace", "resource_id", "scalable_dimension", "policy_name")
        key = FakeApplicationAutoscalingPolicy.formulate_key(*(request[name] for name in named))
        old = self.policies.get(key)
        policy = super().put_scaling_policy(*args, **request)
        if old:
            # An update keeps the ARN of the policy on AWS, but not in moto.
            policy.policy_arn = old.policy_arn
        # The alarms are in moto's CloudWatch, which does not serve here.
        policy.alarms = []
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
