"""ECS: the running tasks of a service are instances in Cloud Map."""

from collections.abc import Callable
from typing import Any, TypeAlias

from ministack.core.concurrency import resource_lock
from ministack.core.responses import get_region
from ministack.services import ecs, servicediscovery

from cdk_rehearsal.ministack.replacements import replaces
from cdk_rehearsal.services.servicediscovery.api import (
    deregister_instance,
    register_instance,
    update_custom_health,
)

Task: TypeAlias = dict[str, Any]
Service: TypeAlias = dict[str, Any]


@replaces(ecs, "_sync_service_targets")
def sync_service_targets(
    original: Callable[[str, Service], None], cluster: str, service: Service
) -> None:
    """Register the running tasks of the service in Cloud Map, and no others; MiniStack does not.

    MiniStack calls this function at every change of a service's tasks, for its load balancers.
    """
    original(cluster, service)
    registries = {r["registryArn"].rsplit("/", 1)[-1] for r in service["serviceRegistries"]}
    for registry_id, registry in servicediscovery._services.items():
        with resource_lock("cloud-map", registry_id):
            wanted = _running(cluster, service, registry) if registry_id in registries else {}
            for instance_id in _registered(cluster, service, registry_id) - wanted.keys():
                deregister_instance({"ServiceId": registry_id, "InstanceId": instance_id})
            for instance_id in wanted.keys() - _registered(cluster, service, registry_id):
                register_instance(
                    {
                        "ServiceId": registry_id,
                        "InstanceId": instance_id,
                        "Attributes": wanted[instance_id],
                    }
                )


def _running(cluster: str, service: Service, registry: Service) -> dict[str, dict[str, str]]:
    """Return the attributes of every running task with an address, by the id of the task."""
    if service["status"] != "ACTIVE":
        return {}
    return {
        task["taskArn"].rsplit("/", 1)[-1]: _attributes(cluster, service, registry, task, address)
        for task in list(ecs._tasks.values())
        if task["group"] == f"service:{service['serviceName']}"
        and task["clusterArn"] == service["clusterArn"]
        and task["lastStatus"] == "RUNNING"
        and (address := ecs._task_ip(task))
    }


def _attributes(
    cluster: str, service: Service, registry: Service, task: Task, address: str
) -> dict[str, str]:
    """Return the attributes that ECS registers for a Fargate task (see Service discovery)."""
    definition = task["taskDefinitionArn"].rsplit("/", 1)[-1]
    attributes = {
        "AWS_INSTANCE_IPV4": address,
        "AVAILABILITY_ZONE": task["availabilityZone"],
        "REGION": get_region(),
        "ECS_CLUSTER_NAME": cluster,
        "ECS_SERVICE_NAME": service["serviceName"],
        "ECS_TASK_DEFINITION_FAMILY": definition.rsplit(":", 1)[0],
    }
    if registry.get("HealthCheckCustomConfig") is not None:
        attributes["AWS_INIT_HEALTH_STATUS"] = _health_of(task)
    return attributes


def _registered(cluster: str, service: Service, registry_id: str) -> set[str]:
    """Return the instances that ECS has registered; clients may register others."""
    own = {"ECS_CLUSTER_NAME": cluster, "ECS_SERVICE_NAME": service["serviceName"]}
    return {
        instance_id
        for instance_id, instance in servicediscovery._instances.get(registry_id, {}).items()
        if own.items() <= instance["Attributes"].items()
    }


def _health_of(task: Task) -> str:
    """Return the custom health status; a task without a running health check is healthy."""
    checked = task.get("_health_is_checked", False)
    return "UNHEALTHY" if checked and task["healthStatus"] != "HEALTHY" else "HEALTHY"


def report_health(task: Task) -> None:
    """Send the health of a registered task to Cloud Map, as ECS does after each change."""
    instance_id = task["taskArn"].rsplit("/", 1)[-1]
    for registry_id, instances in list(servicediscovery._instances.items()):
        if instance_id in instances:
            update_custom_health(
                {"ServiceId": registry_id, "InstanceId": instance_id, "Status": _health_of(task)}
            )
