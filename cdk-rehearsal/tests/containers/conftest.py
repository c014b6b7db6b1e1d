"""The container engine with a small service; without an engine the tests are skipped."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from cdk_rehearsal import NO_DELAYS, LocalAws, push_from_engine, push_image
from cdk_rehearsal.bounds import SETTLE_SECONDS
from cdk_rehearsal.containers import (
    KEPT_IMAGES,
    Engine,
    NoEngineError,
    TaskContainers,
    aws_with_containers,
    base_image,
    build_image,
    find_engine,
)
from cdk_rehearsal.containers.engine import default_cache
from support.stacks import Stacks

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


@pytest.fixture(scope="session")
def with_containers(engine: Engine, image: str) -> Iterator[tuple[LocalAws, TaskContainers]]:
    """A local AWS whose tasks are containers; the image of the service is `backend:good`."""
    with aws_with_containers(
        engine, account="111122223333", region="eu-west-1", helper=image, delays=NO_DELAYS
    ) as (aws, network, feed):
        aws.client("ecr").create_repository(repositoryName="backend")
        push_from_engine(engine, image, aws.client("ecr"), "backend", "good")
        push_image(aws.client("ecr"), "backend", "empty", "nothing to run")
        yield (
            aws,
            TaskContainers(
                engine=engine, network=network, feed=feed, delays=NO_DELAYS, helper=image
            ),
        )


@pytest.fixture(scope="session")
def aws(with_containers: tuple[LocalAws, TaskContainers]) -> LocalAws:
    return with_containers[0]


@pytest.fixture(scope="session")
def tasks(with_containers: tuple[LocalAws, TaskContainers]) -> TaskContainers:
    return with_containers[1]


@pytest.fixture
def stacks(aws: LocalAws) -> Iterator[Stacks]:
    stacks = Stacks(aws.client("cloudformation"), patience_seconds=SETTLE_SECONDS, explain=aws.log)
    yield stacks
    stacks.delete_all()
