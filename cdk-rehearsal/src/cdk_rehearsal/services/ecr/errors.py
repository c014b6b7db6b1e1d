"""ECR: its errors."""

from typing import Any

from cdk_rehearsal.ministack.responses import Response, json_error

_BAD_REQUEST = 400


def no_repository(name: str) -> Response:
    return _error("RepositoryNotFound", f"The repository with name '{name}' does not exist")


def no_image(name: str, image_id: dict[str, str]) -> Response:
    message = f"The image with imageId {image_id} does not exist within the repository with name "
    return _error("ImageNotFound", f"{message}'{name}'")


def failure(image_id: dict[str, str]) -> dict[str, Any]:
    """Return what a batch operation says about an image that does not exist."""
    reason = "Requested image not found"
    return {"imageId": image_id, "failureCode": "ImageNotFound", "failureReason": reason}


def image_exists(name: str, tag: str, digest: str) -> Response:
    message = f"Image with digest '{digest}' and tag '{tag}' already exists in the repository with "
    return _error("ImageAlreadyExists", f"{message}name '{name}'")


def immutable_tag(name: str, tag: str) -> Response:
    message = f"The image tag '{tag}' already exists in the '{name}' repository and cannot be "
    return _error("ImageTagAlreadyExists", f"{message}overwritten because the tag is immutable.")


def wrong_digest() -> Response:
    message = "The specified image digest does not match the digest of the image manifest"
    return _error("ImageDigestDoesNotMatch", message)


def no_layers(name: str, digests: set[str]) -> Response:
    message = f"The repository with name '{name}' lacks layers with digests '{sorted(digests)}'"
    return _error("LayersNotFound", message)


def no_referenced_image(digest: str) -> Response:
    message = f"The manifest refers to {digest}, which does not exist"
    return _error("ReferencedImagesNotFound", message)


def no_upload(upload: str) -> Response:
    return _error("UploadNotFound", f"There is no upload '{upload}'")


def wrong_part(first: int, last: int) -> Response:
    message = f"Invalid layer part upload to registry: bytes {first}-{last}"
    return _error("InvalidLayerPart", message)


def wrong_layer(digest: str) -> Response:
    return _error("InvalidLayer", f"The layer is not {digest}")


def layer_exists(name: str, digest: str) -> Response:
    message = f"The layer '{digest}' already exists in the repository '{name}'"
    return _error("LayerAlreadyExists", message)


def _error(code: str, message: str) -> Response:
    return json_error(f"{code}Exception", message, _BAD_REQUEST)
