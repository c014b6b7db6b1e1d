"""A rollout that ECS has given up: frees the stage that waits for it, and says why it failed.

ECS rolls back by itself, but the rollout action of CodePipeline does not notice it and waits until
its timeout (https://github.com/aws/containers-roadmap/issues/1399). So EventBridge calls the
function with ECS's event. The event may come late, twice or never: the function decides by what ECS
and CodePipeline say now, and without it the timeout ends the delivery.
"""

import contextlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from .action import Service, shortened

LONGEST_STOP_REASON = 200
"""Characters that StopPipelineExecution takes.
https://docs.aws.amazon.com/codepipeline/latest/APIReference/API_StopPipelineExecution.html"""

SEPARATOR = " | "
"""Between the parts of a reason: one line of the function's log has the whole reason."""

LONGEST_SUBJECT = 99
"""A subject has less than 100 characters.
https://docs.aws.amazon.com/sns/latest/api/API_Publish.html"""

_LOG_LINES = 10
_ACTIONS = 100  # CodePipeline lists at most this many in one answer.
_ECS, _LAMBDA = "ECS", "Lambda"  # the providers of the rollout and of the release

Shape = Mapping[str, Any]


def end_delivery(detail: Shape, service: Service, *, client: Callable[[str], Any]) -> None:
    """Log and mail why ECS gave up the deployment of an event; stop the delivery waiting for it.

    ``detail`` is that of the event SERVICE_DEPLOYMENT_FAILED. A deployment that no delivery has
    begun, such as that of a ``cdk deploy``, stops none.
    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs_service_deployment_events.html
    """
    tasks = [
        task
        for task in _tasks(client("ecs"), service)
        if task.get("startedBy") == detail["deploymentId"]
    ]
    reason = SEPARATOR.join(
        (
            detail["reason"],
            *_alarms(client("cloudwatch"), service),
            *_last_end(client, service, tasks),
        )
    )
    codepipeline = client("codepipeline")
    rollout = _rollout_of(codepipeline, service, tasks)
    delivery = rollout["pipelineExecutionId"] if rollout else ""
    what = name_of(delivery) if delivery else f"A deployment of {service.name}"
    message = f"{what} failed: {reason}"
    print(message)
    if service.topic:
        _mail(client("sns"), service, message.replace(SEPARATOR, "\n"))
    if rollout and rollout["status"] == "InProgress":
        errors = codepipeline.exceptions
        # It has ended meanwhile, or somebody else has stopped it.
        with contextlib.suppress(
            errors.DuplicatedStopRequestException, errors.PipelineExecutionNotStoppableException
        ):
            codepipeline.stop_pipeline_execution(
                pipelineName=service.pipeline,
                pipelineExecutionId=delivery,
                abandon=True,
                reason=shortened(reason, LONGEST_STOP_REASON),
            )


def name_of(delivery: str) -> str:
    """Return the beginning of the line about a delivery, by which ``make status`` finds it."""
    return f"Delivery {delivery}"


def _tasks(ecs: Any, service: Service) -> Iterator[Shape]:
    """Yield the tasks of the service, with those that have ended in the last hour."""
    for status in ("RUNNING", "STOPPED"):
        for page in ecs.get_paginator("list_tasks").paginate(
            cluster=service.cluster, serviceName=service.name, desiredStatus=status
        ):
            if arns := page["taskArns"]:
                yield from ecs.describe_tasks(cluster=service.cluster, tasks=arns)["tasks"]


def _rollout_of(codepipeline: Any, service: Service, tasks: list[Shape]) -> Shape | None:
    """Return the rollout action that began the deployment of these tasks; None if there is none.

    It is the last one that began before the tasks did, and its delivery has released their image.
    So the late event of an older rollout is never taken for one of the rollout that is in the stage
    now, even if both are of the same image.
    """
    if not tasks:
        return None
    began = min(task["createdAt"] for task in tasks)
    images = {
        container["image"]
        for task in tasks
        for container in task["containers"]
        if container["name"] == service.container
    }
    actions = codepipeline.list_action_executions(
        pipelineName=service.pipeline, maxResults=_ACTIONS
    )["actionExecutionDetails"]
    deliveries = {
        action["pipelineExecutionId"]
        for action in actions
        # A build exports variables of its choice.
        if action["input"]["actionTypeId"]["provider"] == _LAMBDA
        if action.get("output", {}).get("outputVariables", {}).get("image") in images
    }
    rollouts = [
        action
        for action in actions
        if action["input"]["actionTypeId"]["provider"] == _ECS and action["startTime"] <= began
    ]
    last = max(rollouts, key=lambda action: action["startTime"], default=None)
    return last if last and last["pipelineExecutionId"] in deliveries else None


# --- The reason. What cannot be read is left out: it must not hold up the end of the delivery. ----


def _alarms(cloudwatch: Any, service: Service) -> Iterator[str]:
    try:
        alarms = cloudwatch.describe_alarms(AlarmNames=list(service.alarms), StateValue="ALARM")
    except Exception as error:
        yield f"the alarms could not be read ({type(error).__name__})"
    else:
        for alarm in alarms["MetricAlarms"]:
            yield f"{alarm['AlarmName']} in ALARM: {alarm.get('StateReason', '')}"


def _last_end(client: Callable[[str], Any], service: Service, tasks: list[Shape]) -> Iterator[str]:
    """Say how the newest of the ended tasks ended, with the last lines of its log."""
    ended = [task for task in tasks if task.get("stoppedReason")]
    if not ended:
        return
    last = max(ended, key=lambda task: task["createdAt"])
    task_id = last["taskArn"].rpartition("/")[2]
    yield f"task {task_id}: {last['stoppedReason']}"
    for container in last["containers"]:
        code = f"exit code {container['exitCode']}" if "exitCode" in container else ""
        if said := ", ".join(filter(None, (container.get("reason"), code))):
            yield f"container {container['name']}: {said}"
    try:
        events = client("logs").get_log_events(
            logGroupName=service.log_group,
            logStreamName=f"{service.container}/{service.container}/{task_id}",
            limit=_LOG_LINES,
            startFromHead=False,
        )["events"]
    except Exception as error:
        yield f"its log could not be read ({type(error).__name__})"
    else:
        yield from (f"log: {event['message'].rstrip()}" for event in events)


def _mail(sns: Any, service: Service, message: str) -> None:
    try:
        sns.publish(
            TopicArn=service.topic,
            Subject=shortened(f"{service.name}: a rollout failed", LONGEST_SUBJECT),
            Message=message,
        )
    except Exception as error:
        print(f"The mail could not be sent ({type(error).__name__}: {error})")
