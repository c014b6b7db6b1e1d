"""Signals for the tests of the tools, and the container engine with the image of the sample.

Without an engine the tests that need one are skipped.
"""

import os
import signal
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

# A shell lets background processes (``make test &``) ignore Ctrl-C and a closed terminal. Tests
# send both.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)


@pytest.fixture(scope="session")
def engine() -> Engine:
    """Return a container engine that has the base image of the sample."""
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
    """Return the name of the image of the sample."""
    tag = f"{KEPT_IMAGES}/tests:first"
    build_image(engine, APPLICATION, tag, CACHE, build_args={"REVISION": "first"})
    return tag


@pytest.fixture(scope="module")
def network(engine: Engine) -> Iterator[ContainerNetwork]:
    """Provide a network of tasks."""
    with container_network(engine) as network:
        yield network
