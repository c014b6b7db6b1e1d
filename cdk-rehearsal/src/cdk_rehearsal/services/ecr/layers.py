"""The ECR API: the layers that clients upload to a repository and download from it."""

import base64
import hashlib
import uuid

from ministack.services import ecr

from cdk_rehearsal.ministack.replacements import replaces
from cdk_rehearsal.ministack.responses import Handler, Request, Response, json_response
from cdk_rehearsal.server.authentication import issue_url
from cdk_rehearsal.services.ecr.errors import error

_UPSTREAM = "Gap: layers are thrown away, and the address of a layer leads to AWS."
_PART_SIZE = 10 * 1024 * 1024

_uploads: dict[tuple[str, str], bytearray] = {}
"""By repository and upload id, the bytes received so far."""


@replaces(ecr, "_batch_check_layer_availability", upstream=_UPSTREAM)
def batch_check_layer_availability(_original: Handler, request: Request) -> Response:
    """Say which layers the repository has."""
    name = request["repositoryName"]
    if name not in ecr._repositories:
        return error("RepositoryNotFoundException", name=name)
    known = ecr._layer_blobs.get(name, {})
    layers = [
        {"layerDigest": digest, "layerAvailability": "AVAILABLE", "layerSize": len(known[digest])}
        if digest in known
        else {"layerDigest": digest, "layerAvailability": "UNAVAILABLE"}
        for digest in request["layerDigests"]
    ]
    return json_response({"layers": layers, "failures": []})


@replaces(ecr, "_get_download_url_for_layer", upstream=_UPSTREAM)
def get_download_url_for_layer(_original: Handler, request: Request) -> Response:
    """Issue a URL of this emulator, which works for a while without a signature."""
    name, digest = request["repositoryName"], request["layerDigest"]
    if name not in ecr._repositories:
        return error("RepositoryNotFoundException", name=name)
    if digest not in ecr._layer_blobs.get(name, {}):
        return error("LayersNotFoundException", name=name, digests=[digest])
    url = issue_url(f"/v2/{name}/blobs/{digest}")
    return json_response({"downloadUrl": url, "layerDigest": digest})


@replaces(ecr, "_initiate_layer_upload", upstream=_UPSTREAM)
def initiate_layer_upload(_original: Handler, request: Request) -> Response:
    """Start the upload of a layer."""
    name = request["repositoryName"]
    if name not in ecr._repositories:
        return error("RepositoryNotFoundException", name=name)
    upload = str(uuid.uuid4())
    _uploads[name, upload] = bytearray()
    return json_response({"uploadId": upload, "partSize": _PART_SIZE})


@replaces(ecr, "_upload_layer_part", upstream=_UPSTREAM)
def upload_layer_part(_original: Handler, request: Request) -> Response:
    """Keep a part; it must continue where the part before it ended."""
    upload = request["uploadId"]
    data = _uploads.get((request["repositoryName"], upload))
    if data is None:
        return error("UploadNotFoundException", upload=upload)
    part = base64.b64decode(request["layerPartBlob"])
    first, last = int(request["partFirstByte"]), int(request["partLastByte"])
    if first != len(data) or last - first + 1 != len(part) or len(part) > _PART_SIZE:
        return error("InvalidLayerPartException", first=first, last=last)
    data += part
    return json_response({"uploadId": upload, "lastByteReceived": last})


@replaces(ecr, "_complete_layer_upload", upstream=_UPSTREAM)
def complete_layer_upload(_original: Handler, request: Request) -> Response:
    """Keep the layer, if its content has the stated digest."""
    name, upload, (digest, *_) = (
        request[key] for key in ("repositoryName", "uploadId", "layerDigests")
    )
    data = _uploads.get((name, upload))
    if data is None:
        return error("UploadNotFoundException", upload=upload)
    if digest != f"sha256:{hashlib.sha256(data).hexdigest()}":
        return error("InvalidLayerException", digest=digest)
    if digest in ecr._layer_blobs.setdefault(name, {}):
        return error("LayerAlreadyExistsException", name=name, digest=digest)
    ecr._layer_blobs[name][digest] = bytes(data)
    del _uploads[name, upload]
    return json_response({"uploadId": upload, "layerDigest": digest})
