"""The network of a rehearsal: closed, and gone afterwards with all that was in it, and no more."""

import json
import os
import subprocess
import sys

import pytest

from rehearsal.container_engine import Engine
from rehearsal.on_engine.container_network import LABEL, container_network

pytestmark = pytest.mark.slow


def _run(engine: Engine, image: str, *options: str) -> str:
    return engine("run", "--detach", *options, image, "sleep", "60")


def test_it_has_no_way_out_and_goes_with_its_containers(engine: Engine, image: str) -> None:
    with container_network(engine) as network:
        (found,) = json.loads(engine("network", "inspect", network.name))
        label = f"--label={LABEL}={network.labels[LABEL]}"
        container = _run(engine, image, f"--network={network.name}", label)
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
        label = f"--label={LABEL}={one.labels[LABEL]}"
        container = _run(engine, image, f"--network={one.name}", label)
        with container_network(engine) as other:
            assert one.cidr != other.cidr
        assert one.containers() == [container]


def test_what_a_killed_rehearsal_left_is_removed_by_the_next_one(
    engine: Engine, image: str
) -> None:
    gone = subprocess.run(
        [sys.executable, "-c", "import os; print(os.getpid())"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    left = _run(engine, image, f"--label={LABEL}={gone}-abc")
    foreign = _run(engine, image, "--label=ministack=ecs")
    try:
        with container_network(engine):
            assert engine.attempt("container", "inspect", left).returncode != 0
            assert engine.attempt("container", "inspect", foreign).returncode == 0
    finally:
        engine.attempt("rm", "--force", "--time=0", left, foreign)
    assert str(os.getpid()) != gone
