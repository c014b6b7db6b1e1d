"""When a deployment is done: its tasks run and are healthy, and not before."""

from collections.abc import Callable
from typing import Any

from ministack.services import ecs

_make_deployment: Callable[..., dict[str, Any]] = ecs._make_deployment
_record_service_task_healthy: Callable[[str, dict[str, Any]], None] = (
    ecs._record_service_task_healthy
)


def make_deployment(*arguments: Any, **options: Any) -> dict[str, Any]:
    """Make one that is in progress, a service's first one too, until its tasks are healthy."""
    deployment = _make_deployment(*arguments, **options)
    deployment["rolloutState"], deployment["rolloutStateReason"] = "IN_PROGRESS", ""
    return deployment


def record_service_task_healthy(service: str, task: dict[str, Any]) -> None:
    """Leave a task out that has a health check and has not passed it yet."""
    if not task.get("_health_is_checked", False) or task["healthStatus"] == "HEALTHY":
        _record_service_task_healthy(service, task)


def install() -> None:
    ecs._make_deployment = make_deployment
    ecs._record_service_task_healthy = record_service_task_healthy
