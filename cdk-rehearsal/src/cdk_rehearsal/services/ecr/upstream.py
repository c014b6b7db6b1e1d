"""Images of other registries, which functions can read: those of the container engine."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from cdk_rehearsal.options import EngineAccess
from cdk_rehearsal.services.ecr.image_archive import Image, blobs_of, digest_of, small_image
from cdk_rehearsal.services.ecr.layers import stored
from cdk_rehearsal.services.ecs import engine

_copied: dict[str, Image] = {}
"""By their ids, the engine's images whose layers ECR has: they need not be saved again."""


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
    elif identity in _copied:
        yield _noted(_copied[identity], stands_in=found is None)
    else:
        with engine.saved(identity) as image:
            yield _noted(image, stands_in=found is None)
        if all(stored(digest).exists() for digest in blobs_of(image.manifest)):
            _copied[identity] = replace(image, open=lambda digest: stored(digest).open("rb"))


def _noted(image: Image, *, stands_in: bool) -> Image:
    if stands_in:
        engine.stand_ins.add(digest_of(image.content))
    return image
