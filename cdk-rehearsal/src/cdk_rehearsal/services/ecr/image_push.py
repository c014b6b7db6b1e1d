"""Pushes small images through ECR's own API, with the calls that docker makes for large ones.

The layers of an image in a container engine do not go through the registry. The manifest names the
engine's image, and ECS tasks run that one.
"""

import hashlib
import json
from typing import Any

ENGINE_IMAGE = "local-aws.engine-image"
"""The annotation of a manifest with the container engine's id of the image."""

STANDS_IN = "local-aws.stands-in"
"""The annotation of a manifest whose image is a stand-in for one that the engine does not have."""

MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"
_CONFIG_TYPE = "application/vnd.oci.image.config.v1+json"
_LAYER_TYPE = "application/vnd.oci.image.layer.v1.tar+gzip"


def push_image(
    ecr: Any,
    repository: str,
    tag: str,
    content: str,
    *,
    engine_image: str | None = None,
    stands_in: bool = False,
) -> str:
    """Push an image with one layer and a configuration made of the text; return its digest.

    Raises ``ClientError``, for example for an immutable tag that exists.
    """
    manifest: dict[str, Any] = {
        "schemaVersion": 2,
        "mediaType": MANIFEST_TYPE,
        "config": _blob(ecr, repository, _CONFIG_TYPE, f"config of {content}"),
        "layers": [_blob(ecr, repository, _LAYER_TYPE, f"layer of {content}")],
    }
    if engine_image:
        manifest["annotations"] = {ENGINE_IMAGE: engine_image}
        manifest["annotations"] |= {STANDS_IN: "true"} if stands_in else {}
    put = ecr.put_image(
        repositoryName=repository,
        imageTag=tag,
        imageManifest=json.dumps(manifest, sort_keys=True),
        imageManifestMediaType=MANIFEST_TYPE,
    )
    return str(put["image"]["imageId"]["imageDigest"])


def _blob(ecr: Any, repository: str, media_type: str, content: str) -> dict[str, Any]:
    data = content.encode()
    digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
    checked = ecr.batch_check_layer_availability(repositoryName=repository, layerDigests=[digest])
    if checked["layers"][0]["layerAvailability"] != "AVAILABLE":
        upload = ecr.initiate_layer_upload(repositoryName=repository)["uploadId"]
        ecr.upload_layer_part(
            repositoryName=repository,
            uploadId=upload,
            partFirstByte=0,
            partLastByte=len(data) - 1,
            layerPartBlob=data,
        )
        ecr.complete_layer_upload(repositoryName=repository, uploadId=upload, layerDigests=[digest])
    return {"mediaType": media_type, "size": len(data), "digest": digest}
