"""Pushes images through ECR's own API, with the calls that docker makes."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from cdk_rehearsal.containers.engine import Engine
from cdk_rehearsal.scratch import ScratchDirectory
from cdk_rehearsal.services.ecr.image_archive import (
    INDEX,
    Image,
    blobs_of,
    digest_of,
    image_in,
    saved_image,
    small_image,
)

_AT_ONCE = 3
"""How many layers are uploaded at once; docker uploads five."""


def push_image(ecr: Any, repository: str, tag: str, content: str) -> str:
    """Push an image with one layer, whose only file has the text; return its digest.

    Raises ``ClientError``, for example for an immutable tag that exists.
    """
    return push(ecr, repository, tag, small_image(content))


def push_from_engine(engine: Engine, name: str, ecr: Any, repository: str, tag: str) -> str:
    """Push an image of the engine; return its digest.

    Raises ``ClientError``, and ``ImageError`` or ``EngineError`` if the engine does not save it.
    """
    with (
        ScratchDirectory("image") as scratch,
        saved_by(engine, name, scratch.path / "layers") as image,
    ):
        return push(ecr, repository, tag, image)


@contextmanager
def saved_by(engine: Engine, name: str, layers: Path) -> Iterator[Image]:
    """Give an image as the engine saves it; ``ImageError`` or ``EngineError`` if it does not.

    ``layers`` is a folder that is kept between calls: podman does not save a layer again that is
    in it, which would take two seconds of processor time for each image.
    """
    if engine.name == "podman":
        layers.mkdir(exist_ok=True)
        (layers / INDEX).unlink(missing_ok=True)  # podman would add the image to those in it
        # Compressing would take longer than everything else, and give new digests to known layers.
        engine("save", "--format=oci-dir", "--uncompressed", "--output", str(layers), name)
        yield image_in(layers)
        return
    with ScratchDirectory("image") as scratch:
        archive = scratch.path / "image.tar"
        engine("save", "--output", str(archive), name)
        with saved_image(archive) as image:
            yield image


def push(ecr: Any, repository: str, tag: str, image: Image) -> str:
    """Push an image, or an index with its images, and return its digest.

    Only the layers that the repository does not have are uploaded. Raises ``ClientError``.
    """
    for child in image.children():
        push(ecr, repository, "", child)
    sizes = blobs_of(image.manifest)
    if sizes:
        checked = ecr.batch_check_layer_availability(
            repositoryName=repository, layerDigests=list(sizes)
        )
        missing = [
            each["layerDigest"]
            for each in checked["layers"]
            if each["layerAvailability"] != "AVAILABLE"
        ]
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            list(pool.map(partial(_upload, ecr, repository, image), missing))
    put = ecr.put_image(
        repositoryName=repository,
        imageManifest=image.content.decode(),
        imageManifestMediaType=image.media_type,
        imageDigest=digest_of(image.content),
        **({"imageTag": tag} if tag else {}),
    )
    return str(put["image"]["imageId"]["imageDigest"])


def _upload(ecr: Any, repository: str, image: Image, digest: str) -> None:
    upload = ecr.initiate_layer_upload(repositoryName=repository)
    named = {"repositoryName": repository, "uploadId": upload["uploadId"]}
    first = 0
    with image.open(digest) as layer:
        while part := layer.read(upload["partSize"]):
            last = first + len(part) - 1
            ecr.upload_layer_part(
                **named, partFirstByte=first, partLastByte=last, layerPartBlob=part
            )
            first = last + 1
    ecr.complete_layer_upload(**named, layerDigests=[digest])
