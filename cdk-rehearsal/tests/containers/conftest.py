"""The container engine with a small service; without an engine the tests are skipped."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from cdk_rehearsal.containers import (
    Engine,
    NoEngineError,
    base_image,
    build_image,
    find_engine,
)
from cdk_rehearsal.containers.engine import default_cache
from cdk_rehearsal.containers.network import ContainerNetwork, container_network
from cdk_rehearsal.containers.ownership import KEPT_IMAGES

SERVICE = Path(__file__).with_name("service")


@pytest.fixture(scope="session")
def cache() -> Path:
    """A folder that is kept between runs, since building the stand-in takes a while."""
    return default_cache()


@pytest.fixture(scope="session")
def engine(cache: Path) -> Engine:
    """Docker or podman with the base image; without one the test is skipped, in CI it fails."""
    try:
        engine = find_engine(cache)
        base_image(engine, SERVICE / "Dockerfile", cache)
    except NoEngineError as reason:
        if os.environ.get("CI") == "true":
            pytest.fail(f"containers must be tested in CI: {reason}")
        pytest.skip(f"containers were not tested: {reason}")
    return engine


@pytest.fixture(scope="session")
def image(engine: Engine, cache: Path) -> str:
    """The image of the service; it has Python."""
    tag = f"{KEPT_IMAGES}/tests:service"
    build_image(engine, SERVICE, tag, cache)
    return tag


@pytest.fixture(scope="module")
def network(engine: Engine) -> Iterator[ContainerNetwork]:
    with container_network(engine) as network:
        yield network
