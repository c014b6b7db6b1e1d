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


@replaces(ecr, "_create_repository")
def create_repository(original: Handler, request: Request) -> Response:
    """Keep the exclusion filters of a new repository; drop layers of an earlier one of its name."""
    response = _with_filters(original, request)
    if response[0] == HTTPStatus.OK:
        ecr._layer_blobs.pop(request["repositoryName"], None)
    return response


@replaces(ecr, "_put_image_tag_mutability")
def put_image_tag_mutability(original: Handler, request: Request) -> Response:
    """Keep the exclusion filters of a changed repository."""
    return _with_filters(original, request)


def _with_filters(original: Handler, request: Request) -> Response:
    response = original(request)
    if response[0] == HTTPStatus.OK:
        ecr._repositories[request["repositoryName"]][_FILTERS] = request.get(_FILTERS, [])
    return response


@replaces(ecr, "_repo_shape")
def repository_shape(
    original: Callable[[dict[str, Any]], dict[str, Any]], repository: dict[str, Any]
) -> dict[str, Any]:
    """Show the exclusion filters of a repository."""
    filters = {_FILTERS: repository[_FILTERS]} if repository.get(_FILTERS) else {}
    return original(repository) | filters


@replaces(ecr, "_put_image")
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


@replaces(ecr, "_batch_get_image")
def batch_get_image(original: Handler, request: Request) -> Response:
    """Return the tag by which an image was found, not its last one."""
    status, headers, body = original(request)
    if status != HTTPStatus.OK:
        return status, headers, body
    answer = json.loads(body)
    absent = [each["imageId"] for each in answer["failures"]]
    found = [each for each in request["imageIds"] if each not in absent]
    for image, image_id in zip(answer["images"], found, strict=True):
        image["imageId"] = {"imageDigest": image["imageId"]["imageDigest"], **image_id}
    return json_response(answer)


@replaces(ecr, "_batch_delete_image")
def batch_delete_image(original: Handler, request: Request) -> Response:
    """Delete only the tag of an image that has other tags."""
    whole, gone = [], []
    for image_id in request["imageIds"]:
        image = ecr._find_image(request["repositoryName"], image_id)
        tag = "" if "imageDigest" in image_id else image_id["imageTag"]
        if tag and image and len(image["imageTags"]) > 1:
            image["imageTags"].remove(tag)
            gone.append({"imageDigest": image["imageDigest"], "imageTag": tag})
        else:
            whole.append(image_id)
    status, headers, body = original({**request, "imageIds": whole})
    if status != HTTPStatus.OK:
        return status, headers, body
    answer = json.loads(body)
    return json_response(answer | {"imageIds": [*answer["imageIds"], *gone]})


@replaces(ecr, "_list_images")
def list_images(original: Handler, request: Request) -> Response:
    """List every tag of an image."""
    status, headers, body = original(request)
    if status != HTTPStatus.OK:
        return status, headers, body
    listed = {each["imageDigest"] for each in json.loads(body)["imageIds"]}
    ids: list[dict[str, str]] = []
    for image in ecr._images[request["repositoryName"]]:
        if (digest := image["imageDigest"]) in listed:
            tagged = [{"imageDigest": digest, "imageTag": tag} for tag in image["imageTags"]]
            ids += tagged or [{"imageDigest": digest}]
    return json_response({"imageIds": ids})


@replaces(tagging, "resource_tags")
def resource_tags(
    original: Callable[[str], dict[str, str] | None], arn: str
) -> dict[str, str] | None:
    """Give the tags of a repository of this account to the judge; one that is missing has none."""
    prefix, _, name = arn.partition(":repository/")
    if not prefix.startswith("arn:aws:ecr:"):
        return original(arn)
    tags = ecr._repositories.get(name, {}).get("tags", [])
    return {each["Key"]: each["Value"] for each in tags}
