"""CreateService and UpdateService of ECS: what MiniStack forgets, and what it should refuse."""

import json
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from ministack.core.responses import error_response_json
from ministack.services import ec2, ecs, servicediscovery

Request = dict[str, Any]
Response = tuple[int, dict[str, str], bytes]

# Parameters of CreateService and UpdateService that MiniStack does not keep.
_FORGOTTEN = (
    "availabilityZoneRebalancing",
    "enableECSManagedTags",
    "placementConstraints",
    "placementStrategy",
    "propagateTags",
    "serviceConnectConfiguration",
    "serviceRegistries",
)


def _remembering(action: Callable[[Request], Response]) -> Callable[[Request], Response]:
    def act(request: Request) -> Response:
        if error := _refusal(request):
            return error
        status, headers, body = action(request)
        if status >= HTTPStatus.BAD_REQUEST:
            return status, headers, body
        answer = json.loads(body)["service"]
        cluster = answer["clusterArn"].rsplit("/", 1)[-1]
        record = ecs._services[f"{cluster}/{answer['serviceName']}"]
        record |= {key: request[key] for key in _FORGOTTEN if key in request}
        # The tasks were started before the registries of an update were known.
        ecs._refresh_service_state(cluster, f"service:{answer['serviceName']}")
        response: Response = ecs.json_response({"service": ecs._sanitize(record)})
        return response

    return act


def _refusal(request: Request) -> Response | None:
    """Return the error of ECS for a request that names something that does not exist."""
    cluster = ecs._resolve_cluster_name(request.get("cluster", "default"))
    network = request.get("networkConfiguration", {}).get("awsvpcConfiguration", {})
    registries = {service["Arn"] for service in servicediscovery._services.values()}
    definition = request.get("taskDefinition", "")
    code, message = "InvalidParameterException", ""
    if cluster not in ecs._clusters:
        code, message = "ClusterNotFoundException", "Cluster not found."
    elif definition and ecs._resolve_td_key(definition) not in ecs._task_defs:
        code, message = "ClientException", "TaskDefinition not found."
    for subnet in network.get("subnets", []):
        if subnet not in ec2._subnets:
            message = f"The subnet ID '{subnet}' does not exist"
    for group in network.get("securityGroups", []):
        if group not in ec2._security_groups:
            message = f"The security group '{group}' does not exist"
    for registry in request.get("serviceRegistries", []):
        if registry["registryArn"] not in registries:
            message = f"The service registry '{registry['registryArn']}' does not exist"
    return error_response_json(code, message, 400) if message else None


def install() -> None:
    for action in ("CreateService", "UpdateService"):
        ecs._ACTION_MAP[action] = _remembering(ecs._ACTION_MAP[action])
