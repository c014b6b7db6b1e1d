"""The Cloud Map API: instances with their health and DNS records, and DiscoverInstances."""

import json
import time
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from ministack.core.concurrency import spawn_background
from ministack.services import servicediscovery

from cdk_rehearsal.ministack.replacements import replaces
from cdk_rehearsal.ministack.responses import Handler, Request, Response
from cdk_rehearsal.options import Delays
from cdk_rehearsal.services.servicediscovery.records import change_records, set_negative_ttl


@replaces(servicediscovery, "_create_namespace_record")
def create_namespace(original: Callable[..., Any], *arguments: Any) -> Any:
    """Create a namespace, with its TTL in the SOA record of its zone."""
    namespace, problem = original(*arguments)
    if namespace:
        set_negative_ttl(namespace)
    return namespace, problem


@replaces(servicediscovery, "_register_instance")
def register_instance(original: Handler, request: Request) -> Response:
    """Register an instance with its DNS records and first health status."""
    service = servicediscovery._services.get(request["ServiceId"])
    instance_id, attributes = request["InstanceId"], request.get("Attributes", {})
    health = attributes.get("AWS_INIT_HEALTH_STATUS", "HEALTHY")
    statuses = servicediscovery._instance_health_status.get(request["ServiceId"], {})
    # Only a new instance takes the first health status; an update keeps the current one.
    kept = statuses.get(instance_id, health)
    response = original(request)
    if service and response[0] == HTTPStatus.OK:
        statuses[instance_id] = kept
        change_records("UPSERT", service, instance_id, attributes)
    return response


custom_health_seconds = Delays().custom_health
"""The process sets it once, before it serves."""

# By service and instance, the last status on which Cloud Map has not acted yet.
_waiting: dict[tuple[str, str], Request] = {}


@replaces(servicediscovery, "_update_instance_custom_health_status")
def update_custom_health(original: Handler, request: Request) -> Response:
    """Act on a status after the delay, unless another one has replaced it by then."""
    service_id, instance_id = request["ServiceId"], request["InstanceId"]
    if not custom_health_seconds or instance_id not in servicediscovery._instances.get(
        service_id, {}
    ):
        return original(request)
    key = (service_id, instance_id)
    if key not in _waiting or _waiting[key]["Status"] != request["Status"]:
        _waiting[key] = request
        name = f"custom-health-{instance_id[:8]}"
        spawn_background(_act_on_health, original, request, key, thread_name=name)
    return 200, {"Content-Type": "application/x-amz-json-1.0"}, b""


def _act_on_health(original: Handler, request: Request, key: tuple[str, str]) -> None:
    time.sleep(custom_health_seconds)
    if _waiting.get(key) is request:
        del _waiting[key]
        original(request)


@replaces(servicediscovery, "_deregister_instance")
def deregister_instance(original: Handler, request: Request) -> Response:
    """Deregister an instance with its DNS records."""
    service_id, instance_id = request["ServiceId"], request["InstanceId"]
    service = servicediscovery._services.get(service_id)
    instance = servicediscovery._instances.get(service_id, {}).get(instance_id)
    _waiting.pop((service_id, instance_id), None)
    response = original(request)
    if service and instance:
        change_records("DELETE", service, instance_id, instance["Attributes"])
    return response


@replaces(servicediscovery, "_discover_instances")
def discover_instances(original: Handler, request: Request) -> Response:
    """Find the instances of the wanted health; by default the unhealthy ones if none is healthy."""
    wanted = request.get("HealthStatus", "HEALTHY_OR_ELSE_ALL")
    if wanted != "HEALTHY_OR_ELSE_ALL":
        return original(request)
    response = original({**request, "HealthStatus": "HEALTHY"})
    found = response[0] != HTTPStatus.OK or json.loads(response[2])["Instances"]
    return response if found else original({**request, "HealthStatus": "ALL"})
