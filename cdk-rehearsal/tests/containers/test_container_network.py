"""The network of the tasks is closed and removed at the end; its resolver follows Cloud Map."""

import json
from typing import Any

import pytest
from dnslib import QTYPE, RCODE, DNSRecord

from cdk_rehearsal.containers import Engine, EngineError
from cdk_rehearsal.containers.in_container.vpc_resolver import MOST_ADDRESSES, Zone
from cdk_rehearsal.containers.network import ContainerNetwork, container_network
from cdk_rehearsal.containers.ownership import label_options

NAME = "backend.default.local"


def start_container(engine: Engine, image: str, network: ContainerNetwork) -> str:
    options = (f"--network={network.name}", *label_options(network.labels))
    return engine("run", "--detach", *options, image, "sleep", "60")


@pytest.mark.slow
def test_it_has_no_egress_and_goes_with_its_containers_alone(engine: Engine, image: str) -> None:
    with container_network(engine) as other, container_network(engine) as network:
        assert other.cidr != network.cidr
        taken = container_network(engine, [network.cidr])
        with pytest.raises(EngineError, match="makes no network: tried 1 ranges"), taken:
            pass
        (found,) = json.loads(engine("network", "inspect", network.name))
        kept, container = (start_container(engine, image, each) for each in (other, network))
        assert network.containers() == [container]
        outside = engine.attempt(
            *("exec", container, "timeout", "2", "python", "-c"),
            "import socket; socket.create_connection(('192.0.2.1', 80))",
        )
        assert found.get("internal", found.get("Internal")) is True
        assert outside.returncode != 0
        assert other.containers() == [kept]
    for each in (kept, container):
        assert engine.attempt("container", "inspect", each).returncode != 0
    assert engine.attempt("network", "inspect", network.name).returncode != 0


def ask(names: Any, name: str, kind: str = "A") -> Any:
    zone = Zone(aws="10.0.0.2")
    zone.names = names
    return zone.resolve(DNSRecord.question(name, kind), None)


def test_a_name_has_its_addresses_with_their_ttl() -> None:
    names = {NAME: {"ttl": 10, "addresses": ["10.0.0.4", "10.0.1.4"]}}
    for spelt in (NAME, NAME.upper()):
        found = {(str(answer.rdata), answer.ttl) for answer in ask(names, spelt).rr}
        assert found == {("10.0.0.4", 10), ("10.0.1.4", 10)}
    assert ask(names, "other.default.local").header.rcode == RCODE.NXDOMAIN
    other_kind = ask(names, NAME, "AAAA")
    assert (other_kind.header.rcode, other_kind.rr) == (RCODE.NOERROR, [])
    assert other_kind.q.qtype == QTYPE.AAAA
    many = [f"10.0.0.{number}" for number in range(20)]
    answers = {str(each.rdata) for each in ask({NAME: {"ttl": 10, "addresses": many}}, NAME).rr}
    assert len(answers) == MOST_ADDRESSES, "as of Route 53"
    assert answers < set(many)
