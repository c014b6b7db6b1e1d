"""The container of a task: of its image, with the address of its interface, in our network alone.

MiniStack's worker starts it and takes the task through its states. Its address is the one that the
task's interface has in its subnet: the network of the engine has the addresses of the VPC.
"""

import base64
import json
import os
from pathlib import Path
from typing import Any

from ministack.services import ecs

from rehearsal.local_aws.api_answer import Request
from rehearsal.local_aws.engine_client import access, client
from rehearsal.local_aws.engine_image import engine_image
from rehearsal.local_aws.subnet_address import SubnetFullError
from rehearsal.local_aws.task_network import attach

Task = dict[str, Any]
ContainerDefinition = dict[str, Any]

# What is read here, by MiniStack's worker, or says nothing about how the container runs.
_KNOWN = {
    "command", "cpu", "entryPoint", "environment", "essential", "healthCheck", "image",
    "linuxParameters", "logConfiguration", "memory", "memoryReservation", "mountPoints", "name",
    "portMappings", "readonlyRootFilesystem", "secrets", "stopTimeout", "systemControls", "user",
    "versionConsistency", "volumesFrom",
}  # fmt: skip


def start_container(
    _client: Any, definition: ContainerDefinition, options: dict[str, Any], **_: Any
) -> Any:
    if unknown := {key for key, value in definition.items() if value} - _KNOWN:
        raise ValueError(f"the local AWS does not run a container with {', '.join(unknown)}")
    task = ecs._tasks[options["labels"]["com.amazonaws.ecs.task-arn"]]
    image = engine_image(definition["image"])
    # Set before the task runs: it is registered as unhealthy until its first check has passed.
    task["_health_is_checked"] = "healthCheck" in definition
    try:
        address = attach(task, task["_subnet"])
    except SubnetFullError as error:
        raise ValueError(str(error)) from error
    network = access().network
    endpoint = client().api.create_endpoint_config(ipv4_address=address)
    environment = options["environment"]
    return client().containers.run(
        image,
        command=options["command"],
        entrypoint=definition.get("entryPoint"),
        environment=environment | {"ECS_CONTAINER_METADATA_URI_V4": _metadata_uri(task)},
        user=definition.get("user"),
        read_only=definition.get("readonlyRootFilesystem", False),
        init=(definition.get("linuxParameters") or {}).get("initProcessEnabled", False),
        name=options["name"],
        labels=options["labels"] | access().labels,
        network=network,
        networking_config={network: endpoint},
        volumes={str(_resolver_file()): {"bind": "/etc/resolv.conf", "mode": "ro"}},
        detach=True,
    )


def _metadata_uri(task: Task) -> str:
    """Return where a container asks who it is; the answer is in the address itself."""
    family, _, revision = task["taskDefinitionArn"].rpartition("/")[2].partition(":")
    answer = {
        "Cluster": task["clusterArn"],
        "TaskARN": task["taskArn"],
        "ServiceName": task["group"].partition(":")[2],
        "Family": family,
        "Revision": revision,
        "AvailabilityZone": task["availabilityZone"],
        "LaunchType": task["launchType"],
    }
    token = base64.urlsafe_b64encode(json.dumps(answer).encode()).decode()
    return f"http://{access().resolver}/v4/{token}"


def _resolver_file() -> Path:
    file = Path(os.environ["HOME"], "resolv.conf")
    if not file.exists():
        file.write_text(f"nameserver {access().resolver}\noptions ndots:1\n", encoding="utf-8")
        # Mounted into containers, whose users are others to this file; they see no other one.
        file.chmod(0o644)
        file.parent.chmod(0o711)
    return file


def _requested_network(request: Request) -> dict[str, Any]:
    """MiniStack keeps only a subnet of the request with the task; here all is kept there."""
    network: dict[str, Any] = request.get("networkConfiguration", {}).get("awsvpcConfiguration", {})
    return network


def _register_nothing(*_: Any) -> str:
    """MiniStack gives containers its own address, where they do not reach it, and credentials."""
    return ""


def install() -> None:
    ecs._requested_subnet = _requested_network
    ecs._register_metadata = _register_nothing
    ecs._run_docker_container = start_container
