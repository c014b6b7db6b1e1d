"""Custom::CDKECRDeployment: the first image of a repository, without a registry to copy it from.

The manifest is made from the name of the source alone, so one source is one digest, here and in
every run. As the real helper does, an update pushes again and a removal leaves the image.
"""

import hashlib
import json
import os
import re
from typing import Any

from botocore.exceptions import ClientError

from rehearsal.local_aws.engine_access import VARIABLE
from rehearsal.local_aws.resource_types import (
    Created,
    Properties,
    ResourceType,
    own_client,
    register,
)

_DESTINATION = re.compile(
    r"docker://\d{12}\.dkr\.ecr\.[a-z0-9-]+\.amazonaws\.com/(?P<repository>[^:@]+):(?P<tag>[^:@]+)$"
)
_MEDIA_TYPE = "application/vnd.oci.image.manifest.v1+json"


class ImageSeed(ResourceType):
    """An image under a tag, pushed when the resource is created or updated."""

    name = "Custom::CDKECRDeployment"

    def create(self, logical_id: str, properties: Properties, stack: str) -> Created:
        source = properties["SrcImage"]
        destination = _DESTINATION.match(properties["DestImage"])
        if not source.startswith("docker://") or not destination:
            raise ValueError(
                f"{self.name}: the local AWS copies from docker:// to a tag in ECR, not "
                f"{source} to {properties['DestImage']}"
            )
        image = _of_the_engine(source.removeprefix("docker://"))
        put_image(destination["repository"], destination["tag"], manifest_of(source, image))
        return properties["DestImage"], {}

    def update(
        self, physical_id: str, old: Properties, new: Properties, stack: str, logical_id: str
    ) -> Created:
        return self.create(logical_id, new, stack)

    def delete(self, physical_id: str, properties: Properties) -> None:
        """Leave the image, as on AWS; the repository empties itself."""


def _of_the_engine(source: str) -> str | None:
    """Return the id of the source as the container engine has it, if there is one."""
    if VARIABLE not in os.environ:
        return None
    from rehearsal.local_aws.engine_image import engine_id

    return engine_id(source)


def manifest_of(source: str, image: str | None = None) -> str:
    """Make a small OCI manifest whose only layer and configuration are the name of the source.

    With an ``image`` of the engine its configuration is that one's, for tasks to run.
    """

    def blob(media_type: str, content: str) -> dict[str, Any]:
        data = content.encode()
        digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
        return {"mediaType": media_type, "size": len(data), "digest": digest}

    config = blob("application/vnd.oci.image.config.v1+json", f"config of {source}")
    manifest = {
        "schemaVersion": 2,
        "mediaType": _MEDIA_TYPE,
        "config": config | ({"digest": image} if image else {}),
        "layers": [blob("application/vnd.oci.image.layer.v1.tar+gzip", f"layer of {source}")],
    }
    return json.dumps(manifest, sort_keys=True)


def put_image(repository: str, tag: str, manifest: str) -> None:
    """Push the manifest under the tag; pushing what is there already is no error for a registry."""
    try:
        own_client("ecr").put_image(
            repositoryName=repository,
            imageTag=tag,
            imageManifest=manifest,
            imageManifestMediaType=_MEDIA_TYPE,
        )
    except ClientError as error:
        if error.response["Error"]["Code"] != "ImageAlreadyExistsException":
            raise


def install() -> None:
    register(ImageSeed())
