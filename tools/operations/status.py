"""How a service is: its tasks, the image in service and how it came there, deliveries, alarms."""

from collections.abc import Iterator, Mapping
from typing import Any

from backend_service.names import LIVE_TAG, AlarmKind, alarm_name
from tools.operations.deliveries import NOT_DEPLOYED, SHOWN, Delivery, Pipeline
from tools.operations.service import DeployedService, task_id

_DIGEST = 19


def show_status(service: DeployedService) -> None:
    """Ask for everything, and print it."""
    described, tasks = service.describe(), service.tasks()
    pipeline = Pipeline(service)
    deliveries = pipeline.deliveries()
    sections: Mapping[str, list[str]] = {
        "service": list(_service(service, described)),
        "tasks": [_task(task) for task in tasks] or ["none"],
        "image": list(_image(service, described, tasks, deliveries)),
        "deliveries": [each.line for each in deliveries[:SHOWN]] or [NOT_DEPLOYED],
        "pipeline": list(pipeline.running()) or ["no stage is at work or has failed"],
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
    started = task.get("startedAt")
    return "  ".join(
        [
            task_id(task),
            task["lastStatus"],
            task.get("healthStatus", "UNKNOWN"),
            task.get("availabilityZone", ""),
            *addresses,
            f"since {started:%Y-%m-%d %H:%M}" if started else "not started",
        ]
    )


def _image(
    service: DeployedService,
    described: Mapping[str, Any],
    tasks: list[dict[str, Any]],
    deliveries: list[Delivery],
) -> Iterator[str]:
    """Say which image runs, who put it there, and whether the next `cdk deploy` keeps it."""
    definition = service.account.call(
        "ecs", "describe_task_definition", taskDefinition=described["taskDefinition"]
    )["taskDefinition"]
    named = str(definition["containerDefinitions"][0]["image"])
    by_template = named.endswith(f":{LIVE_TAG}")
    yield f"{named}, put into service by {'a cdk deploy' if by_template else 'the pipeline'}"
    repository = service.settings.service.ecr_repository_name
    running = sorted(
        {c["imageDigest"] for t in tasks for c in t["containers"] if "imageDigest" in c}
    )
    live = _digest(service, repository, {"imageTag": LIVE_TAG})[0]
    for digest in running:
        _, tags = _digest(service, repository, {"imageDigest": digest})
        standing = "live" if digest == live else "not live (yet): a cdk deploy would run another"
        yield f"running {digest[:_DIGEST]} ({', '.join(tags) or 'no tag'}), {standing}"
        yield _origin(tags, deliveries)


def _digest(
    service: DeployedService, repository: str, image: dict[str, str]
) -> tuple[str, list[str]]:
    """Return digest and tags of an image; empty if the repository does not have it."""
    found = service.account.call(
        "ecr",
        "describe_images",
        "ImageNotFoundException",
        repositoryName=repository,
        imageIds=[image],
    )
    details = found["imageDetails"] if found else []
    return (details[0]["imageDigest"], details[0].get("imageTags", [])) if details else ("", [])


def _origin(tags: list[str], deliveries: list[Delivery]) -> str:
    """Say which delivery has made an image. Its tag begins with the commit, as the build has it."""
    made = [
        each
        for each in deliveries
        if each.commit and not each.returns_to and any(tag.startswith(each.commit) for tag in tags)
    ]
    if made:
        return f"delivered by {made[0].line}"
    if set(tags) <= {LIVE_TAG}:
        return "not from a delivery: the first image, copied from seed_image"
    return "from a delivery that the pipeline does not list any more"


def _alarms(service: DeployedService) -> Iterator[str]:
    names = [alarm_name(service.settings.service.full_name, kind) for kind in AlarmKind]
    found = service.account.call("cloudwatch", "describe_alarms", AlarmNames=names)["MetricAlarms"]
    states = {each["AlarmName"]: each for each in found}
    for name in names:
        if name not in states:
            yield f"{name}: MISSING"
        elif states[name]["StateValue"] != "OK":
            yield f"{name}: {states[name]['StateValue']}, {states[name].get('StateReason', '')}"
    fine = [name for name in names if name in states and states[name]["StateValue"] == "OK"]
    yield f"{len(fine)} of {len(names)} are OK"
