"""The ECS API: clusters and services, which keep their settings and their count of tasks."""

import json
from collections.abc import Callable
from datetime import datetime
from http import HTTPStatus
from typing import Any

from ministack.services import ecs, servicediscovery

from cdk_rehearsal.ministack.replacements import replaces
from cdk_rehearsal.ministack.responses import Handler, Request, Response, json_response
from cdk_rehearsal.services.ecs.deployments import ONE_AT_A_TIME
from cdk_rehearsal.services.ecs.errors import error
from cdk_rehearsal.services.ecs.tasks import awsvpc, error_of_network

# Parameters of CreateService and UpdateService that MiniStack drops.
_DROPPED = (
    "availabilityZoneRebalancing",
    "enableECSManagedTags",
    "propagateTags",
    "serviceConnectConfiguration",
    "serviceRegistries",
)
_SERVICE_UPSTREAM = "Bug: parameters are dropped, and resources that do not exist are accepted."


@replaces(ecs, "_ts_to_epoch", upstream="Bug: times lose their fractions of a second.")
def seconds_of(original: Callable[[Any], Any], value: Any) -> Any:
    """Return a time in seconds, with the milliseconds that ECS has."""
    whole = original(value)
    is_time = isinstance(value, str) and isinstance(whole, int)
    return datetime.fromisoformat(value).timestamp() if is_time else whole


@replaces(
    ecs,
    "_ACTION_MAP[DeleteCluster]",
    upstream="Bug: a cluster with active services or tasks is deleted.",
)
def delete_cluster(original: Handler, request: Request) -> Response:
    """Refuse to delete a cluster with an active service or task."""
    name = ecs._resolve_cluster_name(request["cluster"])
    for key, service in ecs._services.items():
        if key.startswith(f"{name}/") and service["status"] == "ACTIVE":
            return error("ClusterContainsServicesException")
    for task in ecs._tasks.values():
        if task["clusterArn"].endswith(f":cluster/{name}") and task["lastStatus"] != "STOPPED":
            return error("ClusterContainsTasksException")
    return original(request)


def create_or_update_service(original: Handler, request: Request) -> Response:
    """Refuse a service that names a missing resource, and keep what MiniStack drops."""
    with ONE_AT_A_TIME:
        return _error_of_service(request) or _keep_parameters(original(request), request)


for _action in ("CreateService", "UpdateService"):
    replaces(ecs, f"_ACTION_MAP[{_action}]", upstream=_SERVICE_UPSTREAM)(create_or_update_service)


def _keep_parameters(response: Response, request: Request) -> Response:
    status, _, body = response
    if status >= HTTPStatus.BAD_REQUEST:
        return response
    service = json.loads(body)["service"]
    cluster = service["clusterArn"].rsplit("/", 1)[-1]
    record = ecs._services[f"{cluster}/{service['serviceName']}"]
    record |= {key: request[key] for key in _DROPPED if key in request}
    # MiniStack has started the tasks before the registries of the update were stored.
    ecs._refresh_service_state(cluster, f"service:{service['serviceName']}")
    return json_response({"service": ecs._sanitize(record)})


def _error_of_service(request: Request) -> Response | None:
    """Return the error of ECS for a request that names a missing resource."""
    if ecs._resolve_cluster_name(request.get("cluster", "default")) not in ecs._clusters:
        return error("ClusterNotFoundException")
    definition = request.get("taskDefinition", "")
    if definition and ecs._resolve_td_key(definition) not in ecs._task_defs:
        return error("ClientException")
    known = {service["Arn"] for service in servicediscovery._services.values()}
    for registry in request.get("serviceRegistries", []):
        if registry["registryArn"] not in known:
            problem = f"The service registry '{registry['registryArn']}' does not exist"
            return error("InvalidParameterException", problem=problem)
    return error_of_network(awsvpc(request))


# Only in the API: MiniStack's own calls of `_stop_task` are already part of a reconciliation.
@replaces(
    ecs,
    "_ACTION_MAP[StopTask]",
    upstream="Bug: a service starts no task for one that StopTask stopped.",
)
def stop_task(original: Handler, request: Request) -> Response:
    """Start another task for a stopped task of a service, since ECS keeps the count."""
    response = original(request)
    if response[0] == HTTPStatus.OK:
        cluster = ecs._resolve_cluster_name(request.get("cluster", "default"))
        kind, _, service = ecs._resolve_task(request["task"], cluster)["group"].partition(":")
        if kind == "service":
            ecs._reconcile_service_tasks(cluster, f"{cluster}/{service}")
    return response
