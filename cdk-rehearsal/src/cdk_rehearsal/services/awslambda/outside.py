"""What functions reach beside the APIs of AWS: the answer to CloudFormation, and registries.

https://github.com/opencontainers/distribution-spec/blob/main/spec.md
https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/crpg-ref-responses.html
"""

import io
import json
import re
import threading
from contextlib import ExitStack
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import IO, Any, Self

from cdk_rehearsal.environment import HOST
from cdk_rehearsal.services.ecr.image_archive import Image, digest_of
from cdk_rehearsal.services.ecr.layers import byte_range
from cdk_rehearsal.services.ecr.upstream import upstream_image

ANSWER_URL = "https://cloudformation.invalid/answer"
_HUB = "registry-1.docker.io"
_PATH = re.compile(r"/v2/(?P<name>.+)/(?P<kind>manifests|blobs)/(?P<reference>[^/]+)")


class Outside:
    """A server for one call of a function; ``address`` is its host and port.

    It answers for every registry: a client without an account is told to fetch a token first, as
    public registries do. ``answer`` is what the function has told CloudFormation.
    """

    def __init__(self) -> None:
        self.answer: dict[str, Any] = {}
        self.address = ""
        self._images: dict[str, Image] = {}
        self._open = ExitStack()
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        server = self._open.enter_context(_Server(self))
        self.address = f"{HOST}:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        self._open.callback(server.shutdown)
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def image(self, name: str, reference: str) -> Image | None:
        """Return the image that a repository has under a tag or a digest, if there is one."""
        with self._lock:
            if name not in self._images:
                separator = "@" if ":" in reference else ":"
                found = upstream_image(f"{name}{separator}{reference}")
                self._images[name] = self._open.enter_context(found)
        image = self._images[name]
        # Every tag exists.
        return image if reference == digest_of(image.content) or ":" not in reference else None

    def blob(self, name: str, digest: str) -> IO[bytes]:
        """Open a layer or a configuration of the image that was asked for before."""
        return self._images[name].open(digest)


class _Server(ThreadingHTTPServer):
    def __init__(self, outside: Outside) -> None:
        self.outside = outside
        super().__init__((HOST, 0), _Handler)


class _Handler(BaseHTTPRequestHandler):
    """Answers by the path; the header has the host that the request is for."""

    server: _Server

    def do_PUT(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.outside.answer = json.loads(body)
        self._send(HTTPStatus.OK, b"")

    def do_GET(self) -> None:
        host, path = self.headers["Host"], self.path.partition("?")[0]
        found = _PATH.fullmatch(path)
        if path == "/token":
            self._send(HTTPStatus.OK, b'{"token": "for-anybody"}')
        elif found is None:
            self._send(HTTPStatus.NOT_FOUND, b"")
        elif "Authorization" not in self.headers:
            realm = f'Bearer realm="https://{host}/token",service="{host}"'
            self._send(HTTPStatus.UNAUTHORIZED, b"", **{"WWW-Authenticate": realm})
        elif found["kind"] == "blobs":
            self._send_blob(_name(host, found["name"]), found["reference"])
        elif image := self.server.outside.image(_name(host, found["name"]), found["reference"]):
            kind = {"Content-Type": image.media_type}
            self._send(HTTPStatus.OK, image.content, **kind)
        else:
            self._send(HTTPStatus.NOT_FOUND, b"")

    def _send_blob(self, name: str, digest: str) -> None:
        with self.server.outside.blob(name, digest) as file:
            size = file.seek(0, io.SEEK_END)
            first, last = byte_range(self.headers.get("Range", ""), size)
            file.seek(first)
            self.send_response(HTTPStatus.PARTIAL_CONTENT)
            self.send_header("Content-Length", str(last - first + 1))
            self.end_headers()
            self.wfile.write(file.read(last - first + 1))

    def _send(self, status: HTTPStatus, body: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in (headers | {"Content-Length": str(len(body))}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Print nothing: the log of the function says what it does."""


def _name(host: str, repository: str) -> str:
    """Return the name by which users write a repository."""
    return repository.removeprefix("library/") if host == _HUB else f"{host}/{repository}"
