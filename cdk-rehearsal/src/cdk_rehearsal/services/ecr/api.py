"""ECR: repositories, layers, immutable tags, images with several tags, and the first image.

MiniStack remembers only the last tag of an image, ignores exclusion filters of immutable tags,
overwrites every tag of a repository that is not plainly IMMUTABLE, and drops the layers that
clients upload through its API.
"""

import base64
import binascii
import fnmatch
import hashlib
import json
import re
import uuid
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from botocore.exceptions import ClientError
from ministack.services import ecr

from cdk_rehearsal.access import Access
from cdk_rehearsal.iam.calls import Check
from cdk_rehearsal.iam.judge import require
from cdk_rehearsal.iam.principals import principal_of
from cdk_rehearsal.ministack.replacements import replaces
from cdk_rehearsal.ministack.resource_types import (
    Change,
    Created,
    PatchedType,
    Properties,
    ResourceType,
    adds_type,
    own_client,
    replaces_type,
)
from cdk_rehearsal.ministack.responses import Handler, Request, Response, json_error, json_response
from cdk_rehearsal.options import EngineAccess
from cdk_rehearsal.server.authentication import issue_url
from cdk_rehearsal.services.awslambda.functions import function_named, working
from cdk_rehearsal.services.ecr.image_push import push_image

_FILTERS = "imageTagMutabilityExclusionFilters"
_FILTERS_UPSTREAM = (
    "Missing: imageTagMutabilityExclusionFilters with IMMUTABLE_WITH_EXCLUSION and"
    " MUTABLE_WITH_EXCLUSION, in the API and the resource type."
)
_TAGS_UPSTREAM = (
    "Bug: of an image with several tags only the one pushed last is listed and given back, and the"
    " deletion of one tag deletes the image."
)


def find_image(repository: str, *, tag: str = "", digest: str = "") -> dict[str, Any] | None:
    """Return the record of an image in this account's registry, by tag or digest."""
    wanted = {"imageDigest": digest} if digest else {"imageTag": tag}
    image: dict[str, Any] | None = ecr._find_image(repository, wanted)
    return image


@replaces_type(
    "AWS::ECR::Repository",
    upstream=f"{_FILTERS_UPSTREAM} Bug: a name that is taken takes over the repository, images and"
    " all.",
)
class ImageRepository(PatchedType):
    """A repository with its exclusion filters; a name that is in use is an error."""

    def create(self, logical_id: str, properties: Properties, stack: str) -> Created:
        _require_free(properties.get("RepositoryName"))
        repository, attributes = super().create(logical_id, properties, stack)
        _set_mutability(repository, properties)
        return repository, attributes

    def update(self, change: Change) -> Created:
        repository, attributes = super().update(change)
        _set_mutability(repository, change.new)
        return repository, attributes


def _require_free(name: str | None) -> None:
    if name is None:
        return
    try:
        own_client("ecr").describe_repositories(repositoryNames=[name])
    except ClientError as error:
        if error.response["Error"]["Code"] != "RepositoryNotFoundException":
            raise
    else:
        raise ValueError(f"The repository with name '{name}' already exists in the registry.")


def _set_mutability(repository: str, properties: Properties) -> None:
    prefix = "ImageTagMutabilityExclusionFilter"
    filters = [
        {"filterType": each[f"{prefix}Type"], "filter": each[f"{prefix}Value"]}
        for each in properties.get("ImageTagMutabilityExclusionFilters", [])
    ]
    own_client("ecr").put_image_tag_mutability(
        repositoryName=repository,
        imageTagMutability=properties.get("ImageTagMutability", "MUTABLE"),
        **({_FILTERS: filters} if filters else {}),
    )


@replaces(ecr, "_create_repository", upstream=_FILTERS_UPSTREAM)
def create_repository(original: Handler, request: Request) -> Response:
    """Keep the exclusion filters of a new repository; drop layers of an earlier one of its name."""
    response = original(request)
    if response[0] == HTTPStatus.OK:
        ecr._layer_blobs.pop(request["repositoryName"], None)
    if response[0] == HTTPStatus.OK and request.get(_FILTERS):
        name = request["repositoryName"]
        ecr._repositories[name][_FILTERS] = request[_FILTERS]
        return json_response({"repository": ecr._repo_shape(ecr._repositories[name])})
    return response


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
    upstream=f"{_FILTERS_UPSTREAM} Bug: the same image under the same tag is pushed again; ECR"
    " answers ImageAlreadyExistsException. Bug: neither the layers of the manifest nor its digest"
    " are looked at; ECR answers LayersNotFoundException and ImageDigestDoesNotMatchException.",
)
def put_image(original: Handler, request: Request) -> Response:
    """Move a tag only if the repository allows it; refuse an image without its layers."""
    name, tag = request.get("repositoryName", ""), request.get("imageTag")
    repository = ecr._repositories.get(name)
    if repository and (error := _of_parts(name, request)):
        return error
    if repository and tag and (holder := find_image(name, tag=tag)):
        digest = request.get("imageDigest") or ecr._image_digest(request["imageManifest"])
        if holder["imageDigest"] == digest:
            return json_error(
                "ImageAlreadyExistsException",
                f"Image with digest '{digest}' and tag '{tag}' already exists in the repository "
                f"with name '{name}' in registry with id '{repository['registryId']}'",
                400,
            )
        if not _may_move(repository, tag):
            return json_error(
                "ImageTagAlreadyExistsException",
                f"The image tag '{tag}' already exists in the '{name}' repository and cannot be "
                "overwritten because the tag is immutable.",
                400,
            )
    return original(request)


def _of_parts(name: str, request: Request) -> Response | None:
    """Return the error for an image whose digest is wrong or whose parts are missing."""
    manifest, digest = json.loads(request["imageManifest"]), request.get("imageDigest")
    if digest and digest != ecr._image_digest(request["imageManifest"]):
        message = "The specified image digest does not match the digest of the image manifest"
        return json_error("ImageDigestDoesNotMatchException", message, 400)
    blobs = [*manifest.get("layers", ()), *filter(None, [manifest.get("config")])]
    missing = {each["digest"] for each in blobs} - ecr._layer_blobs.get(name, {}).keys()
    if missing:
        message = f"Layers with digests '{sorted(missing)}' required for pushing image into "
        message += f"repository with name '{name}' don't exist"
        return json_error("LayersNotFoundException", message, 400)
    for each in manifest.get("manifests", ()):
        if find_image(name, digest=each["digest"]) is None:
            message = f"The manifest refers to {each['digest']}, which does not exist"
            return json_error("ReferencedImagesNotFoundException", message, 400)
    return None


def _may_move(repository: dict[str, Any], tag: str) -> bool:
    mutability = repository.get("imageTagMutability", "MUTABLE")
    excluded = any(fnmatch.fnmatchcase(tag, f["filter"]) for f in repository.get(_FILTERS, []))
    return excluded != (mutability in ("MUTABLE", "MUTABLE_WITH_EXCLUSION"))


_LAYERS_UPSTREAM = (
    "Gap: layers that are uploaded by the API are thrown away, and the address of a layer leads to"
    " AWS."
)
_PART_SIZE = 10 * 1024 * 1024

_layer_uploads: dict[str, tuple[str, bytearray]] = {}
"""By upload id: the repository, and the bytes received so far."""


@replaces(ecr, "_batch_check_layer_availability", upstream=_LAYERS_UPSTREAM)
def batch_check_layer_availability(_original: Handler, request: Request) -> Response:
    """Say which layers the repository has."""
    name = request.get("repositoryName", "")
    if name not in ecr._repositories:
        return _no_repository(name)
    known, layers, failures = ecr._layer_blobs.get(name, {}), [], []
    for digest in request["layerDigests"]:
        if digest in known:
            size = len(known[digest])
            layers.append(
                {"layerDigest": digest, "layerAvailability": "AVAILABLE", "layerSize": size}
            )
        elif re.fullmatch(r"sha256:[0-9a-f]{64}", digest):
            layers.append({"layerDigest": digest, "layerAvailability": "UNAVAILABLE"})
        else:
            failures.append({"layerDigest": digest, "failureCode": "InvalidLayerDigest"})
    return json_response({"layers": layers, "failures": failures})


@replaces(ecr, "_get_download_url_for_layer", upstream=_LAYERS_UPSTREAM)
def get_download_url_for_layer(_original: Handler, request: Request) -> Response:
    """Issue a URL of this emulator, which works for a while without a signature."""
    name, digest = request.get("repositoryName", ""), request["layerDigest"]
    if name not in ecr._repositories:
        return _no_repository(name)
    if digest not in ecr._layer_blobs.get(name, {}):
        message = f"The layer with digest '{digest}' does not exist in the repository '{name}'"
        return json_error("LayersNotFoundException", message, 400)
    url = issue_url(f"/v2/{name}/blobs/{digest}")
    return json_response({"downloadUrl": url, "layerDigest": digest})


@replaces(ecr, "_initiate_layer_upload", upstream=_LAYERS_UPSTREAM)
def initiate_layer_upload(_original: Handler, request: Request) -> Response:
    """Start the upload of a layer."""
    name = request.get("repositoryName", "")
    if name not in ecr._repositories:
        return _no_repository(name)
    upload = str(uuid.uuid4())
    _layer_uploads[upload] = name, bytearray()
    return json_response({"uploadId": upload, "partSize": _PART_SIZE})


@replaces(ecr, "_upload_layer_part", upstream=_LAYERS_UPSTREAM)
def upload_layer_part(_original: Handler, request: Request) -> Response:
    """Keep a part; it must continue where the part before it ended."""
    upload = request["uploadId"]
    name, data = _layer_uploads.get(upload, ("", bytearray()))
    if not name or name != request["repositoryName"]:
        return _no_upload(upload)
    try:
        part = base64.b64decode(request["layerPartBlob"], validate=True)
    except binascii.Error as error:
        return json_error("InvalidParameterException", str(error), 400)
    first, last = int(request["partFirstByte"]), int(request["partLastByte"])
    if first != len(data) or last - first + 1 != len(part) or len(part) > _PART_SIZE:
        message = f"Invalid layer part upload to registry: bytes {first}-{last}"
        return json_error("InvalidLayerPartException", message, 400)
    data += part
    return json_response({"uploadId": upload, "lastByteReceived": last})


@replaces(ecr, "_complete_layer_upload", upstream=_LAYERS_UPSTREAM)
def complete_layer_upload(_original: Handler, request: Request) -> Response:
    """Keep the layer, if its content has the stated digest."""
    upload, (digest, *_) = request["uploadId"], request["layerDigests"]
    name, data = _layer_uploads.get(upload, ("", bytearray()))
    if not name or name != request["repositoryName"]:
        return _no_upload(upload)
    if not data:
        return json_error("EmptyUploadException", f"The upload '{upload}' is empty", 400)
    if digest != f"sha256:{hashlib.sha256(data).hexdigest()}":
        return json_error("InvalidLayerException", f"The layer is not {digest}", 400)
    if digest in ecr._layer_blobs.setdefault(name, {}):
        message = f"The layer '{digest}' already exists in the repository '{name}'"
        return json_error("LayerAlreadyExistsException", message, 400)
    ecr._layer_blobs[name][digest] = bytes(data)
    del _layer_uploads[upload]
    return json_response({"uploadId": upload, "layerDigest": digest})


def _no_upload(upload: str) -> Response:
    return json_error("UploadNotFoundException", f"There is no upload '{upload}'", 400)


@replaces(ecr, "_batch_get_image", upstream=_TAGS_UPSTREAM)
def batch_get_image(_original: Handler, request: Request) -> Response:
    """Find an image by any of its tags, and return the tag in the request."""
    name = request.get("repositoryName", "")
    if name not in ecr._repositories:
        return _no_repository(name)
    images, failures = [], []
    for image_id in request.get("imageIds", []):
        image = ecr._find_image(name, image_id)
        if image is None:
            failures.append(_failure(image_id))
            continue
        images.append(
            {
                "registryId": image["registryId"],
                "repositoryName": name,
                "imageId": {**image_id, "imageDigest": image["imageDigest"]},
                "imageManifest": image["imageManifest"],
                "imageManifestMediaType": image["imageManifestMediaType"],
            }
        )
    return json_response({"images": images, "failures": failures})


@replaces(ecr, "_batch_delete_image", upstream=_TAGS_UPSTREAM)
def batch_delete_image(_original: Handler, request: Request) -> Response:
    """Delete a tag, and the image with its last tag; or delete an image by its digest."""
    name = request.get("repositoryName", "")
    if name not in ecr._repositories:
        return _no_repository(name)
    gone, failures = [], []
    for image_id in request.get("imageIds", []):
        image = ecr._find_image(name, image_id)
        if image is None:
            failures.append(_failure(image_id))
            continue
        tags = [image_id["imageTag"]] if "imageDigest" not in image_id else list(image["imageTags"])
        image["imageTags"] = [tag for tag in image["imageTags"] if tag not in tags]
        if not image["imageTags"]:
            ecr._images[name].remove(image)
        gone += [{"imageDigest": image["imageDigest"], "imageTag": tag} for tag in tags] or [
            image_id
        ]
    return json_response({"imageIds": gone, "failures": failures})


@replaces(ecr, "_list_images", upstream=_TAGS_UPSTREAM)
def list_images(_original: Handler, request: Request) -> Response:
    """List every tag of an image."""
    name = request.get("repositoryName", "")
    if name not in ecr._repositories:
        return _no_repository(name)
    wanted = request.get("filter", {}).get("tagStatus", "ANY")
    ids: list[dict[str, str]] = []
    for image in ecr._images.get(name, []):
        digest = {"imageDigest": image["imageDigest"]}
        if image["imageTags"] and wanted != "UNTAGGED":
            ids += [{**digest, "imageTag": tag} for tag in image["imageTags"]]
        if not image["imageTags"] and wanted != "TAGGED":
            ids.append(digest)
    return json_response({"imageIds": ids})


@replaces(
    ecr,
    "_describe_images",
    upstream="Bug: an image id that names nothing is left out; ECR answers ImageNotFoundException.",
)
def describe_images(original: Handler, request: Request) -> Response:
    """Fail for an image id that does not exist."""
    name = request.get("repositoryName", "")
    for image_id in request.get("imageIds", []):
        if name in ecr._repositories and ecr._find_image(name, image_id) is None:
            return json_error(
                "ImageNotFoundException",
                f"The image with imageId {image_id} does not exist within the repository with "
                f"name '{name}'",
                400,
            )
    return original(request)


def _failure(image_id: dict[str, str]) -> dict[str, Any]:
    reason = "Requested image not found"
    return {"imageId": image_id, "failureCode": "ImageNotFound", "failureReason": reason}


def _no_repository(name: str) -> Response:
    message = f"The repository with name '{name}' does not exist"
    return json_error("RepositoryNotFoundException", message, 400)


_DESTINATION = re.compile(
    r"docker://\d{12}\.dkr\.ecr\.[a-z0-9-]+\.amazonaws\.com/(?P<repository>[^:@]+):(?P<tag>[^:@]+)$"
)


@adds_type("Custom::CDKECRDeployment")
class ImageCopy(ResourceType):
    """An image under a tag, pushed when the resource is created or updated.

    It makes the calls of cdk-ecr-deployment's function with the role of that function. The code of
    the function does not run, since there is no registry from which it could copy. The manifest
    depends only on the name of the source, so a source has the same digest in every run. As with
    the real function, an update pushes the image again, and a deletion leaves it.
    """

    def create(self, logical_id: str, properties: Properties, stack: str) -> Created:
        source = properties["SrcImage"]
        destination = _DESTINATION.match(properties["DestImage"])
        if not source.startswith("docker://") or not destination:
            raise ValueError(
                f"{self.name}: the local AWS copies from docker:// to a tag in ECR, not "
                f"{source} to {properties['DestImage']}"
            )
        image, stands_in = _in_engine(source.removeprefix("docker://"))
        with working(function_named(properties["ServiceToken"])) as access:
            _sign_in(access, source.removeprefix("docker://"))
            repository, tag = destination["repository"], destination["tag"]
            found = {"engine_image": image, "stands_in": stands_in}
            _push(access.client("ecr"), repository, tag, source, **found)
        return properties["DestImage"], {}

    def update(self, change: Change) -> Created:
        return self.create(change.logical_id, change.new, change.stack)

    def delete(self, physical_id: str, properties: Properties) -> None:
        """Leave the image, as on AWS; its repository is emptied when it is deleted."""


def _in_engine(source: str) -> tuple[str | None, bool]:
    """Return the engine's id of an image or of its stand-in, and whether it is the stand-in."""
    if not EngineAccess.is_configured():
        return None, False
    from cdk_rehearsal.services.ecs.containers import access, engine_id

    if found := engine_id(source):
        return found, False
    instead = access().instead
    return (engine_id(instead), True) if instead else (None, False)


def _sign_in(access: Access, source: str) -> None:
    """Log in to the account's registry, and to AWS's public one if the source is there.

    https://docs.aws.amazon.com/AmazonECR/latest/public/public-registry-auth.html
    """
    access.client("ecr").get_authorization_token()
    if source.startswith("public.ecr.aws/"):
        # The local AWS has no such API, so only the permissions are checked.
        for action in ("ecr-public:GetAuthorizationToken", "sts:GetServiceBearerToken"):
            require(principal_of(access.key.access_key_id), Check(action=action, resource="*"))


def _push(client: Any, repository: str, tag: str, content: str, **found: Any) -> None:
    """Push an image; a registry accepts an image that it already has."""
    try:
        push_image(client, repository, tag, content, **found)
    except ClientError as error:
        if error.response["Error"]["Code"] != "ImageAlreadyExistsException":
            raise
