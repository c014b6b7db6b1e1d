"""ECR, and what its downloads may meet, for the tests of the function that copies images."""

# The arguments of boto3 are called as AWS calls them.
# ruff: noqa: N803

import contextlib
import email.message
import hashlib
import io
import json
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

from backend_service.release.action import Service

REGISTRY = "123456789012.dkr.ecr.eu-west-1.amazonaws.com"
SERVICE = Service(
    repository=f"{REGISTRY}/shop",
    builds=f"{REGISTRY}/shop/builds",
    live_tag="live",
    cluster="cluster",
    name="web",
    container="web",
    definitions_file="images.json",
    alarms="web-cpu,web-errors",
    log_group="/ecs/cluster/web",
    pipeline="delivery",
    topic="",
)
TAG = "0a1b2c3d-7"
OTHER = f"sha256:{'0' * 64}"
TARGET = {"Bucket": "artifacts", "Key": "pipeline/release/1"}
OCI = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"


class KilledError(BaseException):
    """The end of the function's process, which the function cannot catch."""


class ImageAlreadyExistsError(Exception):
    """ECR has this image under this tag."""


class LayerAlreadyExistsError(Exception):
    """ECR has this layer."""


class TagAlreadyExistsError(Exception):
    """ECR has another image under this tag, which is immutable."""


class UploadNotFoundError(Exception):
    """ECR has forgotten this upload."""


class InvalidLayerError(Exception):
    """The data has another digest."""


class InvalidLayerPartError(Exception):
    """The part does not begin where the data ends that ECR has."""

    def __init__(self, received: int) -> None:
        super().__init__(f"the last valid byte is {received - 1}")
        self.response = {"lastValidByteReceived": received - 1}


class Response(io.BytesIO):
    """What a server has sent, with its status and headers."""

    def __init__(self, body: bytes, status: int = 200, **headers: str) -> None:
        super().__init__(body)
        self.status = status
        self.headers = headers


def ranged(request: urllib.request.Request, data: bytes) -> Response:
    """Return the range of the data that a request wants."""
    wanted = request.get_header("Range")
    assert wanted
    first, last = map(int, wanted.removeprefix("bytes=").split("-"))
    return Response(data[first : last + 1], 206)


def status(code: int) -> urllib.error.HTTPError:
    """Return the answer of a server that refuses."""
    return urllib.error.HTTPError(
        "https://registry", code, "refused", email.message.Message(), None
    )


def digest_of(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


class Ecr:
    """Two repositories behind ECR's API.

    ``account`` and ``region`` are those of the builds. ``die`` kills the function "before" or
    "after" the call of a name. ``faults`` are what happens to the next downloads instead of an
    answer, ``ranges`` the parts of layers that were wanted.
    """

    exceptions = SimpleNamespace(
        ImageAlreadyExistsException=ImageAlreadyExistsError,
        LayerAlreadyExistsException=LayerAlreadyExistsError,
        UploadNotFoundException=UploadNotFoundError,
        InvalidLayerException=InvalidLayerError,
        InvalidLayerPartException=InvalidLayerPartError,
    )

    def __init__(self) -> None:
        self.account, self.region = "123456789012", "eu-west-1"
        self.layers: dict[str, dict[str, bytes]] = {"shop": {}, "shop/builds": {}}
        self.manifests: dict[str, dict[str, tuple[str, str]]] = {"shop": {}, "shop/builds": {}}
        self.tags: dict[str, dict[str, str]] = {"shop": {}, "shop/builds": {}}
        self.uploads: dict[str, bytes] = {}
        self.pushed: dict[str, str] = {}
        self.calls: list[str] = []
        self.die: tuple[str, str] | None = None
        self.faults: list[Exception | Callable[[bytes], bytes]] = []
        self.ranges: list[str] = []

    def client(self, service: str, **options: str) -> "Ecr":
        """Return itself, as the client of a function in eu-west-1."""
        assert service == "ecr"
        assert options in ({}, {"region_name": self.region})
        return self

    def build(self, tag: str, *layers: bytes) -> str:
        """Push an image with these layers to the builds repository; return its digest."""
        blobs = [json.dumps({"tag": tag}).encode(), *layers]
        for blob in blobs:
            self.layers["shop/builds"][digest_of(blob)] = blob
        manifest = {
            "config": {"digest": digest_of(blobs[0]), "size": len(blobs[0])},
            "layers": [{"digest": digest_of(blob), "size": len(blob)} for blob in layers],
        }
        return self.push("shop/builds", json.dumps(manifest), OCI, tag)

    def push(self, repository: str, manifest: str, media_type: str, tag: str = "") -> str:
        digest = digest_of(manifest.encode())
        self.manifests[repository][digest] = manifest, media_type
        if tag:
            self.tags[repository][tag] = digest
            self.pushed[tag] = digest
        return digest

    def send(self, request: urllib.request.Request) -> Response:
        """Answer a request for a part of a layer, unless there is a fault."""
        repository, _, digest = request.full_url.removeprefix("https://").partition("@")
        self.ranges.append(str(request.get_header("Range")))
        response = ranged(request, self.layers[repository][digest])
        if not self.faults:
            return response
        fault = self.faults.pop(0)
        if isinstance(fault, Exception):
            raise fault
        return Response(fault(response.read()), 206)

    @contextlib.contextmanager
    def _call(self, name: str) -> Iterator[None]:
        if self.die == ("before", name):
            raise KilledError
        self.calls.append(name)
        yield
        if self.die == ("after", name):
            raise KilledError

    def batch_get_image(
        self,
        *,
        registryId: str,
        repositoryName: str,
        imageIds: list[dict[str, str]],
        acceptedMediaTypes: list[str],
    ) -> dict[str, Any]:
        with self._call("BatchGetImage"):
            assert registryId == {"shop": "123456789012"}.get(repositoryName, self.account)
            (wanted,) = imageIds
            digest = wanted.get("imageDigest") or self.tags[repositoryName].get(wanted["imageTag"])
            if digest not in self.manifests[repositoryName]:
                return {"images": [], "failures": [{"failureCode": "ImageNotFound"}]}
            manifest, media_type = self.manifests[repositoryName][str(digest)]
            assert media_type in acceptedMediaTypes
            image = {
                "imageId": {"imageDigest": digest},
                "imageManifest": manifest,
                "imageManifestMediaType": media_type,
            }
            return {"images": [image], "failures": []}

    def batch_check_layer_availability(
        self, *, repositoryName: str, layerDigests: list[str]
    ) -> dict[str, Any]:
        with self._call("BatchCheckLayerAvailability"):
            assert len(layerDigests) <= 100
            known = self.layers[repositoryName]
            available = {True: "AVAILABLE", False: "UNAVAILABLE"}
            return {
                "layers": [
                    {"layerDigest": d, "layerAvailability": available[d in known]}
                    for d in layerDigests
                ]
            }

    def get_download_url_for_layer(
        self, *, registryId: str, repositoryName: str, layerDigest: str
    ) -> Any:
        with self._call("GetDownloadUrlForLayer"):
            assert registryId == self.account
            return {"downloadUrl": f"https://{repositoryName}@{layerDigest}"}

    def initiate_layer_upload(self, *, repositoryName: str) -> dict[str, Any]:
        with self._call("InitiateLayerUpload"):
            upload = f"{repositoryName}-{len(self.uploads)}"
            self.uploads[upload] = b""
            return {"uploadId": upload, "partSize": 4}

    def upload_layer_part(
        self,
        *,
        repositoryName: str,
        uploadId: str,
        partFirstByte: int,
        partLastByte: int,
        layerPartBlob: bytes,
    ) -> None:
        with self._call("UploadLayerPart"):
            if uploadId not in self.uploads:
                raise UploadNotFoundError(uploadId)
            assert uploadId.startswith(f"{repositoryName}-")
            if partFirstByte != len(self.uploads[uploadId]):
                raise InvalidLayerPartError(len(self.uploads[uploadId]))
            assert partLastByte - partFirstByte + 1 == len(layerPartBlob) <= 4
            self.uploads[uploadId] += layerPartBlob

    def complete_layer_upload(
        self, *, repositoryName: str, uploadId: str, layerDigests: list[str]
    ) -> None:
        with self._call("CompleteLayerUpload"):
            data = self.uploads[uploadId]
            if layerDigests != [digest_of(data)]:
                raise InvalidLayerError(layerDigests)
            if layerDigests[0] in self.layers[repositoryName]:
                raise LayerAlreadyExistsError
            self.layers[repositoryName][layerDigests[0]] = data

    def put_image(
        self,
        *,
        repositoryName: str,
        imageManifest: str,
        imageManifestMediaType: str,
        imageDigest: str,
        imageTag: str = "",
    ) -> None:
        with self._call("PutImage"):
            assert imageDigest == digest_of(imageManifest.encode())
            manifest = json.loads(imageManifest)
            blobs = [*manifest.get("layers", []), *filter(None, [manifest.get("config")])]
            assert {b["digest"] for b in blobs} <= self.layers[repositoryName].keys()
            children = {child["digest"] for child in manifest.get("manifests", [])}
            assert children <= self.manifests[repositoryName].keys()
            holder = self.tags[repositoryName].get(imageTag)
            if holder == imageDigest:
                raise ImageAlreadyExistsError
            if holder and imageTag != "live":
                raise TagAlreadyExistsError(imageTag)
            self.push(repositoryName, imageManifest, imageManifestMediaType, imageTag)
