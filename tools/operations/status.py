"""The state of a service: its tasks, its image and the origin of it, deliveries, alarms."""

from collections.abc import Iterator, Mapping
from typing import Any

from backend_service.names import LIVE_TAG, alarm_kinds, alarm_name
from tools.operations.deliveries import Delivery, Pipeline
from tools.operations.service import DeployedService, task_id

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
        "image": list(_image(service, described, tasks, deliveries)),
        "deliveries": [each.line for each in deliveries[:_SHOWN_DELIVERIES]] or ["none"],
        "pipeline": list(pipeline.unfinished_stages()) or ["no stage runs or has failed"],
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
    described: Mapping[str, Any],
    tasks: list[dict[str, Any]],
    deliveries: list[Delivery],
) -> Iterator[str]:
    """Say which image runs, where it is from, and whether the next `cdk deploy` keeps it."""
    definition = service.account.call(
        "ecs", "describe_task_definition", taskDefinition=described["taskDefinition"]
    )["taskDefinition"]
    yield str(definition["containerDefinitions"][0]["image"])
    repository = service.settings.service.ecr_repository_name
    pages = service.account.pages("ecr", "describe_images", repositoryName=repository)
    images = {each["imageDigest"]: each for page in pages for each in page["imageDetails"]}
    running = {
        container["imageDigest"]
        for task in tasks
        for container in task["containers"]
        # The images of sidecars are not from here.
        if container["name"] == service.settings.service.container_name
        if "imageDigest" in container
    }
    for digest in sorted(running):
        tags = images.get(digest, {}).get("imageTags", [])
        live = LIVE_TAG in tags
        state = "live" if live else "not live (yet): a cdk deploy would run another image"
        yield f"running {digest[:_SHORT_DIGEST]} ({', '.join(tags) or 'no tag'}), {state}"
        yield _origin(tags, deliveries)


def _origin(tags: list[str], deliveries: list[Delivery]) -> str:
    """Return the delivery whose commit is in a tag: no proof, because a build chooses its tag."""
    for each in deliveries:
        named = each.commit in [tag.partition("-")[0] for tag in tags]
        if each.commit and not each.returns_to and named:
            return f"its tag names the commit of {each.line}"
    if set(tags) <= {LIVE_TAG}:
        return "no tag names a commit: it is the first image, copied from seed_image"
    return "its tag names no commit of a delivery that the pipeline lists"


def _alarms(service: DeployedService) -> Iterator[str]:
    settings = service.settings.service
    names = [alarm_name(settings.full_name, kind) for kind in alarm_kinds(settings)]
    found = service.account.call("cloudwatch", "describe_alarms", AlarmNames=names)["MetricAlarms"]
    alarms = {each["AlarmName"]: each for each in found}
    states = [alarms[name]["StateValue"] if name in alarms else "MISSING" for name in names]
    for name, state in zip(names, states, strict=True):
        if state != "OK":
            reason = alarms.get(name, {}).get("StateReason", "")
            yield f"{name}: {', '.join(filter(None, (state, reason)))}"
    yield f"{states.count('OK')} of {len(names)} are OK"
