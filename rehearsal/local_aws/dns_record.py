"""The DNS records of a Cloud Map instance, in the hosted zone of its namespace.

As Cloud Map makes them: a record set for each instance, under the name of the service, with the TTL
and the routing policy of the service. The instance's id tells the record sets apart.
"""

from http import HTTPStatus
from typing import Any
from xml.sax.saxutils import escape

from ministack.services import route53, servicediscovery

# By record type, the attribute of the instance that is the record's value.
_VALUES = {"A": "AWS_INSTANCE_IPV4", "AAAA": "AWS_INSTANCE_IPV6", "CNAME": "AWS_INSTANCE_CNAME"}


def put_records(service: dict[str, Any], instance_id: str, attributes: dict[str, str]) -> None:
    """Create or replace the records of an instance; none for a namespace without a zone."""
    _change("UPSERT", service, instance_id, attributes)


def remove_records(service: dict[str, Any], instance_id: str, attributes: dict[str, str]) -> None:
    """Remove the records that `put_records` made from the same attributes."""
    _change("DELETE", service, instance_id, attributes)


def missing_attribute(service: dict[str, Any], attributes: dict[str, str]) -> str:
    """Name the attribute that the service's records need and an instance does not bring."""
    needed = [_VALUES[record["Type"]] for record in _records(service)]
    return next((name for name in needed if name not in attributes), "")


def _records(service: dict[str, Any]) -> list[dict[str, Any]]:
    records: list[dict[str, Any]] = (service.get("DnsConfig") or {}).get("DnsRecords", [])
    if strange := [record["Type"] for record in records if record["Type"] not in _VALUES]:
        raise ValueError(f"Cloud Map: no local records of type {', '.join(strange)}.")
    return records


def _change(
    action: str, service: dict[str, Any], instance_id: str, attributes: dict[str, str]
) -> None:
    namespace = servicediscovery._namespaces[service["NamespaceId"]]
    zone = namespace["Properties"].get("DnsProperties", {}).get("HostedZoneId")
    changes = "".join(
        f"<Change><Action>{action}</Action>"
        f"{_record_set(service, namespace['Name'], record, instance_id, attributes)}</Change>"
        for record in _records(service)
    )
    if not zone or not changes:
        return
    batch = f"<ChangeBatch><Changes>{changes}</Changes></ChangeBatch>"
    request = f"<ChangeResourceRecordSetsRequest>{batch}</ChangeResourceRecordSetsRequest>"
    status, _, body = route53._change_resource_record_sets(zone, request.encode())
    if status >= HTTPStatus.BAD_REQUEST:
        raise ValueError(body.decode())


def _record_set(
    service: dict[str, Any],
    domain: str,
    record: dict[str, Any],
    instance_id: str,
    attributes: dict[str, str],
) -> str:
    weighted = service["DnsConfig"].get("RoutingPolicy", "MULTIVALUE") == "WEIGHTED"
    routing = "<Weight>1</Weight>" if weighted else "<MultiValueAnswer>true</MultiValueAnswer>"
    value = escape(attributes[_VALUES[record["Type"]]])
    return (
        f"<ResourceRecordSet><Name>{escape(service['Name'])}.{escape(domain)}.</Name>"
        f"<Type>{record['Type']}</Type><SetIdentifier>{escape(instance_id)}</SetIdentifier>"
        f"{routing}<TTL>{int(record['TTL'])}</TTL><ResourceRecords><ResourceRecord>"
        f"<Value>{value}</Value></ResourceRecord></ResourceRecords></ResourceRecordSet>"
    )
