"""The engine that runs tasks as containers, and the image of the sample service that they need."""

import os

from cdk_rehearsal.containers import (
    KEPT_IMAGES,
    DockerfileError,
    Engine,
    NoEngineError,
    build_image,
    default_base_image,
    find_engine,
)
from tools.repository import ROOT

APPLICATION = ROOT / "application-code" / "ecsdemo-backend"
CACHE = ROOT / ".cache" / "container_engine"
SEED = f"{KEPT_IMAGES}/seed:first"
"""The sample service: it stands for a ``seed_image`` that the engine does not have, and it has
Python for the programs of the rehearsal."""
NO_IMAGE = "public.ecr.aws/rehearsal/first:1"
"""A first image that no engine has, so that ``SEED`` stands for it."""
SWITCH = "REHEARSAL_DOCKER"
"""The environment variable; its value ``stand-in`` makes the tools use no engine."""


def usable_engine() -> Engine:
    """Return an engine; ``NoEngineError`` says why there is none, or that SWITCH forbids it."""
    if os.environ.get(SWITCH) == "stand-in":
        raise NoEngineError(f"{SWITCH}=stand-in")
    return find_engine(CACHE)


def base_image(engine: Engine) -> str:
    """Return a base image of the sample that the engine has, since a rehearsal downloads none.

    ``NoEngineError`` says how to get it.
    """
    try:
        wanted = default_base_image(APPLICATION / "Dockerfile")
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


def available() -> Engine:
    """Return an engine that has the sample's base image; ``NoEngineError`` says what is missing."""
    engine = usable_engine()
    base_image(engine)
    return engine


def build_seed(engine: Engine) -> None:
    """Build the image ``SEED`` if the engine does not have it."""
    build_image(engine, APPLICATION, SEED, CACHE, build_args={"REVISION": "first"})
