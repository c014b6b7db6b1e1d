"""The engine that runs tasks as containers, and the image of the sample service that they need."""

from cdk_rehearsal.containers import KEPT_IMAGES, Engine, build_image
from cdk_rehearsal.pipelines import available_engine
from tools.repository import ROOT

APPLICATION = ROOT / "application-code" / "ecsdemo-backend"
CACHE = ROOT / ".cache" / "container_engine"
SEED = f"{KEPT_IMAGES}/seed:first"
"""The sample service: it stands for a ``seed_image`` that the engine does not have, and it has
Python for the programs of the rehearsal."""
NO_IMAGE = "public.ecr.aws/rehearsal/first:1"
"""A first image that no engine has, so that ``SEED`` stands for it."""


def available() -> Engine:
    """Return an engine that has the sample's base image; ``NoEngineError`` says what is missing."""
    return available_engine(APPLICATION / "Dockerfile", CACHE)[0]


def base_image() -> str:
    """Return the sample's base image; ``NoEngineError`` says what is missing."""
    return available_engine(APPLICATION / "Dockerfile", CACHE)[1]


def build_seed(engine: Engine) -> None:
    """Build the image ``SEED`` if the engine does not have it."""
    build_image(engine, APPLICATION, SEED, CACHE, build_args={"REVISION": "first"})
