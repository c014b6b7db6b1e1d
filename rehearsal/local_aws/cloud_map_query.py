"""The questions that callers ask Cloud Map: DiscoverInstances, and the filters of its lists."""

import json
from http import HTTPStatus

from ministack.services import servicediscovery

from rehearsal.local_aws.api_answer import Handler, Request, Response, answer, refusal

# By operation, the list in its answer and the filters that are known for it.
_LISTS = {
    "_list_services": ("Services", {"NAMESPACE_ID": "NamespaceId"}),
    "_list_namespaces": ("Namespaces", {"NAME": "Name", "TYPE": "Type"}),
}

_discover_instances: Handler = servicediscovery._discover_instances
_discover_instances_revision: Handler = servicediscovery._discover_instances_revision


def discover_instances(request: Request) -> Response:
    """Answer with the instances that match the wanted health and all query parameters."""
    status, headers, body = _discover_instances({**request, "HealthStatus": "ALL"})
    if status != HTTPStatus.OK:
        return status, headers, body
    wanted = request.get("QueryParameters", {}).items()
    found = [i for i in json.loads(body)["Instances"] if wanted <= i["Attributes"].items()]
    health = request.get("HealthStatus", "HEALTHY_OR_ELSE_ALL")
    if health == "HEALTHY_OR_ELSE_ALL":
        found = [i for i in found if i["HealthStatus"] == "HEALTHY"] or found
    elif health != "ALL":
        found = [i for i in found if i["HealthStatus"] == health]
    revision = json.loads(_discover_instances_revision(request)[2])
    return answer({"Instances": found[: request.get("MaxResults", 100)], **revision})


def _filtering(operation: str) -> Handler:
    listed, keys = _LISTS[operation]
    list_all: Handler = getattr(servicediscovery, operation)

    def list_filtered(request: Request) -> Response:
        items = json.loads(list_all(request)[2])[listed]
        for condition in request.get("Filters", []):
            key = keys.get(condition["Name"])
            if key is None or condition.get("Condition", "EQ") not in ("EQ", "IN"):
                message = f"The local AWS does not know this filter: {condition}"
                return refusal("InvalidInput", message, 400)
            items = [item for item in items if item[key] in condition["Values"]]
        return answer({listed: items})

    return list_filtered


def install() -> None:
    servicediscovery._discover_instances = discover_instances
    for operation in _LISTS:
        setattr(servicediscovery, operation, _filtering(operation))
