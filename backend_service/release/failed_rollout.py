"""A rollout that ECS has given up: frees the stage that waits for it, and says why it failed.

ECS rolls back by itself, but the rollout action of CodePipeline does not notice it and waits until
its timeout (https://github.com/aws/containers-roadmap/issues/1399). So EventBridge calls the
function with ECS's event. The event may come late, twice or never: the function decides by what ECS
and CodePipeline say now, and without it the timeout ends the delivery.
"""

import contextlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from .action import Service, alarms_on, shortened

LONGEST_STOP_REASON = 200
"""Characters that StopPipelineExecution takes.
https://docs.aws.amazon.com/codepipeline/latest/APIReference/API_StopPipelineExecution.html"""

SEPARATOR = " | "
"""Between the parts of a reason: one line of the function's log has the whole reason."""

_LOG_LINES = 10

Shape = Mapping[str, Any]


def end_delivery(detail: Shape, service: Service, *, client: Callable[[str], Any]) -> None:
    """Stop the delivery whose rollout ECS gave up; log and mail why ECS did it.

    ``detail`` is that of the event SERVICE_DEPLOYMENT_FAILED. A deployment that no delivery has
    begun, such as that of a ``cdk deploy``, stops none. If this fails, it can be called again.
    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs_service_deployment_events.html
    """
    codepipeline = client("codepipeline")
    tasks = list(_tasks(client("ecs"), service, detail["deploymentId"]))
    rollout = _rollout_of(codepipeline, service, tasks)
    if rollout and rollout["status"] == "InProgress":
        errors = codepipeline.exceptions
        # It has ended meanwhile, or is being stopped.
        with contextlib.suppress(
            errors.DuplicatedStopRequestException, errors.PipelineExecutionNotStoppableException
        ):
            codepipeline.stop_pipeline_execution(
                pipelineName=service.pipeline,
                pipelineExecutionId=rollout["pipelineExecutionId"],
                abandon=True,
                reason=shortened(detail["reason"], LONGEST_STOP_REASON),
            )
    # `make status` finds the line by the id.
    what = f"Delivery {rollout['pipelineExecutionId']}" if rollout else "A deployment"
    parts = [f"{what} failed: {detail['reason']}", *_reasons(client, service, tasks)]
    print(SEPARATOR.join(parts))
    if service.topic:
        client("sns").publish(
            TopicArn=service.topic,
            Subject=f"{service.name}: a rollout failed",
            Message="\n".join(parts),
        )


def _tasks(ecs: Any, service: Service, deployment: str) -> Iterator[Shape]:
    """Yield the tasks of a deployment, with those that have ended in the last hour."""
    for status in ("RUNNING", "STOPPED"):
        for page in ecs.get_paginator("list_tasks").paginate(
            cluster=service.cluster, serviceName=service.name, desiredStatus=status
        ):
            if arns := page["taskArns"]:
                tasks = ecs.describe_tasks(cluster=service.cluster, tasks=arns)["tasks"]
                yield from (task for task in tasks if task["startedBy"] == deployment)


def _rollout_of(codepipeline: Any, service: Service, tasks: list[Shape]) -> Shape | None:
    """Return the rollout action that began the deployment of these tasks; None if there is none.

    It is the last one that began before the tasks did, and its delivery has released their image.
    So the late event of an older rollout is never taken for one of the rollout that is in the stage
    now, even if both are of the same image.
    """
    if not tasks:
        return None
    began = min(task["createdAt"] for task in tasks)
    images = {each["image"] for task in tasks for each in task["containers"]}
    try:
        listed = codepipeline.list_action_executions(pipelineName=service.pipeline)
    except codepipeline.exceptions.PipelineNotFoundException:
        return None  # A new stack gets its pipeline after its service.
    earlier = [each for each in listed["actionExecutionDetails"] if each["startTime"] <= began]
    rollouts = [each for each in earlier if each["input"]["actionTypeId"]["provider"] == "ECS"]
    last = max(rollouts, key=lambda action: action["startTime"], default=None)
    released = {
        each.get("output", {}).get("outputVariables", {}).get("image")
        for each in earlier
        if last and each["pipelineExecutionId"] == last["pipelineExecutionId"]
    }
    return last if released & images else None


def _reasons(client: Callable[[str], Any], service: Service, tasks: list[Shape]) -> Iterator[str]:
    """Yield the alarms that are on, how the newest of the ended tasks ended, and its last lines."""
    for alarm in alarms_on(client("cloudwatch"), service):
        yield f"{alarm['AlarmName']} in ALARM: {alarm.get('StateReason', '')}"
    ended = [task for task in tasks if "stoppedReason" in task]
    for last in sorted(ended, key=lambda task: task["createdAt"])[-1:]:
        yield from reasons_of_end(client("logs"), service, last)


def reasons_of_end(logs: Any, service: Service, task: Shape) -> Iterator[str]:
    """Yield why a task has ended, how its containers did, and the last lines of the service's."""
    task_id = task["taskArn"].rpartition("/")[2]
    yield f"task {task_id}: {task['stoppedReason']}"
    for each in task["containers"]:
        code = f"exit code {each['exitCode']}" if "exitCode" in each else ""
        if said := ", ".join(filter(None, (each.get("reason"), code))):
            yield f"container {each['name']}: {said}"
    stream = f"{service.container}/{service.container}/{task_id}"
    # A container that has not started has no log.
    with contextlib.suppress(logs.exceptions.ResourceNotFoundException):
        lines = logs.get_log_events(
            logGroupName=service.log_group, logStreamName=stream, limit=_LOG_LINES
        )
        yield from (f"log: {event['message'].rstrip()}" for event in lines["events"])
