"""The network of a rehearsal: closed, and gone afterwards with all that was in it, and no more."""

import json

import pytest

from tools.container_engine import Engine
from tools.container_engine.ownership import OWNER
from tools.rehearsal.containers.network import ContainerNetwork, container_network

pytestmark = pytest.mark.slow


def _run(engine: Engine, image: str, network: ContainerNetwork) -> str:
    label = f"--label={OWNER}={network.labels[OWNER]}"
    return engine("run", "--detach", f"--network={network.name}", label, image, "sleep", "60")


def test_it_has_no_way_out_and_goes_with_its_containers(engine: Engine, image: str) -> None:
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


def test_two_rehearsals_do_not_touch_each_other(engine: Engine, image: str) -> None:
    with container_network(engine) as one:
        container = _run(engine, image, one)
        with container_network(engine) as other:
            assert one.cidr != other.cidr
        assert one.containers() == [container]
