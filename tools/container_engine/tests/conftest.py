"""The container engine for these tests, which are skipped with a reason where there is none."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tools.container_engine import (
    Engine,
    NoEngineError,
    base_image,
    build_image,
    find_engine,
    owned,
)
from tools.container_engine.ownership import KEPT_IMAGES

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="session")
def service_folder() -> Path:
    return ROOT / "application-code" / "ecsdemo-backend"


@pytest.fixture(scope="session")
def cache() -> Path:
    """A folder that is kept between runs, since building the stand-in takes a while."""
    return ROOT / ".cache" / "container_engine"


@pytest.fixture(scope="session")
def engine(service_folder: Path, cache: Path) -> Engine:
    """Docker or podman with the base image; without one the test is skipped, in CI it fails."""
    try:
        engine = find_engine(cache)
        base_image(engine, service_folder / "Dockerfile", cache)
    except NoEngineError as reason:
        if os.environ.get("CI") == "true":
            pytest.fail(f"the image must be tested in CI: {reason}")
        pytest.skip(f"the image was not tested: {reason}")
    return engine


@pytest.fixture(scope="session")
def image(engine: Engine, service_folder: Path, cache: Path) -> str:
    """An image that runs."""
    tag = f"{KEPT_IMAGES}/tests:first"
    build_image(engine, service_folder, tag, cache, build_args={"REVISION": "first"})
    return tag


@pytest.fixture(scope="session")
def label(engine: Engine) -> Iterator[str]:
    """The option that labels a container, so that a later run removes it if this one is killed."""
    with owned(engine) as labels:
        ((name, value),) = labels.items()
        yield f"--label={name}={value}"
