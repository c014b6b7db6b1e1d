"""Docker's registry protocol: each request needs the permission of the equivalent call to ECR.

https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-push-iam.html
https://docs.aws.amazon.com/AmazonECR/latest/userguide/security_iam_id-based-policy-examples.html
"""

import json
from collections.abc import Iterator
from typing import Any

from ministack.core.responses import get_account_id, get_region
from ministack.services import ecr

from cdk_rehearsal.iam.calls import Check
from cdk_rehearsal.iam.judge import Refusal, is_root, require
from cdk_rehearsal.iam.principals import NoSuchPrincipalError, principal_of
from cdk_rehearsal.ministack.responses import Response
from cdk_rehearsal.server.api_request import Request

_ACTIONS = {
    ("GET", "manifest"): ("BatchGetImage",),
    ("HEAD", "manifest"): ("BatchGetImage",),
    ("PUT", "manifest"): ("PutImage",),
    ("GET", "blob"): ("GetDownloadUrlForLayer",),
    ("HEAD", "blob"): ("BatchCheckLayerAvailability",),
    ("POST", "blob_uploads"): ("InitiateLayerUpload",),
    ("PATCH", "blob_upload_session"): ("UploadLayerPart",),
    ("PUT", "blob_upload_session"): ("CompleteLayerUpload",),
}
_HEADERS = ("accept", "content-type", "content-range", "content-length", "range")
_QUERY = ("digest", "from", "last", "mount", "n")


class RegistryError(Exception):
    """The registry refuses a request; the exception holds the answer in docker's form."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        content = json.dumps({"errors": [{"code": code, "message": message}]}).encode()
        self.response: Response = (status, {"Content-Type": "application/json"}, content)


def admit(caller: str, request: Request) -> None:
    """Raise ``RegistryError`` unless the key that has the login may make the request."""
    try:
        verb, name, _ = ecr._parse_v2_path(request.path) or ("", "", "")
        if any(len(values) > 1 for values in request.query.values()):
            raise LookupError("a parameter of the query is there twice")
        if not is_root(caller):
            principal = principal_of(caller)
            for check in _needed(request, verb, name):
                require(principal, check)
    except (Refusal, NoSuchPrincipalError, LookupError) as refusal:
        raise RegistryError(403, "DENIED", str(refusal)) from refusal
    # MiniStack would look for the repository in other regions.
    if name and name not in ecr._repositories:
        raise RegistryError(404, "NAME_UNKNOWN", f"{name} does not exist in {get_region()}")


def _needed(request: Request, verb: str, name: str) -> Iterator[Check]:
    if verb == "ping":
        return  # docker only checks its login with this request
    actions = list(_ACTIONS.get((request.method, verb), ()))
    if not actions:
        raise LookupError(
            f"{request.method} {request.path} is not judged here: no call to ECR does the same"
        )
    if verb == "blob_uploads" and "digest" in request.query:
        actions += ["UploadLayerPart", "CompleteLayerUpload"]
    for action in actions:
        yield Check(action=f"ecr:{action}", resource=_arn(name))
    if "mount" in request.query or "from" in request.query:
        # https://docs.aws.amazon.com/AmazonECR/latest/userguide/blob-mounting.html
        source = _arn(request.first("from"))
        yield Check(action="ecr:GetDownloadUrlForLayer", resource=source)


def _arn(name: str) -> str:
    return f"arn:aws:ecr:{get_region()}:{get_account_id()}:repository/{name}"


async def serve(request: Request, body: bytes) -> Response:
    """Let the registry answer, in the region of this AWS, from what is listed above alone."""
    verb, name, _ = ecr._parse_v2_path(request.path) or ("", "", "")
    if (request.method, verb) == ("PUT", "manifest"):
        _require_parts(name, body)
    headers = {each: request.headers[each] for each in _HEADERS if each in request.headers}
    query = {each: request.query[each] for each in _QUERY if each in request.query}
    response: Response = await ecr.handle_registry_request(
        request.method, request.path, headers, body, query
    )
    return response


def _require_parts(name: str, body: bytes) -> None:
    """Refuse a manifest whose layers or images are not in the repository."""
    try:
        manifest: dict[str, Any] = json.loads(body.decode("utf-8"))
        blobs = [*manifest.get("layers", ()), *filter(None, [manifest.get("config")])]
        layers = {each["digest"] for each in blobs}
        images = {each["digest"] for each in manifest.get("manifests", ())}
    except (ValueError, AttributeError, TypeError, KeyError) as error:
        raise RegistryError(400, "MANIFEST_INVALID", f"it is no manifest: {error}") from error
    missing = layers - ecr._layer_blobs.get(name, {}).keys()
    missing |= images - ecr._manifest_blobs.get(name, {}).keys()
    if missing:
        raise RegistryError(400, "MANIFEST_BLOB_UNKNOWN", f"{name} has no {sorted(missing)}")
