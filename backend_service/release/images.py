"""Images in ECR: finds and puts them, each by the digest of its manifest."""

import contextlib
import hashlib
import re
from collections.abc import Mapping
from typing import Any

from .action import ActionError, quoted

MEDIA_TYPES = (
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)
"""All types of manifests. ECR converts a manifest whose type a request does not accept."""

TAG = r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}"
DIGEST = r"sha256:[0-9a-f]{64}"

Manifest = Mapping[str, Any]


def find_image(ecr: Any, uri: str, **image_id: str) -> Manifest | None:
    """Return an image of a repository by its tag or digest, or None if there is none."""
    answer = ecr.batch_get_image(
        **place_of(uri), imageIds=[image_id], acceptedMediaTypes=list(MEDIA_TYPES)
    )
    if answer["images"]:
        found: Manifest = answer["images"][0]
        return found
    codes = {failure["failureCode"] for failure in answer["failures"]}
    if codes != {"ImageNotFound"}:
        raise ActionError(f"ECR does not give {image_id} of {uri}: {', '.join(codes)}")
    return None


def put_image(ecr: Any, repository: str, image: Manifest, tag: str) -> None:
    """Put an image, under a tag if there is one, unless it exists already.

    Like https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-retag.html this copies the
    manifest. With the digest, ECR refuses a manifest that has changed on the way.
    """
    with contextlib.suppress(ecr.exceptions.ImageAlreadyExistsException):
        ecr.put_image(
            repositoryName=repository,
            imageManifest=image["imageManifest"],
            imageManifestMediaType=image["imageManifestMediaType"],
            imageDigest=digest_of(image),
            **({"imageTag": tag} if tag else {}),
        )


def manifest_of(content: bytes, media_type: str) -> Manifest:
    """Return a manifest in the form in which ECR gives it."""
    return {
        "imageId": {"imageDigest": f"sha256:{hashlib.sha256(content).hexdigest()}"},
        "imageManifest": content.decode(),
        "imageManifestMediaType": media_type,
    }


def digest_of(image: Manifest) -> str:
    """Return the digest of an image that ECR has given."""
    return str(image["imageId"]["imageDigest"])


def digest_in(uri: str, image: str) -> str:
    """Return the digest of ``image``, which must be one of the repository with this URI."""
    match = re.fullmatch(rf"{re.escape(uri)}@({DIGEST})", image)
    if not match:
        raise ActionError(f"{quoted(image)} is no image {uri}@sha256:<digest>")
    return match[1]


def place_of(uri: str) -> Mapping[str, str]:
    """Return account and name of the repository with this URI, as calls that read take them."""
    return {"registryId": uri.partition(".")[0], "repositoryName": repository_name(uri)}


def repository_name(uri: str) -> str:
    """Return the name of the repository with this URI."""
    return uri.partition("/")[2]
