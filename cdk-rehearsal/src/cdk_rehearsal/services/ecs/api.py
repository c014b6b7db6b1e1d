"""ECS: clusters, task definitions and services, in a template and through the API."""

import json
import threading
import time
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from botocore.exceptions import ClientError
from ministack.services import ec2, ecs, servicediscovery

from cdk_rehearsal.ministack.replacements import replaces
from cdk_rehearsal.ministack.resource_types import (
    Change,
    Created,
    PatchedType,
    Properties,
    ResourceType,
    api_shape,
    generated_name,
    own_client,
    replaces_type,
)
from cdk_rehearsal.ministack.responses import Handler, Request, Response, json_error, json_response
from cdk_rehearsal.options import EngineAccess

_ONLY_AT_CREATION = ("launchType", "schedulingStrategy", "tags", "serviceName", "cluster", "role")
# Generous, since a busy machine gets a slow deployment, not a failed one. But a rehearsal waits
# longer for the CDK CLI, so that the events of the stack say which service did not become stable.
_LONGEST_WAIT_SECONDS = 1800
_POLL_SECONDS = 0.5

# Parameters of CreateService and UpdateService that MiniStack drops.
_DROPPED = (
    "availabilityZoneRebalancing",
    "enableECSManagedTags",
    "propagateTags",
    "serviceConnectConfiguration",
    "serviceRegistries",
)
_SERVICE_UPSTREAM = (
    "Missing: availabilityZoneRebalancing, placement and Service Connect are not kept, and an"
    " update changes neither serviceRegistries nor propagateTags; task definitions, subnets, groups"
    " and registries that do not exist are accepted."
)


_CLUSTER_UPSTREAM = (
    "Bug: a cluster with active services or tasks is deleted; ECS answers"
    " ClusterContainsServicesException or ClusterContainsTasksException."
)


@replaces_type("AWS::ECS::Cluster", upstream=_CLUSTER_UPSTREAM)
class Cluster(PatchedType):
    """A cluster that can be deleted only without active services and tasks."""

    def delete(self, physical_id: str, properties: Properties) -> None:
        status, _, body = delete_cluster({"cluster": physical_id})
        if status >= HTTPStatus.BAD_REQUEST and b"ClusterNotFoundException" not in body:
            raise ValueError(body.decode())


@replaces(ecs, "_ACTION_MAP[DeleteCluster]", upstream=_CLUSTER_UPSTREAM)
def delete_cluster(original: Handler, request: Request) -> Response:
    """Refuse to delete a cluster with an active service or task."""
    name = ecs._resolve_cluster_name(request.get("cluster", "default"))
    services = [key for key, service in ecs._services.items() if service["status"] == "ACTIVE"]
    tasks = [t for t in ecs._tasks.values() if t["clusterArn"].endswith(f":cluster/{name}")]
    if any(key.startswith(f"{name}/") for key in services):
        message = "The Cluster cannot be deleted while Services are active."
        return json_error("ClusterContainsServicesException", message, 400)
    if any(task["lastStatus"] != "STOPPED" for task in tasks):
        message = "The Cluster cannot be deleted while Tasks are active."
        return json_error("ClusterContainsTasksException", message, 400)
    return original(request)


@replaces_type(
    "AWS::ECS::TaskDefinition",
    upstream="Missing: the properties of a task definition in the spelling of the API, and tags"
    " that change without a new revision.",
)
class TaskDefinition(ResourceType):
    """A revision of a task definition; every change except to its tags makes the next revision.

    It is registered through the API, so that the API returns every property.
    """

    def create(self, logical_id: str, properties: Properties, stack: str) -> Created:
        request: Request = api_shape(properties)
        request.setdefault("family", generated_name(stack, logical_id, longest=255))
        definition = own_client("ecs").register_task_definition(**request)["taskDefinition"]
        arn = definition["taskDefinitionArn"]
        return arn, {"TaskDefinitionArn": arn}

    def update(self, change: Change) -> Created:
        if _without_tags(change.old) != _without_tags(change.new):
            # A revision never changes; the engine deregisters the old one after the update.
            return self.create(change.logical_id, change.new, change.stack)
        tags = api_shape(change.new.get("Tags", []))
        own_client("ecs").tag_resource(resourceArn=change.physical_id, tags=tags)
        return change.physical_id, {"TaskDefinitionArn": change.physical_id}

    def delete(self, physical_id: str, properties: Properties) -> None:
        own_client("ecs").deregister_task_definition(taskDefinition=physical_id)


def _without_tags(properties: Properties) -> Properties:
    return {key: value for key, value in properties.items() if key != "Tags"}


@replaces_type(
    "AWS::ECS::Service",
    replaced_by=("Cluster", "LaunchType", "Role", "SchedulingStrategy", "ServiceName"),
    upstream="Missing: a creation or update waits for its deployment and fails with it; a template"
    " without DesiredCount leaves the count of a service alone.",
)
class EcsService(ResourceType):
    """A service whose creation or update fails when its deployment does."""

    def create(self, logical_id: str, properties: Properties, stack: str) -> Created:
        request: Request = api_shape(properties)
        # CloudFormation's own default when the template names no count.
        request.setdefault("desiredCount", 1)
        request.setdefault("serviceName", generated_name(stack, logical_id, longest=255))
        created = own_client("ecs").create_service(**request)["service"]
        service = _settled(created["serviceArn"])
        if reason := _failed_rollout(service, known=set()):
            self.delete(service["serviceArn"], properties)
            raise ValueError(reason)
        return service["serviceArn"], _attributes(service)

    def update(self, change: Change) -> Created:
        known = {deployment["id"] for deployment in _describe(change.physical_id)["deployments"]}
        service = _update(change.physical_id, change.new)
        if reason := _failed_rollout(service, known):
            # The circuit breaker has brought the old tasks back; the settings follow.
            _update(change.physical_id, change.old)
            raise ValueError(reason)
        return change.physical_id, _attributes(service)

    def delete(self, physical_id: str, properties: Properties) -> None:
        cluster, service = physical_id.split("/")[-2:]
        try:
            own_client("ecs").delete_service(cluster=cluster, service=service, force=True)
        except ClientError as error:
            if not error.response["Error"]["Code"].endswith("NotFoundException"):
                raise
        deadline = time.monotonic() + _LONGEST_WAIT_SECONDS
        while _has_tasks(cluster, service) and time.monotonic() < deadline:
            time.sleep(_POLL_SECONDS)


def _has_tasks(cluster: str, service: str) -> bool:
    """Say whether tasks are still stopping; containers serve for a while after their stop."""
    return any(
        task["group"] == f"service:{service}"
        and task["clusterArn"].endswith(f":cluster/{cluster}")
        and task["lastStatus"] != "STOPPED"
        for task in ecs._tasks.values()
    )


def _update(service_arn: str, properties: Properties) -> dict[str, Any]:
    """Call UpdateService with the properties of the template; without a count the count stays."""
    request = {k: v for k, v in api_shape(properties).items() if k not in _ONLY_AT_CREATION}
    cluster, service = service_arn.split("/")[-2:]
    client = own_client("ecs")
    client.update_service(cluster=cluster, service=service, **request)
    if tags := properties.get("Tags"):
        client.tag_resource(resourceArn=service_arn, tags=api_shape(tags))
    return _settled(service_arn)


def _settled(service_arn: str) -> dict[str, Any]:
    """Return the service when its newest deployment has ended; without containers at once."""
    wait = _LONGEST_WAIT_SECONDS if EngineAccess.is_configured() else 0
    deadline = time.monotonic() + wait
    while True:
        service = _describe(service_arn)
        rolling = service["deployments"][0]["rolloutState"] == "IN_PROGRESS"
        if not rolling or time.monotonic() > deadline:
            return service
        time.sleep(_POLL_SECONDS)


def _describe(service_arn: str) -> dict[str, Any]:
    cluster, service = service_arn.split("/")[-2:]
    described = own_client("ecs").describe_services(cluster=cluster, services=[service])
    found: dict[str, Any] = described["services"][0]
    return found


def _attributes(service: dict[str, Any]) -> dict[str, Any]:
    return {"ServiceArn": service["serviceArn"], "Name": service["serviceName"]}


def _failed_rollout(service: dict[str, Any], known: set[str]) -> str:
    """Return why a deployment that is not `known` has failed; empty if none has."""
    newest = service["deployments"][0]
    if newest["id"] in known or newest["rolloutState"] == "COMPLETED":
        return ""
    if newest["rolloutState"] == "FAILED":
        return (
            "Resource handler returned message: \"Error occurred during operation 'ECS Deployment "
            f"Circuit Breaker was triggered'.\" ({newest['rolloutStateReason']})"
        )
    return f"Service {service['serviceArn']} did not stabilize."


def create_or_update_service(original: Handler, request: Request) -> Response:
    """Refuse a service that names a missing resource, and keep what MiniStack drops."""
    return _service_error(request) or _keep_parameters(original(request), request)


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


def _service_error(request: Request) -> Response | None:
    """Return the error of ECS for a request that names a missing resource."""
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
    return json_error(code, message, 400) if message else None


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


_one_at_a_time = threading.RLock()


@replaces(
    ecs,
    "_reconcile_service_tasks",
    upstream="Bug: a service that is updated, or created again, a second after a rolled back"
    " deployment may get twice its desired count; count and start tasks under a lock.",
)
def reconcile_service_tasks(
    original: Callable[[str, str], None], cluster: str, service: str
) -> None:
    """Let one thread at a time count and start the tasks of a service.

    MiniStack reconciles a service again a second after it has rolled a deployment back. If a client
    updates the service in that moment, two threads count the tasks before either starts one, and
    the service gets twice its desired count.

    With a container engine there is no lock, since MiniStack must hold none while the engine starts
    or stops a container. There MiniStack counts the tasks again after each change of a task.
    """
    if EngineAccess.is_configured():
        original(cluster, service)
        return
    with _one_at_a_time:
        original(cluster, service)
