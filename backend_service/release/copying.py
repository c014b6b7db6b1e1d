"""Copies images into an ECR repository, layer by layer, and each layer part by part."""

import contextlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from .action import ActionError, Clock
from .images import Manifest, digest_of, put_image
from .sources import Source, read_part

_LAYERS_PER_CALL = 100  # of BatchCheckLayerAvailability


@dataclass
class Copy:
    """Copies images into ``repository``, by digest, without the layers that it has already.

    ``layers`` is the number of finished layers, ``current`` describes the one in transfer. Raises
    OutOfTimeError when ``clock`` does; another copy, which gets ``unfinished``, then continues. It
    names ECR's upload of that layer, and needs no state of a digest: only ECR compares the digest,
    when it has all bytes.
    """

    ecr: Any
    repository: str
    source: Source
    clock: Clock
    unfinished: dict[str, Any] = field(default_factory=dict)
    layers: int = 0
    current: str = "the image"

    def image(self, image: Manifest, tag: str = "") -> None:
        """Copy an image, or an index with its images, and tag it if there is a tag."""
        self.clock.require()
        manifest = json.loads(image["imageManifest"])
        for child in manifest.get("manifests", ()):
            found = self.source.find(child["digest"])
            if found is None:
                raise ActionError(f"{digest_of(image)} lacks {child['digest']}, which it names")
            self.image(found)
        blobs = [*manifest.get("layers", ()), *filter(None, [manifest.get("config")])]
        sizes = {blob["digest"]: int(blob["size"]) for blob in blobs}
        for digest in self._missing(list(sizes)):
            self.current = f"{digest}, which has {sizes[digest]} bytes"
            self._copy_layer(digest, sizes[digest])
        put_image(self.ecr, self.repository, image, tag)

    def _missing(self, digests: list[str]) -> Iterator[str]:
        for start in range(0, len(digests), _LAYERS_PER_CALL):
            some = digests[start : start + _LAYERS_PER_CALL]
            checked = self.ecr.batch_check_layer_availability(
                repositoryName=self.repository, layerDigests=some
            )
            there = {
                layer["layerDigest"]
                for layer in checked["layers"]
                if layer["layerAvailability"] == "AVAILABLE"
            }
            yield from (digest for digest in some if digest not in there)

    def _copy_layer(self, digest: str, size: int) -> None:
        known = self.ecr.exceptions
        refusals = (
            known.UploadNotFoundException,
            known.InvalidLayerPartException,
            known.InvalidLayerException,
        )
        for is_last in (False, False, True):
            if self.unfinished.get("layer") != digest:
                begun = self.ecr.initiate_layer_upload(repositoryName=self.repository)
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
        self.clock.require()
        wanted = min(self.unfinished["part"], size - sent)
        part = read_part(self.source, digest, sent, wanted, self.clock)
        self.clock.require()
        try:
            self.ecr.upload_layer_part(
                repositoryName=self.repository,
                uploadId=self.unfinished["upload"],
                partFirstByte=sent,
                partLastByte=sent + len(part) - 1,
                layerPartBlob=part,
            )
            self.unfinished["sent"] = sent + len(part)
        except self.ecr.exceptions.InvalidLayerPartException as error:
            # The answer to an earlier call was lost, or another attempt has sent more.
            self.unfinished["sent"] = error.response.get("lastValidByteReceived", sent - 1) + 1
            if self.unfinished["sent"] == sent:
                raise

    def _complete(self, digest: str) -> None:
        # ECR compares the digest with the data. Another attempt may have completed the layer first.
        with contextlib.suppress(self.ecr.exceptions.LayerAlreadyExistsException):
            self.ecr.complete_layer_upload(
                repositoryName=self.repository,
                uploadId=self.unfinished["upload"],
                layerDigests=[digest],
            )
