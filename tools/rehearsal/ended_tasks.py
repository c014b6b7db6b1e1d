"""Tasks of the rehearsed service that have ended by themselves."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from cdk_rehearsal import RehearsalError, UnmetExpectationError
from cdk_rehearsal.bounds import SETTLING_SECONDS
from tools.rehearsal.context import RehearsalContext
from tools.rehearsal.examination import Examination
from tools.rehearsal.image_errors import ended

_LAST_LINES = 15


@dataclass(frozen=True, kw_only=True)
class EndedTask:
    """A task that has run for some ``seconds``, and what its container has left."""

    task_id: str
    seconds: float
    seen: Examination


@contextmanager
def explained(context: RehearsalContext) -> Iterator[None]:
    """Blame a task that has ended for whatever fails in a block, or if nothing else does.

    An expectation of the rehearsal that nothing explains is said to be one.
    """
    try:
        yield
    except RehearsalError as failure:
        if task := ended_task(context):
            raise ended(task.task_id, task.seconds, task.seen) from failure
        if isinstance(failure, UnmetExpectationError):
            raise RehearsalError(
                "the local AWS is in a state that the rehearsal did not expect. It does not know "
                f"whether your service is the reason.\n  {failure}"
            ) from failure
        raise
    if task := ended_task(context):
        raise ended(task.task_id, task.seconds, task.seen)


def ended_task(context: RehearsalContext) -> EndedTask | None:
    """Return a task that has ended by itself after ECS had counted on it; None without one.

    ECS replaces a task that ends earlier, and the rollout may still succeed.
    """
    if not context.status():
        return None
    checked = "healthCheck" in context.task_definition()["containerDefinitions"][0]
    for task in _ended(context):
        if task["healthStatus"] == "HEALTHY" if checked else _seconds(task) > SETTLING_SECONDS:
            return _described(context, task)
    return None


def task_of_failed_rollout(context: RehearsalContext) -> EndedTask | None:
    """Return a task for whose end ECS has rolled a deployment back; None without one."""
    deployments = context.service()["deployments"]
    failed = [d["taskDefinition"] for d in deployments if d["rolloutState"] == "FAILED"]
    tasks = [task for task in _ended(context) if task["taskDefinitionArn"] in failed[:1]]
    return _described(context, tasks[-1]) if tasks else None


def _ended(context: RehearsalContext) -> list[dict[str, Any]]:
    stopped = context.stopped_tasks()
    return [task for task in stopped if task["stopCode"] == "EssentialContainerExited"]


def _seconds(task: dict[str, Any]) -> float:
    return float((task["stoppingAt"] - task["startedAt"]).total_seconds())


def _described(context: RehearsalContext, task: dict[str, Any]) -> EndedTask:
    container, task_id = task["containers"][0], task["taskArn"].rpartition("/")[2]
    return EndedTask(
        task_id=task_id,
        seconds=_seconds(task),
        seen=Examination(
            exit_code=container["exitCode"],
            lines=context.log_lines(f"{container['name']}/{task_id}")[-_LAST_LINES:],
        ),
    )
