"""Copies images into an ECR repository, layer by layer, and each layer part by part."""

import contextlib
import json
from collections.abc import Iterator, Mapping
from typing import Any

from .action import ActionError, Clock
from .images import Manifest, digest_of, put_image
from .sources import Source, read_part

_LAYERS_PER_CALL = 100  # of BatchCheckLayerAvailability


class Copy:
    """Copies images into ``repository``, by digest, without the layers that it has already.

    ``layers`` is the number of finished layers, ``current`` describes the one in transfer. Raises
    OutOfTimeError when ``clock`` does; another copy, which gets ``unfinished``, then continues. It
    names ECR's upload of that layer, and needs no state of a digest: only ECR compares the digest,
    when it has all bytes.
    """

    def __init__(
        self,
        ecr: Any,
        repository: str,
        source: Source,
        clock: Clock,
        unfinished: Mapping[str, Any] | None = None,
    ) -> None:
        self.layers = 0
        self.current = "the image"
        self.unfinished = dict(unfinished or {})
        self._ecr = ecr
        self._repository = repository
        self._source = source
        self._clock = clock

    def image(self, image: Manifest, tag: str = "") -> None:
        """Copy an image, or an index with its images, and tag it if there is a tag."""
        self._clock.require()
        manifest = json.loads(image["imageManifest"])
        for child in manifest.get("manifests", ()):
            found = self._source.find(child["digest"])
            if found is None:
                raise ActionError(f"{digest_of(image)} lacks {child['digest']}, which it names")
            self.image(found)
        blobs = [*manifest.get("layers", ()), *filter(None, [manifest.get("config")])]
        sizes = {blob["digest"]: int(blob["size"]) for blob in blobs}
        for digest in self._missing(list(sizes)):
            self.current = f"{digest}, which has {sizes[digest]} bytes"
            self._copy_layer(digest, sizes[digest])
        put_image(self._ecr, self._repository, image, tag)

    def _missing(self, digests: list[str]) -> Iterator[str]:
        for start in range(0, len(digests), _LAYERS_PER_CALL):
            some = digests[start : start + _LAYERS_PER_CALL]
            checked = self._ecr.batch_check_layer_availability(
                repositoryName=self._repository, layerDigests=some
            )
            there = {
                layer["layerDigest"]
                for layer in checked["layers"]
                if layer["layerAvailability"] == "AVAILABLE"
            }
            yield from (digest for digest in some if digest not in there)

    def _copy_layer(self, digest: str, size: int) -> None:
        known = self._ecr.exceptions
        refusals = (
            known.UploadNotFoundException,
            known.InvalidLayerPartException,
            known.InvalidLayerException,
        )
        for is_last in (False, False, True):
            if self.unfinished.get("layer") != digest:
                begun = self._ecr.initiate_layer_upload(repositoryName=self._repository)
                upload = {"upload": begun["uploadId"], "part": begun["partSize"], "sent": 0}
                self.unfinished = {"layer": digest, **upload}
            try:
                while self.unfinished["sent"] < size:
                    self._send_part(digest, size)
                self._complete(digest)
                break
            except refusals as error:
                if is_last:
                    raise ActionError(f"ECR does not accept {self.current}: {error}") from error
            self.unfinished = {}
        self.unfinished = {}
        self.layers += 1

    def _send_part(self, digest: str, size: int) -> None:
        sent = self.unfinished["sent"]
        self._clock.require()
        wanted = min(self.unfinished["part"], size - sent)
        part = read_part(self._source, digest, sent, wanted, self._clock)
        self._clock.require()
        try:
            self._ecr.upload_layer_part(
                repositoryName=self._repository,
                uploadId=self.unfinished["upload"],
                partFirstByte=sent,
                partLastByte=sent + len(part) - 1,
                layerPartBlob=part,
            )
            self.unfinished["sent"] = sent + len(part)
        except self._ecr.exceptions.InvalidLayerPartException as error:
            # The answer to an earlier call was lost, or another attempt has sent more.
            self.unfinished["sent"] = error.response.get("lastValidByteReceived", sent - 1) + 1
            if self.unfinished["sent"] == sent:
                raise

    def _complete(self, digest: str) -> None:
        # ECR compares the digest with the data. Another attempt may have completed the layer first.
        with contextlib.suppress(self._ecr.exceptions.LayerAlreadyExistsException):
            self._ecr.complete_layer_upload(
                repositoryName=self._repository,
                uploadId=self.unfinished["upload"],
                layerDigests=[digest],
            )
