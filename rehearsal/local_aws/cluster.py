"""AWS::ECS::Cluster: removed only when nothing runs in it, as ECS has it."""

from http import HTTPStatus

from ministack.core.responses import error_response_json
from ministack.services import ecs

from rehearsal.local_aws.resource_types import (
    Created,
    MendedType,
    Properties,
    register,
)

_delete_cluster = ecs._delete_cluster


class Cluster(MendedType):
    """A cluster, deleted only when no service and no task is active in it."""

    name = "AWS::ECS::Cluster"

    def create(self, logical_id: str, properties: Properties, stack: str) -> Created:
        cluster, attributes = self._engine["create"](logical_id, properties, stack)
        return cluster, attributes

    def update(
        self, physical_id: str, old: Properties, new: Properties, stack: str, logical_id: str
    ) -> Created:
        cluster, attributes = self._engine["update"](physical_id, old, new, stack, logical_id)
        return cluster, attributes

    def delete(self, physical_id: str, properties: Properties) -> None:
        status, _, body = delete_cluster({"cluster": physical_id})
        if status >= HTTPStatus.BAD_REQUEST and b"ClusterNotFoundException" not in body:
            raise ValueError(body.decode())


def delete_cluster(request: dict[str, object]) -> tuple[int, dict[str, str], bytes]:
    name = ecs._resolve_cluster_name(request.get("cluster", "default"))
    services = [key for key, service in ecs._services.items() if service["status"] == "ACTIVE"]
    tasks = [t for t in ecs._tasks.values() if t["clusterArn"].endswith(f":cluster/{name}")]
    response: tuple[int, dict[str, str], bytes]
    if any(key.startswith(f"{name}/") for key in services):
        message = "The Cluster cannot be deleted while Services are active."
        response = error_response_json("ClusterContainsServicesException", message, 400)
    elif any(task["lastStatus"] != "STOPPED" for task in tasks):
        message = "The Cluster cannot be deleted while Tasks are active."
        response = error_response_json("ClusterContainsTasksException", message, 400)
    else:
        response = _delete_cluster(request)
    return response


def install() -> None:
    register(Cluster())
    ecs._ACTION_MAP["DeleteCluster"] = delete_cluster
