"""The network of tasks in awsvpc mode: an interface with an address, from their start to their end.

Without a container engine MiniStack's tasks are records without an interface. Here each has one,
with an address of one of the subnets that its service names; DescribeTasks and EC2 both show it,
and it goes when the task stops. With an engine the container is given that address, and keeps it
until it has ended: `task_container` attaches and `task_end` detaches.
"""

import json
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from ministack.core.concurrency import resource_lock
from ministack.core.responses import get_account_id, get_region, new_uuid
from ministack.services import ec2, ecs

from rehearsal.local_aws.api_answer import Handler, Request, Response, answer, refusal
from rehearsal.local_aws.image_resolution import deployment_of, fail_to_start
from rehearsal.local_aws.network_interface import create_interface, remove_interface
from rehearsal.local_aws.subnet_address import SubnetFullError
from rehearsal.local_aws.task_placement import choose_subnet

Task = dict[str, Any]

_run_task: Handler = ecs._run_task
_mark_task_stopped: Callable[..., bool] = ecs._mark_task_stopped


def attach(task: Task, network: dict[str, Any]) -> str:
    """Give the task its interface in one of the subnets of its awsvpc configuration.

    Returns its address, the next free one of the subnet. Raises `SubnetFullError`.
    """
    # One after the other: where the next one goes depends on where this one went.
    with resource_lock("task-placement", f"{task['clusterArn']} {task['group']}"):
        subnet_id = choose_subnet(task, network["subnets"])
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
    """Take the task's interface from it."""
    for attachment in task["attachments"]:
        attachment["status"] = "DELETED"
        for detail in attachment["details"]:
            if detail["name"] == "networkInterfaceId":
                remove_interface(detail["value"])


def run_task(request: Request) -> Response:
    network = request.get("networkConfiguration", {}).get("awsvpcConfiguration", {})
    if error := _refusal(request, network):
        return error
    status, headers, body = _run_task(request)
    if status >= HTTPStatus.BAD_REQUEST or ecs._get_docker():
        return status, headers, body
    tasks = [ecs._tasks[task["taskArn"]] for task in json.loads(body)["tasks"]]
    waiting = [task for task in tasks if _is_awsvpc(task) and task["lastStatus"] == "RUNNING"]
    while waiting:
        try:
            attach(waiting[0], network)
        except SubnetFullError as error:
            fail_to_start(waiting, deployment_of(request), f"ResourceInitializationError: {error}")
            break
        waiting.pop(0)
    return answer({"tasks": ecs._sanitize(tasks), "failures": []})


def _refusal(request: Request, network: dict[str, Any]) -> Response | None:
    key = ecs._resolve_td_key(request.get("taskDefinition", ""))
    if ecs._task_defs.get(key, {}).get("networkMode") != "awsvpc":
        return None
    message = ""
    if not network.get("subnets"):
        message = "Network Configuration must be provided when networkMode 'awsvpc' is specified."
    elif lost := [subnet for subnet in network["subnets"] if subnet not in ec2._subnets]:
        message = f"The subnet ID '{lost[0]}' does not exist"
    return refusal("InvalidParameterException", message, 400) if message else None


def _is_awsvpc(task: Task) -> bool:
    return bool(task["_network_mode"] == "awsvpc")


def mark_task_stopped(task_arn: str, task: Task, *rest: Any, **options: Any) -> bool:
    stopped = _mark_task_stopped(task_arn, task, *rest, **options)
    if stopped:
        detach(task)
    return stopped


def install() -> None:
    ecs._run_task = run_task
    ecs._ACTION_MAP["RunTask"] = run_task
    ecs._mark_task_stopped = mark_task_stopped
