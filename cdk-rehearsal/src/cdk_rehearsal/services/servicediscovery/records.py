"""Cloud Map: the DNS records of an instance, in the hosted zone of its namespace."""

from http import HTTPStatus
from typing import Any
from xml.sax.saxutils import escape

from ministack.services import route53, servicediscovery


def set_negative_ttl(namespace: dict[str, Any]) -> None:
    """Give the SOA record of a namespace's zone the TTL of the namespace, if it has one.

    https://docs.aws.amazon.com/cloud-map/latest/api/API_SOA.html
    """
    dns = namespace["Properties"].get("DnsProperties", {})
    if "SOA" in dns:
        (soa,) = (r for r in route53._records[dns["HostedZoneId"]] if r["Type"] == "SOA")
        soa["TTL"] = str(dns["SOA"]["TTL"])


def _records(service: dict[str, Any]) -> list[dict[str, Any]]:
    config = service.get("DnsConfig") or {}
    records: list[dict[str, Any]] = config.get("DnsRecords", [])
    policy = config.get("RoutingPolicy", "MULTIVALUE")
    if strange := [r["Type"] for r in records if (r["Type"], policy) != ("A", "MULTIVALUE")]:
        raise ValueError(f"Cloud Map: the local AWS has no {policy} records {', '.join(strange)}.")
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
    value = escape(attributes["AWS_INSTANCE_IPV4"])
    return (
        f"<ResourceRecordSet><Name>{escape(service['Name'])}.{escape(domain)}.</Name>"
        f"<Type>A</Type><SetIdentifier>{escape(instance_id)}</SetIdentifier>"
        f"<MultiValueAnswer>true</MultiValueAnswer><TTL>{int(record['TTL'])}</TTL>"
        f"<ResourceRecords><ResourceRecord><Value>{value}</Value></ResourceRecord>"
        "</ResourceRecords></ResourceRecordSet>"
    )
