"""The container engine that runs the tasks of ECS, as the process of the emulator reaches it."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

from cdk_rehearsal.containers.ownership import OWNER, name_in_run
from cdk_rehearsal.options import EngineAccess
from cdk_rehearsal.scratch import ScratchDirectory
from cdk_rehearsal.services.ecr.image_archive import (
    Image,
    ImageError,
    digest_of,
    ids_in_engine,
    loadable,
    saved_image,
)

_RESPONSE_SECONDS = 600

stand_ins: set[str] = set()
"""The digests in ECR of images that stand for one that the engine does not have."""


@cache
def access() -> EngineAccess:
    return EngineAccess.from_environment()


@cache
def client(response_seconds: int = _RESPONSE_SECONDS) -> Any:
    """Return a client of the engine's API that waits this long for a response."""
    import docker  # only with an engine

    return docker.DockerClient(base_url=access().docker_host, timeout=response_seconds)


def image_id(image: str) -> str | None:
    """Return the id of the engine's image with this name or id; None if there is none."""
    from docker.errors import ImageNotFound

    try:
        identity = str(client().images.get(image).id)
    except ImageNotFound:
        return None
    return f"sha256:{identity.removeprefix('sha256:')}"


@contextmanager
def saved(name: str) -> Iterator[Image]:
    """Give an image as the engine saves it."""
    with ScratchDirectory("image") as scratch:
        archive = scratch.path / "image.tar"
        with archive.open("wb") as file:
            for part in client().images.get(name).save():
                file.write(part)
        with saved_image(archive) as image:
            yield image


def started_from(image: Image) -> str:
    """Return the engine's id of an image in ECR; if the engine lacks the image, it loads it.

    An engine finds an image by its configuration, or by its manifest. ``ImageError`` if the engine
    refuses the image.
    """
    for each in ids_in_engine(image):
        if found := image_id(each):
            return found
    from docker.errors import APIError, ImageLoadError

    name = name_in_run(access().labels[OWNER], digest_of(image.content))
    with loadable(image, name) as archive, archive.open("rb") as file:
        try:
            client().images.load(file)
        except (APIError, ImageLoadError) as error:
            raise ImageError(f"the container engine does not load it: {error}") from error
    if found := image_id(name):
        return found
    raise ImageError("the container engine has not loaded it")
