"""Copy one layer of 3 GB: ``python -m tools.rehearsal.large_layer``.

The function that releases copies it from a server on this machine, which cuts connections, refuses
requests and is slow at times, into an ECR of this script, which compares the digest as ECR does.
No disk and no AWS is needed. It prints the time, the calls of the function, and the most memory.
"""

# The methods have the names and the arguments of boto3 and of the library's server.
# ruff: noqa: D102

from tools.command_line import run

import argparse
import hashlib
import io
import json
import resource
import threading
import time
import zipfile
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace
from typing import Any

from backend_service.release.action import Clock, Service
from backend_service.release.releasing import release
from cdk_rehearsal import expect, expect_true

_GIB = 1024**3
_PART = 10 * 1024 * 1024
_BLOCK = bytes(range(256)) * 4096  # 1 MiB, of which the layer consists
_REGISTRY = "111122223333.dkr.ecr.eu-west-1.amazonaws.com"
SERVICE = Service(
    repository=f"{_REGISTRY}/shop",
    builds=f"{_REGISTRY}/shop/builds",
    live_tag="live",
    cluster="cluster",
    name="web",
    container="web",
    definitions_file="images.json",
    alarms="",
    log_group="",
    pipeline="",
    topic="",
)
_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
_MOST_MIB = 200
"""The most memory that the copy may need beyond that of this process before it begins."""


class Refused(Exception):  # noqa: N818 - it stands for three exceptions of boto3
    """An upload or a digest that ECR does not accept."""

    def __init__(self, received: int = 0) -> None:
        super().__init__(f"{received} bytes are there")
        self.response = {"lastValidByteReceived": received - 1}


class Server(ThreadingHTTPServer):
    """Says nothing about a client that has closed its connection."""

    def handle_error(self, *_: Any) -> None:
        pass


class Registry(BaseHTTPRequestHandler):
    """Sends ranges of the layer; every seventh request fails in one of three ways."""

    requests = 0

    def do_GET(self) -> None:
        first, last = map(int, self.headers["Range"].removeprefix("bytes=").split("-"))
        Registry.requests += 1
        fault = {0: "cut", 7: "busy", 14: "slow"}.get(Registry.requests % 21, "")
        if fault == "busy":
            self.send_error(HTTPStatus.TOO_MANY_REQUESTS)
            return
        if fault == "slow":
            time.sleep(0.2)
        self.send_response(HTTPStatus.PARTIAL_CONTENT)
        self.send_header("Content-Length", str(last - first + 1))
        self.end_headers()
        end = (first + last) // 2 if fault == "cut" else last + 1
        for start in range(first, end, len(_BLOCK)):
            offset = start % len(_BLOCK)
            piece = (_BLOCK[offset:] + _BLOCK[:offset])[: end - start]
            self.wfile.write(piece)

    def log_message(self, *_: Any) -> None:
        """Print nothing."""


class Ecr:
    """Keeps the digest of what it receives, and not the bytes; forgets one upload on the way."""

    exceptions = SimpleNamespace(
        ImageAlreadyExistsException=type("ImageAlreadyExists", (Exception,), {}),
        LayerAlreadyExistsException=type("LayerAlreadyExists", (Exception,), {}),
        UploadNotFoundException=type("UploadNotFound", (Exception,), {}),
        InvalidLayerException=type("InvalidLayer", (Exception,), {}),
        InvalidLayerPartException=type("InvalidLayerPart", (Refused,), {}),
    )

    def __init__(self, address: str, digest: str, size: int) -> None:
        layer = {"digest": digest, "size": size}
        self.manifest = json.dumps({"layers": [layer]})
        self.image = f"sha256:{hashlib.sha256(self.manifest.encode()).hexdigest()}"
        self.layers: set[str] = set()
        self.tags: dict[str, str] = {}
        self.begun = 0
        self._address = address
        self._forgets_at = size // 10
        self._received, self._digest = 0, hashlib.sha256()

    def batch_get_image(self, **request: Any) -> dict[str, Any]:
        if request["repositoryName"] == "shop":
            return {"images": [], "failures": [{"failureCode": "ImageNotFound"}]}
        image = {"imageId": {"imageDigest": self.image}, "imageManifest": self.manifest}
        return {"images": [image | {"imageManifestMediaType": _MANIFEST}]}

    def batch_check_layer_availability(self, **request: Any) -> dict[str, Any]:
        return {
            "layers": [
                {
                    "layerDigest": digest,
                    "layerAvailability": "AVAILABLE" if digest in self.layers else "UNAVAILABLE",
                }
                for digest in request["layerDigests"]
            ]
        }

    def get_download_url_for_layer(self, **_: Any) -> dict[str, str]:
        return {"downloadUrl": f"http://{self._address}/layer"}

    def initiate_layer_upload(self, **_: Any) -> dict[str, Any]:
        self.begun += 1
        self._received, self._digest = 0, hashlib.sha256()
        return {"uploadId": str(self.begun), "partSize": _PART}

    def upload_layer_part(self, **request: Any) -> None:
        if request["uploadId"] != str(self.begun):
            raise self.exceptions.UploadNotFoundException
        if self._forgets_at and self._received > self._forgets_at:
            self._forgets_at = 0
            raise self.exceptions.UploadNotFoundException
        if request["partFirstByte"] != self._received:
            raise self.exceptions.InvalidLayerPartException(self._received)
        self._received += len(request["layerPartBlob"])
        self._digest.update(request["layerPartBlob"])

    def complete_layer_upload(self, **request: Any) -> None:
        if request["layerDigests"] != [f"sha256:{self._digest.hexdigest()}"]:
            raise self.exceptions.InvalidLayerException
        self.layers.update(request["layerDigests"])

    def put_image(self, **request: Any) -> None:
        expect("the layers", self.layers, {json.loads(self.manifest)["layers"][0]["digest"]})
        self.tags[request["imageTag"]] = request["imageDigest"]


def main() -> None:
    """Copy the layer, and print what was seen."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.rehearsal.large_layer", description=__doc__
    )
    parser.add_argument("--gib", type=int, default=3, help="the size of the layer (default: 3)")
    parser.add_argument("--seconds", type=float, default=15, help="of one call of the function")
    given = parser.parse_args()
    size = given.gib * _GIB
    digest = hashlib.sha256()
    for _ in range(size // len(_BLOCK)):
        digest.update(_BLOCK)
    with Server(("127.0.0.1", 0), Registry) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"127.0.0.1:{server.server_port}"
        ecr = Ecr(address, f"sha256:{digest.hexdigest()}", size)
        before, began = _most_memory(), time.monotonic()
        calls = _release(ecr, given.seconds)
        seconds, memory = time.monotonic() - began, (_most_memory() - before) >> 20
        server.shutdown()
    expect("the image under its tag", ecr.tags, {"1": ecr.image})
    expect_true(f"the copy has needed {memory} MiB", holds=memory < _MOST_MIB)
    print(
        f"{given.gib} GiB in one layer: {seconds:.0f} s, {calls} calls of the function, "
        f"{memory} MiB more memory than before\n"
        f"{Registry.requests} requests, every seventh of which was cut, refused "
        f"or slow; {ecr.begun} uploads, because ECR forgot the first; the digest was right"
    )


def _release(ecr: Ecr, seconds: float) -> int:
    """Call the function, with little time for each call, until it has copied the image."""
    written: list[bytes] = []
    alarms = SimpleNamespace(describe_alarms=lambda **_: {"MetricAlarms": []})
    token, calls = "{}", 0
    while token:
        end = time.monotonic() + 45 + seconds
        calls += 1
        outcome = release(
            f"{SERVICE.builds}:1@{ecr.image}",
            SERVICE,
            client=lambda service, **_: {"ecr": ecr, "cloudwatch": alarms}[service],
            put=written.append,
            clock=_clock(end),
            unfinished=json.loads(token),
        )
        token = outcome.token
        print(f"call {calls}: {outcome.summary}")
    with zipfile.ZipFile(io.BytesIO(*written)) as archive:
        expect("the files for the rollout", archive.namelist(), ["images.json"])
    return calls


def _clock(end: float) -> Clock:
    remaining: Callable[[], float] = lambda: end - time.monotonic()  # noqa: E731
    return Clock(sleep=lambda seconds: time.sleep(seconds / 10), remaining=remaining)


def _most_memory() -> int:
    """Return the most memory that this process has had, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


if __name__ == "__main__":
    run(main, stopped="Stopped.")
