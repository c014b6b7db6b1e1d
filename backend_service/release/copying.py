"""Copies an image from one ECR repository into another, layer by layer."""

import contextlib
import json
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any

from .action import ActionError, Clock, Service
from .images import Manifest, digest_of, find_image, put_image, repository_name

_LAYERS_PER_CALL = 100  # of BatchCheckLayerAvailability
_DOWNLOAD_SECONDS = 30

Download = Callable[[str], contextlib.AbstractContextManager[Any]]


class Copy:
    """Copies images from the builds into the service's repository, by digest.

    ``layers`` is the number of copied layers, ``current`` describes the one that it began last.
    Raises OutOfTimeError when ``clock`` does; another copy then continues the work.
    """

    def __init__(self, ecr: Any, service: Service, clock: Clock, download: Download) -> None:
        self.layers = 0
        self.current = "the image"
        self._ecr = ecr
        self._service = service
        self._clock = clock
        self._download = download
        self._source = repository_name(service.builds)
        self._target = repository_name(service.repository)

    def release(self, tag: str, digest: str) -> None:
        """Copy the image of the build into the repository, under the same tag."""
        # An old build has left the repository of the builds, but its release is still here.
        if self._find(self._target, self._service.repository, tag, digest):
            return
        # After an image has expired, a build can push another one under its tag: _find compares
        # the digest with the approved one.
        built = self._find(self._source, self._service.builds, tag, digest)
        if built is None:
            raise ActionError(f"there is no image {self._service.builds}:{tag}")
        self._copy(built, tag)

    def _find(self, repository: str, uri: str, tag: str, digest: str) -> Manifest | None:
        found = find_image(self._ecr, repository, imageTag=tag)
        if found and digest_of(found) != digest:
            raise ActionError(f"{uri}:{tag} is {digest_of(found)}, and the build exported {digest}")
        return found

    def _copy(self, image: Manifest, tag: str = "") -> None:
        self._clock.require()
        manifest = json.loads(image["imageManifest"])
        for child in manifest.get("manifests", ()):
            found = find_image(self._ecr, self._source, imageDigest=child["digest"])
            if found is None:
                raise ActionError(f"{digest_of(image)} lacks {child['digest']}, which it names")
            self._copy(found)
        blobs = [*manifest.get("layers", ()), *filter(None, [manifest.get("config")])]
        sizes = {blob["digest"]: blob.get("size") for blob in blobs}
        for digest in self._missing(list(sizes)):
            self.current = f"{digest}, which has {sizes[digest]} bytes"
            self._copy_layer(digest)
        put_image(self._ecr, self._target, image, tag)

    def _missing(self, digests: list[str]) -> Iterator[str]:
        for start in range(0, len(digests), _LAYERS_PER_CALL):
            some = digests[start : start + _LAYERS_PER_CALL]
            checked = self._ecr.batch_check_layer_availability(
                repositoryName=self._target, layerDigests=some
            )
            there = {
                layer["layerDigest"]
                for layer in checked["layers"]
                if layer["layerAvailability"] == "AVAILABLE"
            }
            yield from (digest for digest in some if digest not in there)

    def _copy_layer(self, digest: str) -> None:
        self._clock.require()
        url = self._ecr.get_download_url_for_layer(repositoryName=self._source, layerDigest=digest)[
            "downloadUrl"
        ]
        upload = self._ecr.initiate_layer_upload(repositoryName=self._target)
        first = 0
        with self._download(url) as layer:
            while part := layer.read(upload["partSize"]):
                self._clock.require()
                self._ecr.upload_layer_part(
                    repositoryName=self._target,
                    uploadId=upload["uploadId"],
                    partFirstByte=first,
                    partLastByte=first + len(part) - 1,
                    layerPartBlob=part,
                )
                first += len(part)
        # ECR compares the digest with the data. Another attempt may have completed the layer first.
        with contextlib.suppress(self._ecr.exceptions.LayerAlreadyExistsException):
            self._ecr.complete_layer_upload(
                repositoryName=self._target, uploadId=upload["uploadId"], layerDigests=[digest]
            )
        self.layers += 1


def download_from(url: str) -> contextlib.AbstractContextManager[Any]:
    """Open the address of a layer."""
    # The address comes from ECR, which has signed it.
    response: contextlib.AbstractContextManager[Any] = urllib.request.urlopen(  # noqa: S310
        url, timeout=_DOWNLOAD_SECONDS
    )
    return response
