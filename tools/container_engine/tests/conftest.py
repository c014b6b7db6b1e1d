"""The container engine; where there is none, nothing is shown about the image, and it says so."""

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
    """Kept between runs: making a stand-in base image takes a while."""
    return ROOT / ".cache" / "container_engine"


@pytest.fixture(scope="session")
def engine(service_folder: Path, cache: Path) -> Engine:
    """Docker or podman, with the base image at hand: a visible skip without, a failure in CI."""
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
    """Any image that runs."""
    tag = f"{KEPT_IMAGES}/tests:first"
    build_image(engine, service_folder, tag, cache, build_args={"REVISION": "first"})
    return tag


@pytest.fixture(scope="session")
def label(engine: Engine) -> Iterator[str]:
    """The option that makes a container one of this run, so that it goes even if that is killed."""
    with owned(engine) as labels:
        ((name, value),) = labels.items()
        yield f"--label={name}={value}"
