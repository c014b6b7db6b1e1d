"""What the scenarios with containers share."""

import json
from dataclasses import dataclass
from typing import Any

from tools.container_engine import Engine
from tools.local_aws import Delays
from tools.rehearsal.containers.network import ContainerNetwork, ZoneFeed
from tools.rehearsal.context import RehearsalContext

ORDERS = "OrdersBackendServiceStack"


@dataclass(frozen=True, kw_only=True)
class ContainerContext(RehearsalContext):
    """Deployed services whose tasks are containers; what is the backend's is that of ``stack``."""

    engine: Engine
    network: ContainerNetwork
    feed: ZoneFeed
    delays: Delays

    @property
    def host(self) -> str:
        """The name of the backend."""
        return self.outputs()["ServiceDiscoveryEndpoint"].partition(":")[0]

    @property
    def url(self) -> str:
        """Where other services call the backend."""
        return f"http://{self.outputs()['ServiceDiscoveryEndpoint']}/"

    @property
    def ttl(self) -> int:
        """The TTL of the backend's record, in seconds."""
        registry = self.service()["serviceRegistries"][0]["registryArn"]
        cloud_map = self.aws.client("servicediscovery")
        found = cloud_map.get_service(Id=registry.rpartition("/")[2])["Service"]
        return int(found["DnsConfig"]["DnsRecords"][0]["TTL"])

    def containers(self, stack: str = "") -> dict[str, dict[str, Any]]:
        """Return the running containers of a service, as the engine has them, by task id."""
        wanted = self.outputs(stack)["TaskDefinitionFamily"]
        found = {}
        for each in json.loads(self.engine("inspect", *self.network.containers())):
            labels = each["Config"]["Labels"]
            if (
                labels.get("com.amazonaws.ecs.task-definition-family") == wanted
                and each["State"]["Running"]
            ):
                found[labels["com.amazonaws.ecs.task-arn"].rpartition("/")[2]] = each
        return found

    def address(self, container: dict[str, Any]) -> str:
        """Return the address that a container has in the network."""
        return str(container["NetworkSettings"]["Networks"][self.network.name]["IPAddress"])

    def running(self) -> list[str]:
        """Return the ids of the tasks of the backend that run."""
        return [task["taskArn"].rpartition("/")[2] for task in self.tasks()]

    def is_steady(self) -> bool:
        """Say whether the deployment that counts is complete."""
        states = {d["status"]: d["rolloutState"] for d in self.service()["deployments"]}
        return bool(states["PRIMARY"] == "COMPLETED")

    def have_stopped(self, task_ids: list[str]) -> bool:
        """Say whether tasks have come to their end."""
        return {task["lastStatus"] for task in self.described(task_ids)} == {"STOPPED"}

    def described(self, task_ids: list[str]) -> list[dict[str, Any]]:
        """Return tasks as ECS describes them, stopping and stopped ones as well."""
        cluster = self.service()["clusterArn"]
        ecs = self.aws.client("ecs")
        return list(ecs.describe_tasks(cluster=cluster, tasks=task_ids)["tasks"])

    def is_found_healthy(self) -> bool:
        """Say whether Cloud Map takes all tasks of the backend for healthy, and no others."""
        health = [each["HealthStatus"] for each in self.instances()]
        return health == ["HEALTHY"] * len(self.running())

    def instances(self, stack: str = "") -> list[dict[str, Any]]:
        """Return what Cloud Map discovers under the name of a service."""
        host = self.outputs(stack)["ServiceDiscoveryEndpoint"].partition(":")[0]
        name, _, namespace = host.partition(".")
        cloud_map = self.aws.client("servicediscovery")
        return list(
            cloud_map.discover_instances(NamespaceName=namespace, ServiceName=name)["Instances"]
        )
