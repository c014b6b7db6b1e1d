"""The ECR API: immutable tags with exclusions, and images with several tags.

MiniStack remembers only the last tag of an image, ignores exclusion filters of immutable tags, and
overwrites every tag of a repository that is not plainly IMMUTABLE.
"""

import fnmatch
import json
from collections.abc import Callable
from http import HTTPStatus
from typing import IO, Any

from ministack.services import ecr, tagging

from cdk_rehearsal.ministack.replacements import replaces
from cdk_rehearsal.ministack.responses import Handler, Request, Response, json_response
from cdk_rehearsal.services.ecr.errors import error
from cdk_rehearsal.services.ecr.image_archive import (
    Image,
    ImageError,
    blobs_of,
    digest_for_this_machine,
)
from cdk_rehearsal.services.ecr.layers import layer_file

_FILTERS = "imageTagMutabilityExclusionFilters"
_FILTERS_UPSTREAM = "Missing: tag mutability with exclusion filters."
_TAGS_UPSTREAM = "Bug: of the tags of an image only the last one counts."


def find_image(repository: str, *, tag: str = "", digest: str = "") -> dict[str, Any] | None:
    """Return the record of an image in this account's registry, by tag or digest."""
    wanted = {"imageDigest": digest} if digest else {"imageTag": tag}
    image: dict[str, Any] | None = ecr._find_image(repository, wanted)
    return image


def stored_image(repository: str, digest: str) -> Image | None:
    """Return an image that tasks run; for an index the one for this machine. None without one.

    ``ImageError`` if the index has none.
    """
    record = find_image(repository, digest=digest)
    if record is None:
        return None
    content = record["imageManifest"].encode()

    def blob(digest: str) -> IO[bytes]:
        layer = layer_file(repository, digest)
        if layer is None:
            raise ImageError(f"ECR has no layer {digest} in {repository}")
        return layer.open("rb")

    image = Image(content=content, media_type=record["imageManifestMediaType"], open=blob)
    if "manifests" in image.manifest:
        return stored_image(repository, digest_for_this_machine(image.manifest))
    return image


@replaces(ecr, "_create_repository", upstream=_FILTERS_UPSTREAM)
def create_repository(original: Handler, request: Request) -> Response:
    """Keep the exclusion filters of a new repository; drop layers of an earlier one of its name."""
    response = original(request)
    if response[0] != HTTPStatus.OK:
        return response
    repository = ecr._repositories[request["repositoryName"]]
    repository[_FILTERS] = request.get(_FILTERS, [])
    ecr._layer_blobs.pop(request["repositoryName"], None)
    return json_response({"repository": ecr._repo_shape(repository)})


@replaces(ecr, "_put_image_tag_mutability", upstream=_FILTERS_UPSTREAM)
def put_image_tag_mutability(original: Handler, request: Request) -> Response:
    """Keep the exclusion filters of a changed repository."""
    response = original(request)
    if response[0] == HTTPStatus.OK:
        ecr._repositories[request["repositoryName"]][_FILTERS] = request.get(_FILTERS, [])
    return response


@replaces(ecr, "_repo_shape", upstream=_FILTERS_UPSTREAM)
def repository_shape(
    original: Callable[[dict[str, Any]], dict[str, Any]], repository: dict[str, Any]
) -> dict[str, Any]:
    """Show the exclusion filters of a repository."""
    filters = {_FILTERS: repository[_FILTERS]} if repository.get(_FILTERS) else {}
    return original(repository) | filters


@replaces(
    ecr,
    "_put_image",
    upstream="Bug: neither exclusion filters nor the layers and the digest are looked at.",
)
def put_image(original: Handler, request: Request) -> Response:
    """Move a tag only if the repository allows it; refuse an image without its layers."""
    name, tag = request["repositoryName"], request.get("imageTag")
    repository = ecr._repositories.get(name)
    if repository is None:
        return error("RepositoryNotFoundException", name=name)
    if refusal := _error_of_manifest(name, request):
        return refusal
    if tag and (holder := find_image(name, tag=tag)):
        digest = ecr._image_digest(request["imageManifest"])
        if holder["imageDigest"] == digest:
            return error("ImageAlreadyExistsException", name=name, tag=tag, digest=digest)
        if not _may_move(repository, tag):
            return error("ImageTagAlreadyExistsException", name=name, tag=tag)
    return original(request)


def _error_of_manifest(name: str, request: Request) -> Response | None:
    """Return the error for an image whose digest is wrong or whose parts are missing."""
    manifest = json.loads(request["imageManifest"])
    digest = ecr._image_digest(request["imageManifest"])
    if request.get("imageDigest", digest) != digest:
        return error("ImageDigestDoesNotMatchException")
    if missing := blobs_of(manifest).keys() - ecr._layer_blobs.get(name, {}).keys():
        return error("LayersNotFoundException", name=name, digests=sorted(missing))
    for each in manifest.get("manifests", ()):
        if find_image(name, digest=each["digest"]) is None:
            return error("ReferencedImagesNotFoundException", digest=each["digest"])
    return None


def _may_move(repository: dict[str, Any], tag: str) -> bool:
    mutability = repository.get("imageTagMutability", "MUTABLE")
    excluded = any(fnmatch.fnmatchcase(tag, f["filter"]) for f in repository.get(_FILTERS, []))
    return excluded != (mutability in ("MUTABLE", "MUTABLE_WITH_EXCLUSION"))


@replaces(ecr, "_batch_get_image", upstream=_TAGS_UPSTREAM)
def batch_get_image(_original: Handler, request: Request) -> Response:
    """Find an image by any of its tags, and return the tag in the request."""
    name = request["repositoryName"]
    if name not in ecr._repositories:
        return error("RepositoryNotFoundException", name=name)
    found = [(image_id, ecr._find_image(name, image_id)) for image_id in request["imageIds"]]
    images = [
        {
            "registryId": image["registryId"],
            "repositoryName": name,
            "imageId": {**image_id, "imageDigest": image["imageDigest"]},
            "imageManifest": image["imageManifest"],
            "imageManifestMediaType": image["imageManifestMediaType"],
        }
        for image_id, image in found
        if image
    ]
    failures = [_failure(image_id) for image_id, image in found if not image]
    return json_response({"images": images, "failures": failures})


@replaces(ecr, "_batch_delete_image", upstream=_TAGS_UPSTREAM)
def batch_delete_image(_original: Handler, request: Request) -> Response:
    """Delete a tag, and the image with its last tag; or delete an image by its digest."""
    name = request["repositoryName"]
    if name not in ecr._repositories:
        return error("RepositoryNotFoundException", name=name)
    gone, failures = [], []
    for image_id in request["imageIds"]:
        image = ecr._find_image(name, image_id)
        if image is None:
            failures.append(_failure(image_id))
            continue
        tags = [image_id["imageTag"]] if "imageDigest" not in image_id else list(image["imageTags"])
        image["imageTags"] = [tag for tag in image["imageTags"] if tag not in tags]
        if not image["imageTags"]:
            ecr._images[name].remove(image)
        gone += _ids(image["imageDigest"], tags)
    return json_response({"imageIds": gone, "failures": failures})


@replaces(ecr, "_list_images", upstream=_TAGS_UPSTREAM)
def list_images(_original: Handler, request: Request) -> Response:
    """List every tag of an image."""
    name = request["repositoryName"]
    if name not in ecr._repositories:
        return error("RepositoryNotFoundException", name=name)
    wanted = request.get("filter", {}).get("tagStatus", "ANY")
    ids: list[dict[str, str]] = []
    for image in ecr._images.get(name, []):
        if wanted in ("ANY", "TAGGED" if image["imageTags"] else "UNTAGGED"):
            ids += _ids(image["imageDigest"], image["imageTags"])
    return json_response({"imageIds": ids})


def _failure(image_id: dict[str, str]) -> dict[str, Any]:
    reason = "Requested image not found"
    return {"imageId": image_id, "failureCode": "ImageNotFound", "failureReason": reason}


def _ids(digest: str, tags: list[str]) -> list[dict[str, str]]:
    """Return an id for each tag of an image, or one without a tag."""
    return [{"imageDigest": digest, "imageTag": tag} for tag in tags] or [{"imageDigest": digest}]


@replaces(
    ecr,
    "_describe_images",
    upstream="Bug: an image id that names nothing is left out.",
)
def describe_images(original: Handler, request: Request) -> Response:
    """Fail for an image id that does not exist."""
    name = request["repositoryName"]
    for image_id in request.get("imageIds", []):
        if name in ecr._repositories and ecr._find_image(name, image_id) is None:
            return error("ImageNotFoundException", name=name, image=image_id)
    return original(request)


@replaces(tagging, "resource_tags", upstream="Missing: the tags of ECR repositories.")
def resource_tags(
    original: Callable[[str], dict[str, str] | None], arn: str
) -> dict[str, str] | None:
    """Give the tags of a repository of this account to the judge; one that is missing has none."""
    prefix, _, name = arn.partition(":repository/")
    if not prefix.startswith("arn:aws:ecr:"):
        return original(arn)
    tags = ecr._repositories.get(name, {}).get("tags", [])
    return {each["Key"]: each["Value"] for each in tags}
