"""The ECS API: services, which keep their settings."""

import json
from http import HTTPStatus

from ministack.services import ecs

from cdk_rehearsal.ministack.replacements import replaces
from cdk_rehearsal.ministack.responses import Handler, Request, Response, json_response
from cdk_rehearsal.services.ecs.deployments import ONE_AT_A_TIME

# Parameters of CreateService and UpdateService that MiniStack drops.
_DROPPED = (
    "availabilityZoneRebalancing",
    "enableECSManagedTags",
    "propagateTags",
    "serviceConnectConfiguration",
    "serviceRegistries",
)
_SERVICE_UPSTREAM = "Missing: these parameters of CreateService and UpdateService."


def create_or_update_service(original: Handler, request: Request) -> Response:
    """Keep the parameters that MiniStack drops."""
    with ONE_AT_A_TIME:
        return _keep_parameters(original(request), request)


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
