"""The container engine with the image of the sample; without an engine its tests are skipped."""

import os
from collections.abc import Iterator

import pytest

from cdk_rehearsal.containers import (
    KEPT_IMAGES,
    ContainerNetwork,
    Engine,
    NoEngineError,
    base_image,
    build_image,
    container_network,
    find_engine,
)
from tools.rehearsal.sample_image import APPLICATION, CACHE


@pytest.fixture(scope="session")
def engine() -> Engine:
    try:
        engine = find_engine(CACHE)
        base_image(engine, APPLICATION / "Dockerfile", CACHE)
    except NoEngineError as reason:
        if os.environ.get("CI") == "true":
            pytest.fail(f"tasks must be tested as containers in CI: {reason}")
        pytest.skip(f"tasks were not tested as containers: {reason}")
    return engine


@pytest.fixture(scope="session")
def image(engine: Engine) -> str:
    tag = f"{KEPT_IMAGES}/tests:first"
    build_image(engine, APPLICATION, tag, CACHE, build_args={"REVISION": "first"})
    return tag


@pytest.fixture(scope="module")
def network(engine: Engine) -> Iterator[ContainerNetwork]:
    with container_network(engine) as network:
        yield network
