"""The resolver of the VPC: what it answers, and what it is told."""

from typing import Any

import pytest
from dnslib import QTYPE, RCODE, DNSRecord
from dnslib.server import DNSServer

from tools.rehearsal.containers.in_container.vpc_resolver import MOST_ADDRESSES, QUIET, Zone
from tools.rehearsal.containers.network import read_zone

NAME = "backend.default.local"


def _ask(zone: Zone, name: str, kind: str = "A") -> Any:
    return zone.resolve(DNSRecord.question(name, kind), None)


def _zone(*addresses: str) -> Zone:
    zone = Zone()
    zone.names = {NAME: {"ttl": 10, "addresses": list(addresses)}}
    return zone


@pytest.mark.parametrize("name", [NAME, NAME.upper(), f"{NAME}."])
def test_a_name_has_the_addresses_of_its_tasks_with_the_ttl(name: str) -> None:
    reply = _ask(_zone("10.0.0.4", "10.0.1.4"), name)
    assert {(str(answer.rdata), answer.ttl) for answer in reply.rr} == {
        ("10.0.0.4", 10),
        ("10.0.1.4", 10),
    }


def test_a_name_with_many_tasks_has_some_of_them() -> None:
    addresses = [f"10.0.0.{number}" for number in range(20)]
    reply = _ask(_zone(*addresses), NAME)
    found = {str(answer.rdata) for answer in reply.rr}
    assert len(found) == MOST_ADDRESSES
    assert found < set(addresses)


def test_an_unknown_name_does_not_exist() -> None:
    assert _ask(_zone("10.0.0.4"), "other.default.local").header.rcode == RCODE.NXDOMAIN


def test_a_known_name_has_no_other_records() -> None:
    reply = _ask(_zone("10.0.0.4"), NAME, "AAAA")
    assert (reply.header.rcode, reply.rr, reply.q.qtype) == (RCODE.NOERROR, [], QTYPE.AAAA)


class CloudMap:
    """Knows one service with two instances."""

    def list_namespaces(self) -> Any:
        return {"Namespaces": [{"Id": "ns-1", "Name": "default.local"}]}

    def list_services(self) -> Any:
        return {"Services": [{"Id": "srv-1"}]}

    def get_service(self, Id: str) -> Any:  # noqa: N803 - the API's name
        records = [{"Type": "A", "TTL": 10}]
        return {
            "Service": {
                "Id": Id,
                "Name": "backend",
                "NamespaceId": "ns-1",
                "DnsConfig": {"DnsRecords": records},
            }
        }

    def discover_instances(self, **where: str) -> Any:
        assert where == {"NamespaceName": "default.local", "ServiceName": "backend"}
        addresses = ("10.0.1.4", "10.0.0.4")
        return {"Instances": [{"Attributes": {"AWS_INSTANCE_IPV4": a}} for a in addresses]}


def test_it_is_told_what_cloud_map_discovers() -> None:
    addresses = ["10.0.0.4", "10.0.1.4"]
    assert read_zone(CloudMap()) == {NAME: {"ttl": 10, "addresses": addresses}}


def test_it_says_nothing_of_questions(capsys: pytest.CaptureFixture[str]) -> None:
    """After its first line nobody reads its output: full, the pipe would stop it."""
    server = DNSServer(_zone("10.0.0.4"), address="127.0.0.1", port=0, logger=QUIET)
    server.start_thread()
    port = server.server.server_address[1]
    for name in (NAME, "other.default.local"):
        DNSRecord.question(name, "A").send("127.0.0.1", port, timeout=2)
    server.stop()
    server.server.server_close()
    assert capsys.readouterr() == ("", "")
