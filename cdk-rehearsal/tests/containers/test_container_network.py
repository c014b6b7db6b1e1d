"""The network of the tasks is closed and removed at the end; its resolver follows Cloud Map."""

import json
from io import StringIO
from subprocess import CompletedProcess
from types import SimpleNamespace
from typing import Any, cast

import pytest
from dnslib import QTYPE, RCODE, DNSRecord

from cdk_rehearsal.containers import Engine, EngineError
from cdk_rehearsal.containers import network as network_module
from cdk_rehearsal.containers.in_container.vpc_resolver import MOST_ADDRESSES, Zone
from cdk_rehearsal.containers.network import (
    CANDIDATES,
    ContainerNetwork,
    ZoneFeed,
    container_network,
)
from cdk_rehearsal.containers.ownership import label_options

NAME = "backend.default.local"


def start_container(engine: Engine, image: str, network: ContainerNetwork) -> str:
    options = (f"--network={network.name}", *label_options(network.labels))
    return engine("run", "--detach", *options, image, "sleep", "60")


@pytest.mark.slow
def test_it_has_no_egress_and_goes_with_its_containers_alone(engine: Engine, image: str) -> None:
    with container_network(engine) as other, container_network(engine) as network:
        assert other.cidr != network.cidr
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


class BusyEngine:
    """An engine in whose networks some ranges of addresses are taken."""

    name = "podman"

    def __init__(self, taken: int) -> None:
        self.taken = {f"--subnet={cidr}" for cidr in CANDIDATES[:taken]}

    def __call__(self, *_: str) -> str:
        return ""

    def attempt(self, *arguments: str) -> CompletedProcess[str]:
        free = not self.taken & set(arguments)
        return CompletedProcess(arguments, 0 if free else 125, "", "" if free else "is used")


def test_it_takes_the_first_free_range_or_says_why_there_is_none() -> None:
    with container_network(cast("Engine", BusyEngine(taken=10))) as network:
        assert network.cidr == CANDIDATES[10]
    with (
        pytest.raises(EngineError, match=r"podman makes no network: .*: is used"),
        container_network(cast("Engine", BusyEngine(taken=len(CANDIDATES)))),
    ):
        pass


def test_the_resolver_hears_of_a_change_after_the_delay(monkeypatch: pytest.MonkeyPatch) -> None:
    zones = [{"a": {"ttl": 10, "addresses": addresses}} for addresses in (["1", "2"], ["1"])]
    now, heard = [100.0], StringIO()
    monkeypatch.setattr(network_module, "read_zone", lambda _: zones[0])
    monkeypatch.setattr("cdk_rehearsal.containers.network.time.time", lambda: now[0])
    feed = ZoneFeed(cast("Any", None), cast("Any", SimpleNamespace(stdin=heard)), delay=60)

    def told(at: float) -> list[Any]:
        now[0] = at
        feed.look(None)
        return [json.loads(line)["a"]["addresses"] for line in heard.getvalue().splitlines()]

    assert told(at=100) == []
    zones.pop(0)
    assert told(at=130) == []
    assert feed.fewest("a", since=100) == 1, "as Cloud Map has it"
    assert told(at=161) == [["1", "2"]]
    assert not feed.has_told(0)
    assert told(at=191) == [["1", "2"], ["1"]]
    assert feed.has_told(0)
    assert not feed.has_told(192)


def ask(names: Any, name: str, kind: str = "A") -> Any:
    zone = Zone()
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


def test_an_answer_has_at_most_as_many_addresses_as_one_of_route_53() -> None:
    addresses = [f"10.0.0.{number}" for number in range(20)]
    found = {str(a.rdata) for a in ask({NAME: {"ttl": 10, "addresses": addresses}}, NAME).rr}
    assert len(found) == MOST_ADDRESSES
    assert found < set(addresses)
