"""ECS in CloudFormation: task definitions and services."""

import time
from typing import Any

from ministack.services import ecs

from cdk_rehearsal.ministack.resource_types import (
    Change,
    Created,
    Properties,
    ResourceType,
    api_shape,
    generated_name,
    own_client,
    resource_type,
)
from cdk_rehearsal.ministack.responses import Request
from cdk_rehearsal.options import EngineAccess

_ONLY_AT_CREATION = ("launchType", "schedulingStrategy", "tags", "serviceName", "cluster", "role")
# Generous, since a busy machine gets a slow deployment, not a failed one. But a rehearsal waits
# longer for the CDK CLI, so that the events of the stack say which service did not become stable.
_LONGEST_WAIT_SECONDS = 1800
_POLL_SECONDS = 0.5


@resource_type("AWS::ECS::TaskDefinition")
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


@resource_type(
    "AWS::ECS::Service",
    replaced_by=("Cluster", "LaunchType", "Role", "SchedulingStrategy", "ServiceName"),
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
        own_client("ecs").delete_service(cluster=cluster, service=service, force=True)
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
