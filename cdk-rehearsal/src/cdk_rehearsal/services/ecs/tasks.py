"""ECS: the image, placement and address of a task.

Without a container engine MiniStack's tasks are records that start at once with any image, and have
no address. This module gives such a task the digest of its image, and an address in one of the
subnets of its service. DescribeTasks shows it as that of a network interface, which EC2 does not
have.

With an engine (`containers`) MiniStack's worker resolves the image, and the container has the
address until it has ended.
"""

import json
import re
from collections import Counter
from http import HTTPStatus
from ipaddress import IPv4Address, IPv4Network
from itertools import chain
from typing import Any, TypeAlias

from ministack.core.concurrency import resource_lock
from ministack.core.responses import get_account_id, get_region, new_uuid
from ministack.services import ec2, ecs

from cdk_rehearsal.iam.service_roles import reason_not_to_start
from cdk_rehearsal.ministack.replacements import replaces
from cdk_rehearsal.ministack.responses import Handler, Request, Response, json_response
from cdk_rehearsal.options import EngineAccess
from cdk_rehearsal.services.ecr.api import find_image

_EXIT = re.compile(r"\bexit (\d+)\s*$")

Task: TypeAlias = dict[str, Any]
Deployment: TypeAlias = dict[str, Any]


class ImageMissingError(Exception):
    """An image of this account's registry does not exist; the message has its name."""


# AWS reserves the first four addresses of every subnet, and the last one.
_RESERVED_AT_START = 4

_OWN_IMAGE = re.compile(
    r"(?P<account>\d{12})\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.amazonaws\.com/(?P<repository>[^:@]+)"
    r"(?:@(?P<digest>sha256:\w+)|:(?P<tag>.+))?$"
)


@replaces(ecs, "_run_task", "_ACTION_MAP[RunTask]")
def run_task(original: Handler, request: Request) -> Response:
    """Start tasks with the digest of their image and an address, or fail them.

    As on ECS, a deployment is what has started the tasks of a service. A task of no service has a
    command that ends; a record has ended at once.
    """
    request |= {"startedBy": request.get("_deploymentId") or request.get("startedBy", "")}
    network = awsvpc(request)
    definition = ecs._task_defs.get(ecs._resolve_td_key(request["taskDefinition"]), {})
    if EngineAccess.is_configured():
        return original(request)
    deployment = _deployment_of(request)
    digests: dict[str, str] = {}
    try:
        digests = digests_of(definition, deployment)
        missing = reason_not_to_start(definition, new_uuid())
    except ImageMissingError as absence:
        missing = f"CannotPullContainerError: {absence}"
    status, headers, body = original(request)
    if status >= HTTPStatus.BAD_REQUEST:
        return status, headers, body
    tasks = [ecs._tasks[task["taskArn"]] for task in json.loads(body)["tasks"]]
    for task in tasks:
        for container in task["containers"]:
            if container["name"] in digests:
                container["imageDigest"] = digests[container["name"]]
    if missing:
        _fail_to_start(tasks, deployment, missing)
    else:
        for task in tasks if network else []:
            attach(task, network)
        if deployment is None:
            _end(tasks, definition)
    return json_response({"tasks": ecs._sanitize(tasks), "failures": []})


# --- Images: ECS resolves a tag once per deployment, unless the container says otherwise.


def digest_of(image: str) -> str | None:
    """Return the current digest of an image name; None for an image of another registry."""
    match = _OWN_IMAGE.match(image)
    if not match or (match["account"], match["region"]) != (get_account_id(), get_region()):
        return None
    record = find_image(
        match["repository"], digest=match["digest"] or "", tag=match["tag"] or "latest"
    )
    if record is None:
        raise ImageMissingError(f"{image}: not found")
    return str(record["imageDigest"])


def digests_of(definition: dict[str, Any], deployment: Deployment | None) -> dict[str, str]:
    """Return the digests of the images, which a deployment keeps from its first task on."""
    if deployment is not None and not _resolves_at_each_start(definition):
        kept: dict[str, str] | None = deployment.get("_image_digests")
        if kept is not None:
            return kept
    resolved = {
        container["name"]: digest
        for container in definition.get("containerDefinitions", [])
        if (digest := digest_of(container["image"]))
    }
    if deployment is not None:
        deployment["_image_digests"] = resolved
    return resolved


def _resolves_at_each_start(definition: dict[str, Any]) -> bool:
    """Tell whether ECS keeps no digests: one container is enough here, for all of them."""
    containers = definition.get("containerDefinitions", [])
    return any(each.get("versionConsistency") == "disabled" for each in containers)


def _deployment_of(request: Request) -> Deployment | None:
    """Return the deployment that starts the tasks; None for tasks without a service."""
    deployments = [each for service in ecs._services.values() for each in service["deployments"]]
    return next((each for each in deployments if each["id"] == request.get("_deploymentId")), None)


def _end(tasks: list[Task], definition: dict[str, Any]) -> None:
    """End tasks of no service: with the N of a command ``exit N``, otherwise with 0."""
    for task in tasks:
        ecs._mark_task_stopped(task["taskArn"], task, "Essential container in task exited", "")
        task["stopCode"] = "EssentialContainerExited"
        for container, defined in zip(
            task["containers"], definition["containerDefinitions"], strict=True
        ):
            words = [*defined.get("entryPoint", ()), *defined.get("command", ()), ""]
            found = _EXIT.search(" ".join(words))
            container["exitCode"] = int(found[1]) if found else 0


def _fail_to_start(tasks: list[Task], deployment: Deployment | None, reason: str) -> None:
    """Stop tasks that MiniStack has started, and fail their deployment as AWS does.

    The circuit breaker trips, and with rollback the last completed deployment becomes current.
    """
    for task in tasks:
        task["lastStatus"] = "PROVISIONING"  # so that Cloud Map never registers them
    for task in tasks:
        # With the real stop code MiniStack would start a replacement at once.
        ecs._mark_task_stopped(task["taskArn"], task, reason, "")
        task["stopCode"] = "TaskFailedToStart"
    if deployment is None:
        return
    # MiniStack completes the first deployment of a service from the start.
    deployment["rolloutState"] = "IN_PROGRESS"
    deployment["rolloutStateReason"] = reason
    service = next(s for s in ecs._services.values() if deployment in s["deployments"])
    configuration = service.get("deploymentConfiguration") or {}
    if configuration.get("deploymentCircuitBreaker", {}).get("enable"):
        # Every further task would fail like this one, so fill the count of the circuit breaker.
        deployment["failedTasks"] = ecs._circuit_breaker_threshold(service) - 1
        ecs._record_service_task_failure(tasks[0])
        deployment["rolloutStateReason"] += f" {reason}"
    # Without a circuit breaker a deployment that cannot start stays in progress, as on AWS.


# --- The network of a task in awsvpc mode.


def awsvpc(request: Request) -> dict[str, Any]:
    """Return the network configuration of a request for tasks in awsvpc mode; empty if none."""
    network: dict[str, Any] = request.get("networkConfiguration", {}).get("awsvpcConfiguration", {})
    return network


def attach(task: Task, network: dict[str, Any]) -> str:
    """Give a task an address in one of the subnets of its awsvpc configuration; return it.

    ``ValueError`` if the subnet has no free address.
    """
    # Under a lock, since placement and address of a task depend on those of the others.
    with resource_lock("task-placement", get_account_id()):
        subnet_id = _choose_subnet(task, network["subnets"])
        address, attachment_id = _free_address(subnet_id), new_uuid()
        details = {"subnetId": subnet_id, "privateIPv4Address": address}
        task["availabilityZone"] = ec2._subnets[subnet_id]["AvailabilityZone"]
        task["attachments"] = [
            {
                "id": attachment_id,
                "type": "ElasticNetworkInterface",
                "status": "ATTACHED",
                "details": [{"name": name, "value": value} for name, value in details.items()],
            }
        ]
        for container in task["containers"]:
            container["networkInterfaces"] = [
                {"attachmentId": attachment_id, "privateIpv4Address": address}
            ]
    return address


def _free_address(subnet_id: str) -> str:
    """Return the next address of the subnet that no task has.

    It continues after the last address, so the replacement of a task has another address than the
    stopped task, and a record that still has the old address is noticed.
    """
    subnet = ec2._subnets[subnet_id]
    network = IPv4Network(subnet["CidrBlock"])
    first = int(network.network_address) + _RESERVED_AT_START
    last = int(network.broadcast_address) - 1
    used = {ecs._task_ip(task) for task in ecs._tasks.values() if task["lastStatus"] != "STOPPED"}
    following = range(subnet.get("_last_address", first - 1) + 1, last + 1)
    for number in chain(following, range(first, last + 1)):
        if str(IPv4Address(number)) not in used:
            subnet["_last_address"] = number
            return str(IPv4Address(number))
    raise ValueError(f"The subnet '{subnet_id}' has not enough free addresses.")


def _choose_subnet(task: Task, subnet_ids: list[str]) -> str:
    """Return the subnet for one more task, in the zone with the fewest tasks of its group.

    Fargate spreads a service over its zones like this.
    """
    neighbours = Counter(
        other["availabilityZone"]
        for other in ecs._tasks.values()
        if other is not task
        and (other["clusterArn"], other["group"]) == (task["clusterArn"], task["group"])
        and other["lastStatus"] != "STOPPED"
        and other["attachments"]
    )
    return min(subnet_ids, key=lambda each: neighbours[ec2._subnets[each]["AvailabilityZone"]])
