"""The engine that runs tasks as containers, and the image of the sample service that they need."""

from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

from cdk_rehearsal.containers import KEPT_IMAGES, Engine, build_image
from cdk_rehearsal.pipelines import (
    DockerCommand,
    available_engine,
    docker_by_engine,
    docker_command,
    docker_stand_in,
    usable_engine,
)
from tools.repository import ROOT

APPLICATION = ROOT / "application-code" / "ecsdemo-backend"
_DOCKERFILE = APPLICATION / "Dockerfile"
CACHE = ROOT / ".cache" / "container_engine"
SEED = f"{KEPT_IMAGES}/seed:first"
"""The sample service: it stands for a ``seed_image`` that the engine does not have, and it has
Python for the programs of the rehearsal."""
NO_IMAGE = "public.ecr.aws/rehearsal/first:1"
"""A first image that no engine has, so that ``SEED`` stands for it."""


def engine_for(repository: Path) -> Engine:
    """Return an engine with the image ``SEED``, which can build what the repository delivers.

    For the sample it needs the base image, too. ``NoEngineError`` or ``EngineError`` says what is
    missing.
    """
    of_sample = repository == ROOT
    engine = available_engine(_DOCKERFILE, CACHE)[0] if of_sample else usable_engine(CACHE)
    build_image(engine, APPLICATION, SEED, CACHE, build_args={"REVISION": "first"})
    return engine


def docker_for(
    folder: Path, engine: Engine | None, repository: Path
) -> AbstractContextManager[DockerCommand]:
    """Provide the `docker` of builds, which are pretended without an engine."""
    if engine is None:
        return nullcontext(docker_stand_in(folder))
    if repository == ROOT:
        # The sample's base image has a stand-in where no registry can be reached.
        return docker_command(folder, _DOCKERFILE, CACHE)
    return docker_by_engine(folder, engine)
