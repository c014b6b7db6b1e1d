"""The state of a service: its tasks, its image and the origin of it, deliveries, alarms."""

from collections.abc import Iterator, Mapping
from typing import Any

from backend_service.names import LIVE_TAG, alarm_kinds, alarm_name
from backend_service.release.failed_rollout import SEPARATOR
from tools.doctor.aws import reply_or_none
from tools.operations.deliveries import Delivery, Pipeline
from tools.operations.service import LOG_GROUPS, DeployedService, log_events, task_id

_SHOWN_DELIVERIES = 5
_SHORT_DIGEST = 19


def show_status(service: DeployedService) -> None:
    """Make all calls, and then print the results."""
    described, tasks = service.describe(), service.tasks()
    pipeline = Pipeline(service)
    deliveries = pipeline.deliveries()
    sections: Mapping[str, list[str]] = {
        "service": list(_service(service, described)),
        "tasks": [_task(task) for task in tasks] or ["none"],
        "image": list(_image(service, tasks, pipeline, deliveries)) or ["none runs"],
        "deliveries": [each.line for each in deliveries[:_SHOWN_DELIVERIES]] or ["none"],
        "pipeline": list(pipeline.unfinished_stages()) or ["no stage runs or has failed"],
        "failure": list(_failure(service, pipeline, deliveries)),
        "alarms": list(_alarms(service)),
    }
    for title, lines in sections.items():
        for number, line in enumerate(lines):
            print(f"{'' if number else title:<12}{line}")


def _service(service: DeployedService, described: Mapping[str, Any]) -> Iterator[str]:
    settings = service.settings.service
    yield f"stack {service.settings.service_stack_name}: {service.stack_status}"
    yield (
        f"{service.name} in {service.cluster}: {described['status']}, "
        f"{described['runningCount']} of {described['desiredCount']} tasks run"
    )
    yield f"http://{settings.service_name}.{settings.namespace_name}:{settings.container_port}"
    for each in described["deployments"]:
        reason = f": {each['rolloutStateReason']}" if each.get("rolloutStateReason") else ""
        revision = each["taskDefinition"].rpartition("/")[2]
        yield f"{each['status']} {revision} {each.get('rolloutState', '')}{reason}"


def _task(task: Mapping[str, Any]) -> str:
    addresses = [
        interface["privateIpv4Address"]
        for container in task["containers"]
        for interface in container.get("networkInterfaces", [])
    ]
    started = f"since {task['startedAt']:%Y-%m-%d %H:%M}" if "startedAt" in task else "not started"
    state = (task["lastStatus"], task.get("healthStatus", ""), task.get("availabilityZone", ""))
    return "  ".join(filter(None, [task_id(task), *state, *addresses, started]))


def _image(
    service: DeployedService,
    tasks: list[dict[str, Any]],
    pipeline: Pipeline,
    deliveries: list[Delivery],
) -> Iterator[str]:
    """Say which image runs, where it is from, and whether the next `cdk deploy` keeps it."""
    running = {
        container["imageDigest"]
        for task in tasks
        for container in task["containers"]
        # The images of sidecars are not from here.
        if container["name"] == service.settings.service.container_name
        if "imageDigest" in container
    }
    lines = {each.id: each.line for each in deliveries}
    for digest in sorted(running):
        found = reply_or_none(
            service.aws.client("ecr").describe_images,
            "ImageNotFoundException",
            repositoryName=service.settings.service.ecr_repository_name,
            imageIds=[{"imageDigest": digest}],
        )
        tags = found["imageDetails"][0].get("imageTags", []) if found else []
        live = LIVE_TAG in tags
        state = "live" if live else "not live (yet): a cdk deploy would run another image"
        yield f"running {digest[:_SHORT_DIGEST]} ({', '.join(tags) or 'no tag'}), {state}"
        if release := pipeline.release_of(digest):
            yield f"released by {lines.get(release, release)}"
        else:
            yield "the pipeline knows no release of it: it is the first image, or a very old one"


def _failure(
    service: DeployedService, pipeline: Pipeline, deliveries: list[Delivery]
) -> Iterator[str]:
    """Yield the reason of a rollout that failed, if it is the last one.

    The function has logged it; the fields of CodePipeline would cut it.
    """
    latest, status = pipeline.in_last_stage()
    found = next((each for each in deliveries if each.id == latest), None)
    if found is None or status not in {"Failed", "Stopped"}:
        return
    group, since = LOG_GROUPS["pipeline"](service.settings), found.started.timestamp() * 1000
    messages = [event["message"].rstrip() for event in log_events(service.aws, group, int(since))]
    reasons = [each for each in messages if each.startswith(f"Delivery {latest} failed")]
    if reasons:
        yield from reasons[-1].split(SEPARATOR)


def _alarms(service: DeployedService) -> Iterator[str]:
    settings = service.settings.service
    names = [alarm_name(settings.full_name, kind) for kind in alarm_kinds(settings)]
    found = service.aws.client("cloudwatch").describe_alarms(AlarmNames=names)["MetricAlarms"]
    alarms = {each["AlarmName"]: each for each in found}
    for name in names:
        alarm = alarms.get(
            name, {"StateValue": "MISSING", "StateReason": "somebody has deleted it"}
        )
        reason = "" if alarm["StateValue"] == "OK" else f": {alarm['StateReason']}"
        yield f"{name} {alarm['StateValue']}{reason}"
