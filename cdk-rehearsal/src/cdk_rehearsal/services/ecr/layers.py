"""The ECR API: the layers that clients upload to a repository and download from it.

A layer is one file, also if several repositories have it. MiniStack's table of the layers of a
repository has the paths of these files here.
"""

import base64
import hashlib
import os
import uuid
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from pathlib import Path
from typing import Any

from ministack.core.responses import StreamingResponse
from ministack.services import ecr

from cdk_rehearsal.ministack.replacements import replaces
from cdk_rehearsal.ministack.responses import Handler, Request, Response, json_response
from cdk_rehearsal.server.authentication import issue_url
from cdk_rehearsal.services.ecr.errors import error

_PART_SIZE = 10 * 1024 * 1024
_SENT_SIZE = 1024 * 1024


_uploads: dict[tuple[str, str], Path] = {}
"""The files with the bytes received so far, by repository and upload id."""


def _folder() -> Path:
    folder = Path(os.environ["HOME"], "layers")
    folder.mkdir(exist_ok=True)
    return folder


def layer_file(repository: str, digest: str) -> Path | None:
    """Return the file with a layer or a configuration; None if the repository does not have it."""
    found: Path | None = ecr._layer_blobs.get(repository, {}).get(digest)
    return found


@replaces(ecr, "_batch_check_layer_availability")
def batch_check_layer_availability(_original: Handler, request: Request) -> Response:
    """Say which layers the repository has."""
    name = request["repositoryName"]
    if name not in ecr._repositories:
        return error("RepositoryNotFoundException", name=name)
    layers: list[dict[str, Any]] = []
    for digest in request["layerDigests"]:
        layer = layer_file(name, digest)
        size = {"layerSize": layer.stat().st_size} if layer else {}
        status = "AVAILABLE" if layer else "UNAVAILABLE"
        layers.append({"layerDigest": digest, "layerAvailability": status, **size})
    return json_response({"layers": layers, "failures": []})


@replaces(ecr, "_get_download_url_for_layer")
def get_download_url_for_layer(_original: Handler, request: Request) -> Response:
    """Issue a URL of this emulator, which works for a while without a signature."""
    name, digest = request["repositoryName"], request["layerDigest"]
    if layer_file(name, digest) is None:
        return error("LayersNotFoundException", name=name, digests=[digest])
    url = issue_url(f"/v2/{name}/blobs/{digest}")
    return json_response({"downloadUrl": url, "layerDigest": digest})


@replaces(ecr, "_initiate_layer_upload")
def initiate_layer_upload(_original: Handler, request: Request) -> Response:
    """Start the upload of a layer."""
    name = request["repositoryName"]
    if name not in ecr._repositories:
        return error("RepositoryNotFoundException", name=name)
    upload = str(uuid.uuid4())
    _uploads[name, upload] = received = _folder() / upload
    received.touch()
    return json_response({"uploadId": upload, "partSize": _PART_SIZE})


@replaces(ecr, "_upload_layer_part")
def upload_layer_part(_original: Handler, request: Request) -> Response:
    """Keep a part; it must continue where the part before it ended."""
    upload = request["uploadId"]
    received = _uploads.get((request["repositoryName"], upload))
    if received is None:
        return error("UploadNotFoundException", upload=upload)
    part = base64.b64decode(request["layerPartBlob"])
    first, last = int(request["partFirstByte"]), int(request["partLastByte"])
    if first != received.stat().st_size or last - first + 1 != len(part) or len(part) > _PART_SIZE:
        return error("InvalidLayerPartException", first=first, last=last)
    with received.open("ab") as file:
        file.write(part)
    return json_response({"uploadId": upload, "lastByteReceived": last})


@replaces(ecr, "_complete_layer_upload")
def complete_layer_upload(_original: Handler, request: Request) -> Response:
    """Keep the layer, if its content has the stated digest."""
    name, upload, (digest, *_) = (
        request[key] for key in ("repositoryName", "uploadId", "layerDigests")
    )
    received = _uploads.get((name, upload))
    if received is None:
        return error("UploadNotFoundException", upload=upload)
    with received.open("rb") as file:
        found = f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}"
    if digest != found:
        return error("InvalidLayerException", digest=digest)
    if layer_file(name, digest):
        return error("LayerAlreadyExistsException", name=name, digest=digest)
    # Another repository may have the same layer: then its file is replaced by an equal one.
    layer = received.replace(_folder() / digest.removeprefix("sha256:"))
    ecr._layer_blobs.setdefault(name, {})[digest] = layer
    del _uploads[name, upload]
    return json_response({"uploadId": upload, "layerDigest": digest})


def byte_range(wanted: str, size: int) -> tuple[int, int]:
    """Return the first and the last byte that a header ``Range`` wants of so many; all without."""
    first, _, last = (wanted or "bytes=0-").removeprefix("bytes=").partition("-")
    return int(first), min(int(last or size - 1), size - 1)


def send_layer(path: str, wanted: str) -> Response:
    """Send the layer at a path that was issued, or the range of it, piece by piece."""
    name, _, digest = path.removeprefix("/v2/").partition("/blobs/")
    layer = layer_file(name, digest)
    if layer is None:
        return error("LayersNotFoundException", name=name, digests=[digest])
    first, last = byte_range(wanted, layer.stat().st_size)

    async def send_all(send: Callable[[dict[str, Any]], Awaitable[None]], _receive: Any) -> None:
        left = last - first + 1
        with layer.open("rb") as file:
            file.seek(first)
            while piece := file.read(min(_SENT_SIZE, left)):
                left -= len(piece)
                await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b""})

    headers = {"Content-Length": str(last - first + 1), "Docker-Content-Digest": digest}
    status = HTTPStatus.PARTIAL_CONTENT if wanted else HTTPStatus.OK
    content_type = {"Content-Type": "application/octet-stream"}
    return status, headers | content_type, StreamingResponse(send_all)
