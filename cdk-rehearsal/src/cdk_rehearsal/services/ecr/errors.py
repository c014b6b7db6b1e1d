"""ECR: its errors."""

from http import HTTPStatus

from cdk_rehearsal.ministack.responses import Response, json_error

_EXISTS = "already exists in the repository '{name}'"

_MESSAGES = {
    "RepositoryNotFoundException": "The repository with name '{name}' does not exist",
    "ImageAlreadyExistsException": f"Image '{{digest}}' with tag '{{tag}}' {_EXISTS}",
    "ImageTagAlreadyExistsException": (
        f"The image tag '{{tag}}' {_EXISTS} and cannot be overwritten because the tag is immutable."
    ),
    "ImageDigestDoesNotMatchException": (
        "The specified image digest does not match the digest of the image manifest"
    ),
    "LayersNotFoundException": "The repository '{name}' lacks layers with digests {digests}",
    "ReferencedImagesNotFoundException": "The manifest refers to {digest}, which is absent",
    "UploadNotFoundException": "There is no upload '{upload}'",
    "InvalidLayerPartException": "Invalid layer part upload: bytes {first}-{last}",
    "InvalidLayerException": "The layer is not {digest}",
    "LayerAlreadyExistsException": f"The layer '{{digest}}' {_EXISTS}",
}


def error(code: str, **values: object) -> Response:
    return json_error(code, _MESSAGES[code].format(**values), HTTPStatus.BAD_REQUEST)
