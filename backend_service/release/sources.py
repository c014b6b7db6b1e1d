"""Where images come from: a repository in ECR, or another registry.

Both give manifests in the form of ECR, and layers in parts. What failed because of the network or
the server is repeated, after longer and longer pauses.
"""

import http.client
import json
import re
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from .action import ActionError, Clock
from .images import MEDIA_TYPES, Manifest, digest_of, find_image, manifest_of, place_of

SILENT_SECONDS = 30
"""A connection that sends nothing for so long is given up."""

WAITS = (1, 2, 4, 8, 16, 30)
"""Seconds before each repetition: a minute for a registry that refuses a burst of requests."""

_PIECE = 1024 * 1024
_TOO_SOON = (HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS)

Send = Callable[[urllib.request.Request], Any]


def send(request: urllib.request.Request) -> Any:
    """Send a request to an address of ECR, CloudFormation or a registry; return the response."""
    return urllib.request.urlopen(request, timeout=SILENT_SECONDS)  # noqa: S310


def repeated(what: str, action: Callable[[], Any], clock: Clock) -> Any:
    """Return what the action returns; repeat it if its failure may pass, else raise ActionError."""
    for wait in (*WAITS, None):
        try:
            return action()
        except (OSError, http.client.HTTPException) as error:
            status = getattr(error, "code", HTTPStatus.INTERNAL_SERVER_ERROR)
            may_pass = status >= HTTPStatus.INTERNAL_SERVER_ERROR or status in _TOO_SOON
            if wait is None or not may_pass:
                raise ActionError(f"{what}: {error}") from error
            clock.pause(wait)
    raise AssertionError


class EcrSource:
    """The images of the ECR repository with the URI, in any account and region."""

    def __init__(self, uri: str, client: Callable[..., Any], send: Send) -> None:
        self._ecr = client("ecr", region_name=uri.split(".")[3])
        self._uri = uri
        self._send = send

    def find(self, reference: str) -> Manifest | None:
        """Return an image by its digest, or None if there is none."""
        return find_image(self._ecr, self._uri, imageDigest=reference)

    def request_part(self, digest: str, bytes_: str) -> Any:
        """Ask ECR for an address, which is valid for a limited time, and send the request there."""
        given = self._ecr.get_download_url_for_layer(**place_of(self._uri), layerDigest=digest)
        url = given["downloadUrl"]
        return self._send(urllib.request.Request(url, headers={"Range": bytes_}))  # noqa: S310


class Registry:
    """The repository of ``image``, which names its registry; ``reference`` is its tag or digest.

    It uses the API of https://github.com/opencontainers/distribution-spec/blob/main/spec.md without
    an account: if the registry wants a token, it asks for one that anybody gets. With ``password``,
    an encoded name and password, it signs in, as the private registries of ECR want it.
    """

    def __init__(self, image: str, clock: Clock, send: Send, password: str = "") -> None:
        self._clock = clock
        self._send = send
        name, _, digest = image.partition("@")
        host, _, path = name.partition("/")
        path, _, tag = path.partition(":")
        self.reference = digest or tag or "latest"
        self._url = f"https://{host}/v2/{path}"
        self._authorization = f"Basic {password}" if password else ""

    def find(self, reference: str) -> Manifest:
        """Return an image by its digest or tag."""

        def read() -> tuple[str, bytes]:
            with self._get(f"manifests/{reference}", Accept=", ".join(MEDIA_TYPES)) as response:
                return response.headers["Content-Type"], response.read()

        media_type, content = repeated(f"{self._url} {reference}", read, self._clock)
        image = manifest_of(content, media_type)
        if ":" in reference and reference != digest_of(image):
            raise ActionError(f"{self._url} gives {digest_of(image)} for {reference}")
        return image

    def request_part(self, digest: str, bytes_: str) -> Any:
        """Send the request to the registry, which may redirect it to a bucket."""
        return self._get(f"blobs/{digest}", Range=bytes_)

    def _get(self, path: str, **headers: str) -> Any:
        request = urllib.request.Request(f"{self._url}/{path}", headers=headers)  # noqa: S310
        try:
            return self._authorized(request)
        except urllib.error.HTTPError as error:
            # A token is valid for some minutes only.
            wanted = error.headers.get("WWW-Authenticate", "")
            if error.code != HTTPStatus.UNAUTHORIZED or not wanted.startswith("Bearer "):
                raise
            self._authorization = f"Bearer {self._token(wanted)}"
        return self._authorized(request)

    def _authorized(self, request: urllib.request.Request) -> Any:
        if self._authorization:
            # Not for another host that the registry redirects to.
            request.add_unredirected_header("Authorization", self._authorization)
        return self._send(request)

    def _token(self, wanted: str) -> str:
        """Return a token from the place that the registry's ``WWW-Authenticate`` names.

        https://distribution.github.io/distribution/spec/auth/token/
        """
        fields = dict(re.findall(r'(\w+)="([^"]*)"', wanted))
        realm = fields.pop("realm", "")
        if not realm.startswith("https://"):
            raise ActionError(f"{self._url} wants a token from {realm!r}, which is not https")
        url = f"{realm}?{urllib.parse.urlencode(fields)}"
        with self._send(urllib.request.Request(url)) as response:  # noqa: S310
            given = json.load(response)
        return str(given.get("token") or given["access_token"])


Source = EcrSource | Registry


def read_part(source: Source, digest: str, first: int, length: int, clock: Clock) -> bytes:
    """Return ``length`` bytes of a layer from ``first`` on."""

    def read() -> bytes:
        data = bytearray()
        with source.request_part(digest, f"bytes={first}-{first + length - 1}") as response:
            # Who ignores the range sends the whole layer.
            if first and response.status != HTTPStatus.PARTIAL_CONTENT:
                raise ActionError(f"{digest}: the registry does not send parts of a layer")
            while piece := response.read(min(_PIECE, length - len(data))):
                data += piece
                clock.require()
        if len(data) < length:  # read() says nothing when a connection was cut
            raise http.client.IncompleteRead(b"", length - len(data))
        return bytes(data)

    return bytes(repeated(digest, read, clock))
