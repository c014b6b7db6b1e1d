"""Which image a task runs: ECS turns the tag into a digest once per deployment.

Without a container engine MiniStack's tasks are records that start at once, whatever image they
name. Here a task whose image is in this account's registry carries the digest that the tag had when
its deployment began; if there is no such image the deployment fails as it does on AWS: the circuit
breaker trips, and with rollback the last completed deployment goes on.
"""

import json
import re
from http import HTTPStatus
from typing import Any

from ministack.core.responses import get_account_id, get_region
from ministack.services import ecs

from rehearsal.local_aws.image_registry import find_image

_OWN_IMAGE = re.compile(
    r"(?P<account>\d{12})\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.amazonaws\.com/(?P<repository>[^:@]+)"
    r"(?:@(?P<digest>sha256:\w+)|:(?P<tag>.+))?$"
)

_run_task = ecs._run_task


class ImageMissingError(Exception):
    """An image of this account's registry that does not exist."""


def digest_of(image: str) -> str | None:
    """Return the digest that an image name stands for now; None for another registry's image."""
    match = _OWN_IMAGE.match(image)
    if not match or (match["account"], match["region"]) != (get_account_id(), get_region()):
        return None
    record = find_image(
        match["repository"], digest=match["digest"] or "", tag=match["tag"] or "latest"
    )
    if record is None:
        raise ImageMissingError(f"CannotPullContainerError: {image}: not found")
    return str(record["imageDigest"])


def run_task(request: dict[str, Any]) -> tuple[int, dict[str, str], bytes]:
    if ecs._get_docker():
        answer: tuple[int, dict[str, str], bytes] = _run_task(request)
        return answer  # its worker resolves the images: `engine_image`
    definition = ecs._task_defs.get(ecs._resolve_td_key(request.get("taskDefinition", "")))
    deployment = deployment_of(request)
    missing = ""
    try:
        digests = digests_of(definition or {}, deployment)
    except ImageMissingError as error:
        digests, missing = {}, str(error)
    status, headers, body = _run_task(request)
    if status >= HTTPStatus.BAD_REQUEST:
        return status, headers, body
    tasks = [ecs._tasks[task["taskArn"]] for task in json.loads(body)["tasks"]]
    for task in tasks:
        for container in task["containers"]:
            if container["name"] in digests:
                container["imageDigest"] = digests[container["name"]]
    if missing:
        fail_to_start(tasks, deployment, missing)
    return status, headers, body


def deployment_of(request: dict[str, Any]) -> dict[str, Any] | None:
    """Return the deployment that asks for the tasks; None for tasks that belong to no service."""
    wanted = request.get("_deploymentId")
    for service in ecs._services.values():
        for deployment in service["deployments"]:
            if wanted and deployment["id"] == wanted:
                found: dict[str, Any] = deployment
                return found
    return None


def digests_of(definition: dict[str, Any], deployment: dict[str, Any] | None) -> dict[str, str]:
    if deployment is not None and "_image_digests" in deployment:
        kept: dict[str, str] = deployment["_image_digests"]
        return kept
    resolved = {
        container["name"]: digest
        for container in definition.get("containerDefinitions", [])
        if (digest := digest_of(container["image"]))
    }
    if deployment is not None:
        deployment["_image_digests"] = resolved
    return resolved


def fail_to_start(
    tasks: list[dict[str, Any]], deployment: dict[str, Any] | None, reason: str
) -> None:
    """Stop tasks that MiniStack took for running, and let their deployment fail as it must."""
    for task in tasks:
        task["lastStatus"] = "PROVISIONING"  # none of them ever ran, so none is registered anywhere
    for task in tasks:
        # With its real stop code MiniStack would count each stop and start a replacement at once.
        ecs._mark_task_stopped(task["taskArn"], task, reason, "")
        task["stopCode"] = "TaskFailedToStart"
    if deployment is None:
        return
    # MiniStack takes a service's first deployment as complete from the start.
    deployment["rolloutState"] = "IN_PROGRESS"
    deployment["rolloutStateReason"] = reason
    service = next(s for s in ecs._services.values() if deployment in s["deployments"])
    configuration = service.get("deploymentConfiguration") or {}
    if configuration.get("deploymentCircuitBreaker", {}).get("enable"):
        # Every further try would end like this one, so the breaker's count is full already.
        deployment["failedTasks"] = ecs._circuit_breaker_threshold(service) - 1
        ecs._record_service_task_failure(tasks[0])
        deployment["rolloutStateReason"] += f" {reason}"
    # Without a breaker a deployment that cannot start stays in progress for ever, as on AWS.


def install() -> None:
    ecs._run_task = run_task
    ecs._ACTION_MAP["RunTask"] = run_task
