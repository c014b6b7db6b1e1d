"""Tasks of the rehearsed service that have ended by themselves, or were refused a call."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from cdk_rehearsal import RehearsalError, UnmetExpectationError
from cdk_rehearsal.bounds import SETTLING_SECONDS
from tools.rehearsal.context import RehearsalContext
from tools.rehearsal.examination import Examination
from tools.rehearsal.image_errors import ImageError, ended
from tools.rehearsal.task_role import told

_LAST_LINES = 15
_DEPLOYED = frozenset({"CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE"})


@contextmanager
def explained(context: RehearsalContext) -> Iterator[None]:
    """Blame a task that has ended for whatever fails in a block, or if nothing else does.

    The calls that its role was refused are named with the failure. An expectation of the rehearsal
    that nothing explains is said to be one.
    """
    try:
        yield
    except RehearsalError as failure:
        error = _ended_task(context)
        refused = context.refused_calls() if context.status() in _DEPLOYED else []
        if refused:
            raise RehearsalError("\n".join([str(error or failure), *told(refused)])) from failure
        if error:
            raise error from failure
        if isinstance(failure, UnmetExpectationError):
            raise RehearsalError(
                "the local AWS is in a state that the rehearsal did not expect. It does not know "
                f"whether your service is the reason.\n  {failure}"
            ) from failure
        raise
    if error := _ended_task(context):
        raise error


def seen_in_failed_rollout(context: RehearsalContext) -> Examination | None:
    """Return what a task has left for whose end ECS has rolled back; None without one."""
    deployments = context.service()["deployments"]
    failed = [d["taskDefinition"] for d in deployments if d["rolloutState"] == "FAILED"]
    tasks = [task for task in _ended(context) if task["taskDefinitionArn"] in failed[:1]]
    return _seen(context, tasks[-1]) if tasks else None


def _ended_task(context: RehearsalContext) -> ImageError | None:
    """Explain the end of a task that ECS had counted on already; None without one.

    ECS replaces a task that ends earlier, and the rollout may still succeed.
    """
    if context.status() not in _DEPLOYED:
        return None
    checked = "healthCheck" in context.task_definition()["containerDefinitions"][0]
    for task in _ended(context):
        seconds = (task["stoppingAt"] - task["startedAt"]).total_seconds()
        if task["healthStatus"] == "HEALTHY" if checked else seconds > SETTLING_SECONDS:
            return ended(task["taskArn"].rpartition("/")[2], seconds, _seen(context, task))
    return None


def _ended(context: RehearsalContext) -> list[dict[str, Any]]:
    stopped = context.stopped_tasks()
    return [task for task in stopped if task["stopCode"] == "EssentialContainerExited"]


def _seen(context: RehearsalContext, task: dict[str, Any]) -> Examination:
    container, task_id = task["containers"][0], task["taskArn"].rpartition("/")[2]
    lines = context.log_lines(f"{container['name']}/{task_id}")
    return Examination(exit_code=container["exitCode"], lines=lines[-_LAST_LINES:])
