"""The engine that runs tasks as containers, and the image of the sample service that they need."""

import os
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

from cdk_rehearsal.containers import (
    KEPT_IMAGES,
    DockerfileError,
    Engine,
    NoEngineError,
    build_image,
    default_base_image,
    find_engine,
)
from cdk_rehearsal.pipelines import DockerCommand, docker_by_engine, docker_stand_in
from tools.repository import ROOT

APPLICATION = ROOT / "application-code" / "ecsdemo-backend"
_DOCKERFILE = APPLICATION / "Dockerfile"
CACHE = ROOT / ".cache" / "container_engine"
SEED = f"{KEPT_IMAGES}/seed:first"
"""The sample service: it stands for a ``seed_image`` that the engine does not have, and it has
Python for the programs of the rehearsal."""
NO_IMAGE = "public.ecr.aws/rehearsal/first:1"
"""A first image that no engine has, so that ``SEED`` stands for it."""
SWITCH = "REHEARSAL_DOCKER"
"""The environment variable; its value ``stand-in`` makes the tools use no engine."""


def _usable_engine() -> Engine:
    """Return an engine; ``NoEngineError`` says why there is none, or that SWITCH forbids it."""
    if os.environ.get(SWITCH) == "stand-in":
        raise NoEngineError(f"{SWITCH}=stand-in")
    return find_engine(CACHE)


def _base_image(engine: Engine) -> str:
    """Return a base image of the sample that the engine has, since a rehearsal downloads none.

    ``NoEngineError`` says how to get it.
    """
    try:
        wanted = default_base_image(_DOCKERFILE)
    except DockerfileError as error:
        raise NoEngineError(str(error)) from error
    if engine.has_image(wanted):
        return wanted
    listed = engine(
        *("images", "--filter", "reference=localhost/stand-in-base"),
        *("--format", "{{.Repository}}:{{.Tag}}"),
    )
    if not listed:
        raise NoEngineError(f"{engine.name} has no {wanted} yet; `make image` gets it")
    return listed.splitlines()[0]


def engine_for(repository: Path) -> Engine:
    """Return an engine with the image ``SEED``, which can build what the repository delivers.

    For the sample it needs the base image, too. ``NoEngineError`` or ``EngineError`` says what is
    missing.
    """
    engine = _usable_engine()
    if repository == ROOT:
        _base_image(engine)
    build_image(engine, APPLICATION, SEED, CACHE, build_args={"REVISION": "first"})
    return engine


def docker_for(
    folder: Path, engine: Engine | None, repository: Path
) -> AbstractContextManager[DockerCommand]:
    """Provide the `docker` of builds, which are pretended without an engine."""
    if engine is None:
        return nullcontext(docker_stand_in(folder))
    # The sample's base image has a stand-in where no registry can be reached.
    base = _base_image(engine) if repository == ROOT else ""
    return docker_by_engine(folder, engine, base)
