"""RegisterInstance and DeregisterInstance of Cloud Map with their DNS records and first health.

And the rule that goes with them: a service that still has instances is not deleted.
"""

from http import HTTPStatus

from ministack.services import servicediscovery

from rehearsal.local_aws.api_answer import Handler, Request, Response, refusal
from rehearsal.local_aws.dns_record import missing_attribute, put_records, remove_records

_HEALTHS = ("HEALTHY", "UNHEALTHY")

_register_instance: Handler = servicediscovery._register_instance
_deregister_instance: Handler = servicediscovery._deregister_instance
_delete_service: Handler = servicediscovery._delete_service


def register_instance(request: Request) -> Response:
    service = servicediscovery._services.get(request["ServiceId"])
    instance_id, attributes = request["InstanceId"], request.get("Attributes", {})
    health = attributes.get("AWS_INIT_HEALTH_STATUS", _HEALTHS[0])
    if service and (missing := missing_attribute(service, attributes)):
        return refusal("InvalidInput", f"The attribute {missing} is required.", 400)
    if health not in _HEALTHS:
        message = f"AWS_INIT_HEALTH_STATUS is one of {', '.join(_HEALTHS)}."
        return refusal("InvalidInput", message, 400)
    known = instance_id in servicediscovery._instances.get(request["ServiceId"], {})
    statuses = servicediscovery._instance_health_status.get(request["ServiceId"], {})
    # Only a new instance starts with its first health; one that is updated keeps what it has.
    kept = statuses.get(instance_id, health) if known else health
    response = _register_instance(request)
    if service and response[0] == HTTPStatus.OK:
        statuses[instance_id] = kept
        put_records(service, instance_id, attributes)
    return response


def deregister_instance(request: Request) -> Response:
    service_id, instance_id = request["ServiceId"], request["InstanceId"]
    service = servicediscovery._services.get(service_id)
    if service is None:
        return _deregister_instance(request)
    instance = servicediscovery._instances.get(service_id, {}).get(instance_id)
    if instance is None:
        return refusal("InstanceNotFound", "Instance not found", 404)
    response = _deregister_instance(request)
    remove_records(service, instance_id, instance["Attributes"])
    return response


def delete_service(request: Request) -> Response:
    if servicediscovery._instances.get(request["Id"]):
        message = (
            "Service contains registered instances; delete the instances before deleting the "
            "service"
        )
        return refusal("ResourceInUse", message, 400)
    return _delete_service(request)


def install() -> None:
    servicediscovery._register_instance = register_instance
    servicediscovery._deregister_instance = deregister_instance
    servicediscovery._delete_service = delete_service
