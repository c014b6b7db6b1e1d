"""Cloud Map: the DNS records of an instance, in the hosted zone of its namespace."""

from http import HTTPStatus
from typing import Any
from xml.sax.saxutils import escape

from ministack.services import route53, servicediscovery

# By record type, the attribute of the instance that has the record's value.
_VALUES = {"A": "AWS_INSTANCE_IPV4", "AAAA": "AWS_INSTANCE_IPV6", "CNAME": "AWS_INSTANCE_CNAME"}


def set_negative_ttl(namespace: dict[str, Any]) -> None:
    """Give the SOA record of a namespace's zone the TTL of the namespace, if it has one.

    https://docs.aws.amazon.com/cloud-map/latest/api/API_SOA.html
    """
    dns = namespace["Properties"].get("DnsProperties", {})
    if "SOA" in dns:
        (soa,) = (r for r in route53._records[dns["HostedZoneId"]] if r["Type"] == "SOA")
        soa["TTL"] = str(dns["SOA"]["TTL"])


def _records(service: dict[str, Any]) -> list[dict[str, Any]]:
    records: list[dict[str, Any]] = (service.get("DnsConfig") or {}).get("DnsRecords", [])
    if strange := [record["Type"] for record in records if record["Type"] not in _VALUES]:
        raise ValueError(f"Cloud Map: the local AWS has no records of type {', '.join(strange)}.")
    return records


def change_records(
    action: str, service: dict[str, Any], instance_id: str, attributes: dict[str, str]
) -> None:
    """Create, replace or delete the records of an instance; a namespace may have no zone.

    As in Cloud Map, each instance has a record set under the name of the service, with its TTL and
    routing policy. The set identifier is the id of the instance.
    """
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
