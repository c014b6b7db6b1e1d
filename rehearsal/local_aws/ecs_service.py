"""AWS::ECS::Service."""

import time
from typing import Any

from botocore.exceptions import ClientError
from ministack.services import ecs

from rehearsal.local_aws.api_shape import api_shape
from rehearsal.local_aws.resource_types import (
    Created,
    Properties,
    ResourceType,
    generated_name,
    own_client,
    register,
)

Request = dict[str, Any]

_ONLY_AT_CREATION = ("launchType", "schedulingStrategy", "tags", "serviceName", "cluster", "role")
_PATIENCE_SECONDS = 120
_POLL_SECONDS = 0.2


class EcsService(ResourceType):
    """A service whose creation or update fails when its deployment does."""

    name = "AWS::ECS::Service"
    replaced_by = ("Cluster", "LaunchType", "Role", "SchedulingStrategy", "ServiceName")

    def create(self, logical_id: str, properties: Properties, stack: str) -> Created:
        request = _request(properties)
        # CloudFormation's own default when the template names no count.
        request.setdefault("desiredCount", 1)
        request.setdefault("serviceName", generated_name(stack, logical_id, longest=255))
        created = own_client("ecs").create_service(**request)["service"]
        service = _settled(created["serviceArn"])
        if reason := _failed_rollout(service, known=set()):
            self.delete(service["serviceArn"], properties)
            raise ValueError(reason)
        return service["serviceArn"], _attributes(service)

    def update(
        self, physical_id: str, old: Properties, new: Properties, stack: str, logical_id: str
    ) -> Created:
        known = {deployment["id"] for deployment in _describe(physical_id)["deployments"]}
        service = _update(physical_id, new)
        if reason := _failed_rollout(service, known):
            # The circuit breaker has brought the old tasks back; the settings follow.
            _update(physical_id, old)
            raise ValueError(reason)
        return physical_id, _attributes(service)

    def delete(self, physical_id: str, properties: Properties) -> None:
        cluster, service = physical_id.split("/")[-2:]
        try:
            own_client("ecs").delete_service(cluster=cluster, service=service, force=True)
        except ClientError as error:
            if not error.response["Error"]["Code"].endswith("NotFoundException"):
                raise
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while _has_tasks(cluster, service) and time.monotonic() < deadline:
            time.sleep(_POLL_SECONDS)


def _has_tasks(cluster: str, service: str) -> bool:
    """Say whether tasks are still stopping; those with containers serve on for a while."""
    return any(
        task["group"] == f"service:{service}"
        and task["clusterArn"].endswith(f":cluster/{cluster}")
        and task["lastStatus"] != "STOPPED"
        for task in ecs._tasks.values()
    )


def _request(properties: Properties) -> Request:
    request: Request = api_shape(properties)
    if "placementStrategies" in request:
        request["placementStrategy"] = request.pop("placementStrategies")
    return request


def _update(service_arn: str, properties: Properties) -> dict[str, Any]:
    """UpdateService with all that the template says: no count in it leaves the count alone."""
    request = {k: v for k, v in _request(properties).items() if k not in _ONLY_AT_CREATION}
    cluster, service = service_arn.split("/")[-2:]
    client = own_client("ecs")
    client.update_service(cluster=cluster, service=service, **request)
    if tags := properties.get("Tags"):
        client.tag_resource(resourceArn=service_arn, tags=api_shape(tags))
    return _settled(service_arn)


def _settled(service_arn: str) -> dict[str, Any]:
    """Return the service as soon as its newest deployment has ended; at once without containers."""
    deadline = time.monotonic() + _PATIENCE_SECONDS if ecs._get_docker() else 0
    while True:
        service = _describe(service_arn)
        rolling = service["deployments"][0]["rolloutState"] == "IN_PROGRESS"
        if not rolling or time.monotonic() > deadline:
            return service
        time.sleep(_POLL_SECONDS)


def _describe(service_arn: str) -> dict[str, Any]:
    cluster, service = service_arn.split("/")[-2:]
    answer = own_client("ecs").describe_services(cluster=cluster, services=[service])
    found: dict[str, Any] = answer["services"][0]
    return found


def _attributes(service: dict[str, Any]) -> dict[str, Any]:
    return {"ServiceArn": service["serviceArn"], "Name": service["serviceName"]}


def _failed_rollout(service: dict[str, Any], known: set[str]) -> str:
    """Say why a deployment that is not among the `known` ones failed; empty when none did."""
    newest = service["deployments"][0]
    if newest["id"] in known or newest["rolloutState"] == "COMPLETED":
        return ""
    if newest["rolloutState"] == "FAILED":
        return (
            "Resource handler returned message: \"Error occurred during operation 'ECS Deployment "
            f"Circuit Breaker was triggered'.\" ({newest['rolloutStateReason']})"
        )
    return f"Service {service['serviceArn']} did not stabilize."


def install() -> None:
    register(EcsService())
