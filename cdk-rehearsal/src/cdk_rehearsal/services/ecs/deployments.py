"""ECS: one thread at a time decides which tasks of a service start and stop; times of events."""

import threading
from collections.abc import Callable
from datetime import datetime
from typing import Any

from ministack.services import ecs

from cdk_rehearsal.ministack.replacements import replaces
from cdk_rehearsal.ministack.responses import Handler, Request, Response

ONE_AT_A_TIME = threading.RLock()
"""For whatever changes the deployments of a service, or acts on them.

MiniStack reconciles a service in a thread of each task. Such a thread reads the primary deployment,
then its state, then the tasks. If the circuit breaker trips in between, the thread still has the
failed deployment as the primary one, finds it no longer in progress, and stops the good tasks as
those of an older deployment. If a client updates the service in between, the service gets twice
its count.

No thread waits for the engine meanwhile: containers start and end in threads of their own.
"""


@replaces(ecs, "_reconcile_service_tasks")
def reconcile_service_tasks(
    original: Callable[[str, str], None], cluster: str, service: str
) -> None:
    """Count, start and stop the tasks of a service while nothing else changes it."""
    with ONE_AT_A_TIME:
        original(cluster, service)


@replaces(ecs, "_record_service_task_failure")
def record_service_task_failure(
    original: Callable[..., None], task: dict[str, Any], *rest: Any, **options: Any
) -> None:
    """Count the failure, and roll back, while no reconciliation is under way."""
    with ONE_AT_A_TIME:
        original(task, *rest, **options)


def create_or_update_service(original: Handler, request: Request) -> Response:
    """Create or change a service while no reconciliation is under way."""
    with ONE_AT_A_TIME:
        return original(request)


for _action in ("CreateService", "UpdateService"):
    replaces(ecs, f"_ACTION_MAP[{_action}]")(create_or_update_service)


@replaces(ecs, "_ts_to_epoch")
def seconds_of(original: Callable[[Any], Any], value: Any) -> Any:
    """Return a time in seconds, with its milliseconds, which MiniStack drops."""
    whole = original(value)
    is_time = isinstance(value, str) and isinstance(whole, int)
    return datetime.fromisoformat(value).timestamp() if is_time else whole
