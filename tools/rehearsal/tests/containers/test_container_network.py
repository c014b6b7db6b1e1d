"""The network of a rehearsal: closed, and gone afterwards with all that was in it, and no more."""

import json
import re
from io import StringIO
from ipaddress import ip_network
from itertools import combinations
from subprocess import CompletedProcess
from types import SimpleNamespace
from typing import Any, cast

import boto3
import pytest

from tools.container_engine import Engine, EngineError
from tools.container_engine.ownership import OWNER
from tools.rehearsal.containers import network as network_module
from tools.rehearsal.containers.network import (
    CANDIDATES,
    ContainerNetwork,
    ZoneFeed,
    container_network,
)
from tools.rehearsal.expectation import wait_until


def _run(engine: Engine, image: str, network: ContainerNetwork) -> str:
    label = f"--label={OWNER}={network.labels[OWNER]}"
    return engine("run", "--detach", f"--network={network.name}", label, image, "sleep", "60")


@pytest.mark.slow
def test_it_has_no_egress_and_goes_with_its_containers(engine: Engine, image: str) -> None:
    with container_network(engine) as network:
        (found,) = json.loads(engine("network", "inspect", network.name))
        container = _run(engine, image, network)
        assert network.containers() == [container]
        outside = engine.attempt(
            *("exec", container, "curl", "--silent", "--max-time", "2", "http://192.0.2.1")
        )
    assert found.get("internal", found.get("Internal")) is True
    assert outside.returncode != 0
    assert engine.attempt("container", "inspect", container).returncode != 0
    assert engine.attempt("network", "inspect", network.name).returncode != 0


@pytest.mark.slow
def test_two_rehearsals_do_not_touch_each_other(engine: Engine, image: str) -> None:
    with container_network(engine) as one:
        container = _run(engine, image, one)
        with container_network(engine) as other:
            assert one.cidr != other.cidr
        assert one.containers() == [container]


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


def network_of(engine: Any, *cidrs: str) -> str:
    with container_network(cast("Engine", engine), cidrs or CANDIDATES) as network:
        return network.cidr


def test_there_is_room_for_more_than_a_handful_at_the_same_time() -> None:
    assert network_of(BusyEngine(taken=10)) == CANDIDATES[10]


def test_where_there_is_no_room_the_engine_says_why() -> None:
    with pytest.raises(EngineError, match=r"podman makes no network: .*: is used"):
        network_of(BusyEngine(taken=len(CANDIDATES)))


def test_who_needs_a_certain_range_gets_it_or_is_told() -> None:
    assert network_of(BusyEngine(taken=0), "10.77.0.0/16") == "10.77.0.0/16"
    with pytest.raises(EngineError, match=rf"tried 1 ranges .* of {re.escape(CANDIDATES[0])}"):
        network_of(BusyEngine(taken=1), CANDIDATES[0])


def test_the_ranges_are_private_and_do_not_overlap() -> None:
    ranges = [ip_network(cidr) for cidr in CANDIDATES]
    assert all(each.is_private for each in ranges)
    assert not any(one.overlaps(other) for one, other in combinations(ranges, 2))


def test_the_resolver_hears_of_a_change_after_the_delay(monkeypatch: pytest.MonkeyPatch) -> None:
    zones = [{"a": {"ttl": 10, "addresses": addresses}} for addresses in (["1", "2"], ["1"])]
    now, heard = [100.0], StringIO()
    monkeypatch.setattr(network_module, "read_zone", lambda _: zones[0])
    monkeypatch.setattr("tools.rehearsal.containers.network.time.time", lambda: now[0])
    feed = ZoneFeed(cast("Any", None), cast("Any", SimpleNamespace(stdin=heard)), delay=60)

    def told(at: float) -> list[Any]:
        now[0] = at
        feed.look(None)
        return [json.loads(line) for line in heard.getvalue().splitlines()]

    assert told(at=100) == []
    zones.pop(0)
    assert told(at=130) == []
    assert feed.fewest("a", since=100) == 1, "as Cloud Map has it"
    assert [zone["a"]["addresses"] for zone in told(at=161)] == [["1", "2"]]
    assert not feed.has_told()
    assert [zone["a"]["addresses"] for zone in told(at=191)] == [["1", "2"], ["1"]]
    assert feed.has_told()


def test_a_service_that_goes_while_it_is_asked_for_does_not_end_the_feed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cloud_map = boto3.client("servicediscovery", "eu-west-1")
    looks = []

    def look(_feed: ZoneFeed, _cloud_map: object) -> None:
        looks.append(1)
        raise cloud_map.exceptions.ServiceNotFound({"Error": {}}, "DiscoverInstances")

    monkeypatch.setattr(network_module, "_POLL_SECONDS", 0.01)
    monkeypatch.setattr(ZoneFeed, "look", look)
    aws = SimpleNamespace(client=lambda _: cloud_map)
    feed = ZoneFeed(cast("Any", aws), cast("Any", None), delay=0)
    feed.start()
    wait_until("it looks again", lambda: len(looks) > 1, 5)
    feed.stop()
