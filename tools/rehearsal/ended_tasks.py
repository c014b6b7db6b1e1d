"""Tasks of the rehearsed service that have ended by themselves after a completed rollout."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from cdk_rehearsal import RehearsalError, UnmetExpectationError
from cdk_rehearsal.containers import Examination
from tools.rehearsal.context import RehearsalContext
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


def ended_task(context: RehearsalContext, *, in_rollout: bool = False) -> EndedTask | None:
    """Return a task of the service that has ended by itself; None if there is none.

    It is one that the newest completed rollout had counted on, or, with ``in_rollout``, the last
    one of the rollout that has failed. A task that ended before its rollout was completed has been
    replaced, and does not matter.
    """
    if not context.status():
        return None
    service = context.service()
    wanted = ("ACTIVE", "FAILED") if in_rollout else ("PRIMARY", "COMPLETED")
    rollout = next(
        (d for d in service["deployments"] if (d["status"], d["rolloutState"]) == wanted), None
    )
    if rollout is None:
        return None
    pages = (
        context.aws.client("ecs")
        .get_paginator("list_tasks")
        .paginate(
            cluster=service["clusterArn"],
            serviceName=service["serviceName"],
            desiredStatus="STOPPED",
        )
    )
    arns = [arn for page in pages for arn in page["taskArns"]]
    found = [
        task
        for task in (context.described(arns) if arns else [])
        if task["taskDefinitionArn"] == rollout["taskDefinition"]
        and task["stopCode"] == "EssentialContainerExited"
        and (in_rollout or task["stoppingAt"] > rollout["updatedAt"])
    ]
    return _described(context, found[-1]) if found else None


def _described(context: RehearsalContext, task: dict[str, Any]) -> EndedTask:
    container, task_id = task["containers"][0], task["taskArn"].rpartition("/")[2]
    return EndedTask(
        task_id=task_id,
        seconds=(task["stoppingAt"] - task["startedAt"]).total_seconds(),
        seen=Examination(
            exit_code=container["exitCode"],
            lines=_last_lines(context, f"{container['name']}/{task_id}"),
        ),
    )


def _last_lines(context: RehearsalContext, stream: str) -> list[str]:
    """Return the last lines of a container's log stream, whose name ends like this."""
    logs, group = context.aws.client("logs"), context.outputs()["LogGroupName"]
    streams = logs.describe_log_streams(logGroupName=group)["logStreams"]
    names = [s["logStreamName"] for s in streams if s["logStreamName"].endswith(stream)]
    return [
        event["message"].rstrip()
        for name in names
        for event in logs.get_log_events(logGroupName=group, logStreamName=name, limit=_LAST_LINES)[
            "events"
        ]
    ]
