"""Service discovery of ECS: the running tasks of a service are its instances in Cloud Map.

ECS registers a task when it runs and deregisters it when it stops, whatever the reason: scaling, a
deployment, the end of the task or of the service. The attributes are those that ECS documents for
Fargate tasks ("Service discovery" in the developer guide).
"""

from collections.abc import Callable
from typing import Any

from ministack.core.concurrency import resource_lock
from ministack.core.responses import get_region
from ministack.services import ecs, servicediscovery

from rehearsal.local_aws.cloud_map_instance import deregister_instance, register_instance

Service = dict[str, Any]
Attributes = dict[str, str]

_sync_service_targets: Callable[[str, Service], None] = ecs._sync_service_targets


def sync(cluster: str, service: Service) -> None:
    """Make the instances of the service in Cloud Map equal to its running tasks."""
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


def _running(cluster: str, service: Service, registry: Service) -> dict[str, Attributes]:
    """Return the attributes of every running task that has an address, by the task's id."""
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
    cluster: str, service: Service, registry: Service, task: dict[str, Any], address: str
) -> Attributes:
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
        attributes["AWS_INIT_HEALTH_STATUS"] = health_of(task)
    return attributes


def health_of(task: dict[str, Any]) -> str:
    """Return what Cloud Map is told; a task whose health check nobody runs counts as healthy."""
    checked = task.get("_health_is_checked", False)
    return "UNHEALTHY" if checked and task["healthStatus"] != "HEALTHY" else "HEALTHY"


def report_health(task: dict[str, Any]) -> None:
    """Tell Cloud Map the health of a registered task, as ECS does after each change."""
    instance_id = task["taskArn"].rsplit("/", 1)[-1]
    for registry_id, instances in list(servicediscovery._instances.items()):
        if instance_id in instances:
            servicediscovery._update_instance_custom_health_status(
                {"ServiceId": registry_id, "InstanceId": instance_id, "Status": health_of(task)}
            )


def _registered(cluster: str, service: Service, registry_id: str) -> set[str]:
    """Return what ECS has registered for this service; others may register instances as well."""
    own = {"ECS_CLUSTER_NAME": cluster, "ECS_SERVICE_NAME": service["serviceName"]}
    return {
        instance_id
        for instance_id, instance in servicediscovery._instances.get(registry_id, {}).items()
        if own.items() <= instance["Attributes"].items()
    }


def sync_service_targets(cluster: str, service: Service) -> None:
    """MiniStack calls this at every change of a service's tasks, for its load balancers."""
    _sync_service_targets(cluster, service)
    sync(cluster, service)


def install() -> None:
    ecs._sync_service_targets = sync_service_targets
