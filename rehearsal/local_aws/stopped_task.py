"""StopTask: a service starts another task for one that was stopped, as ECS keeps its count."""

from http import HTTPStatus

from ministack.services import ecs

from rehearsal.local_aws.api_answer import Handler, Request, Response

_stop_task: Handler = ecs._stop_task


def stop_task(request: Request) -> Response:
    response = _stop_task(request)
    if response[0] == HTTPStatus.OK:
        cluster = ecs._resolve_cluster_name(request.get("cluster", "default"))
        kind, _, service = ecs._resolve_task(request["task"], cluster)["group"].partition(":")
        if kind == "service":
            ecs._reconcile_service_tasks(cluster, f"{cluster}/{service}")
    return response


def install() -> None:
    # Only the API: MiniStack's own calls are part of a reconciliation already.
    ecs._ACTION_MAP["StopTask"] = stop_task
