"""ECS: the image, placement and network interface of a task.

Without a container engine MiniStack's tasks are records that start at once with any image, and have
no network interface. This module gives such a task the digest of its image, and an interface with
an address in one of the subnets of its service. DescribeTasks and EC2 show the interface, and it is
deleted when the task stops.

With an engine (`containers`) MiniStack's worker resolves the image, and the container has the
address until it has ended.
"""

import json
import re
from collections import Counter
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, TypeAlias

from ministack.core.concurrency import resource_lock
from ministack.core.responses import get_account_id, get_region, new_uuid
from ministack.services import ec2, ecs

from cdk_rehearsal.iam.service_roles import reason_not_to_start
from cdk_rehearsal.ministack.replacements import replaces
from cdk_rehearsal.ministack.responses import Handler, Request, Response, json_response
from cdk_rehearsal.options import EngineAccess
from cdk_rehearsal.services.ec2.interfaces import (
    SubnetFullError,
    create_interface,
    free_addresses,
    remove_interface,
)
from cdk_rehearsal.services.ecr.api import find_image
from cdk_rehearsal.services.ecs.errors import ImageMissingError, error

Task: TypeAlias = dict[str, Any]
Deployment: TypeAlias = dict[str, Any]

_OWN_IMAGE = re.compile(
    r"(?P<account>\d{12})\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.amazonaws\.com/(?P<repository>[^:@]+)"
    r"(?:@(?P<digest>sha256:\w+)|:(?P<tag>.+))?$"
)


@replaces(
    ecs,
    "_run_task",
    "_ACTION_MAP[RunTask]",
    upstream="Missing, without an engine: network interfaces, and failures to start.",
)
def run_task(original: Handler, request: Request) -> Response:
    """Start tasks with the digest of their image and a network interface, or fail them.

    As on ECS, a deployment is what has started the tasks of a service.
    """
    request |= {"startedBy": request.get("_deploymentId") or request.get("startedBy", "")}
    network = awsvpc(request)
    definition = ecs._task_defs.get(ecs._resolve_td_key(request["taskDefinition"]), {})
    if definition.get("networkMode") == "awsvpc" and not network.get("subnets"):
        problem = "Network Configuration must be provided when networkMode 'awsvpc' is specified."
        return error("InvalidParameterException", problem=problem)
    if refusal := error_of_network(network):
        return refusal
    if EngineAccess.is_configured():
        return original(request)
    deployment = _deployment_of(request)
    missing = ""
    try:
        digests = digests_of(definition, deployment)
    except ImageMissingError as absence:
        digests, missing = {}, f"{absence.reason}: {absence}"
    missing = missing or reason_not_to_start(definition, new_uuid())
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
        _attach_all(tasks, network, deployment)
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
        raise ImageMissingError(image)
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


# --- The network interface of a task in awsvpc mode.


def awsvpc(request: Request) -> dict[str, Any]:
    """Return the network configuration of a request for tasks in awsvpc mode; empty if none."""
    network: dict[str, Any] = request.get("networkConfiguration", {}).get("awsvpcConfiguration", {})
    return network


def error_of_network(network: dict[str, Any]) -> Response | None:
    """Return the error of ECS for subnets or security groups that do not exist."""
    for subnet in network.get("subnets", []):
        if subnet not in ec2._subnets:
            problem = f"The subnet ID '{subnet}' does not exist"
            return error("InvalidParameterException", problem=problem)
    for group in network.get("securityGroups", []):
        if group not in ec2._security_groups:
            problem = f"The security group '{group}' does not exist"
            return error("InvalidParameterException", problem=problem)
    return None


def _attach_all(tasks: list[Task], network: dict[str, Any], deployment: Deployment | None) -> None:
    """Attach an interface to each task; fail tasks without a free address."""
    for number, task in enumerate(tasks if network else []):
        try:
            attach(task, network)
        except SubnetFullError as full:
            _fail_to_start(tasks[number:], deployment, f"ResourceInitializationError: {full}")
            return


def attach(task: Task, network: dict[str, Any]) -> str:
    """Attach an interface in one of the subnets of an awsvpc configuration; return its address.

    The address is the next free one of the subnet. Raises `SubnetFullError`.
    """
    # Under a lock, since the placement of a task depends on that of the others.
    with resource_lock("task-placement", f"{task['clusterArn']} {task['group']}"):
        subnet_id = _choose_subnet(task, network["subnets"])
        attachment_id = new_uuid()
        interface = create_interface(
            subnet_id,
            network.get("securityGroups", []),
            description=f"arn:aws:ecs:{get_region()}:{get_account_id()}:attachment/{attachment_id}",
        )
        details = {
            "subnetId": subnet_id,
            "networkInterfaceId": interface["NetworkInterfaceId"],
            "macAddress": interface["MacAddress"],
            "privateIPv4Address": interface["PrivateIpAddress"],
        }
        task["availabilityZone"] = interface["AvailabilityZone"]
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
                {"attachmentId": attachment_id, "privateIpv4Address": interface["PrivateIpAddress"]}
            ]
    return str(interface["PrivateIpAddress"])


def detach(task: Task) -> None:
    """Delete the interface of a task."""
    for attachment in task["attachments"]:
        attachment["status"] = "DELETED"
        for detail in attachment["details"]:
            if detail["name"] == "networkInterfaceId":
                remove_interface(detail["value"])


def _choose_subnet(task: Task, subnet_ids: list[str]) -> str:
    """Return the subnet for one more task, in the zone with the fewest tasks of its group.

    Fargate spreads a service over its zones like this. A full subnet is the last choice.
    """
    neighbours = Counter(
        other["availabilityZone"]
        for other in ecs._tasks.values()
        if other is not task
        and (other["clusterArn"], other["group"]) == (task["clusterArn"], task["group"])
        and other["lastStatus"] != "STOPPED"
        and other["attachments"]
    )
    return min(
        subnet_ids,
        key=lambda subnet: (
            free_addresses(subnet) <= 0,
            neighbours[ec2._subnets[subnet]["AvailabilityZone"]],
        ),
    )


@replaces(ecs, "_mark_task_stopped")
def mark_task_stopped(
    original: Callable[..., bool], task_arn: str, task: Task, *rest: Any, **options: Any
) -> bool:
    """Delete the interface of a stopped task, which MiniStack does not have.

    As on ECS, the task immediately stops counting and leaves Cloud Map. A running container ends by
    itself or after its stop timeout (`containers`). Until then the task is STOPPING and keeps
    its address.
    """
    ending = bool(task["_docker_ids"])
    exited = all(container["lastStatus"] == "STOPPED" for container in task["containers"])
    stopped = original(task_arn, task, *rest, **options)
    if stopped and ending and not exited:
        with resource_lock("ecs-task", task_arn):
            task["lastStatus"] = "STOPPING"
            task["stoppedAt"] = task["executionStoppedAt"] = None
            for container in task["containers"]:
                container["lastStatus"], container["exitCode"] = "RUNNING", None
    elif stopped and not ending:
        detach(task)
    return stopped
