"""Images of other registries, which functions can read: those of the container engine."""

from collections.abc import Iterator
from contextlib import contextmanager

from cdk_rehearsal.options import EngineAccess
from cdk_rehearsal.services.ecr.image_archive import Image, digest_of, small_image
from cdk_rehearsal.services.ecs import engine


@contextmanager
def upstream_image(name: str) -> Iterator[Image]:
    """Give the image that another registry has under this name.

    It is that of the engine, or the one that stands for it. Without an engine, or an image to stand
    in, it is a small one.
    """
    found = instead = None
    if EngineAccess.is_configured():
        found, instead = engine.image_id(name), engine.access().instead
        instead = engine.image_id(instead) if instead else None
    identity = found or instead
    if identity is None:
        yield small_image(name)
    else:
        with engine.saved(identity) as image:
            if found is None:
                engine.stand_ins.add(digest_of(image.content))
            yield image
