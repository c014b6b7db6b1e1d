"""``docker push``: into the ECR of the local AWS, which has an API but no registry to push to."""

import json

import boto3
from botocore.exceptions import ClientError

from tools.rehearsal.pipeline.docker_stand_in.refusal import RefusalError
from tools.rehearsal.pipeline.docker_stand_in.state import State

_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
_CONFIG = "application/vnd.oci.image.config.v1+json"


def push(state: State, image: str) -> None:
    """Put a manifest that names the image's configuration; ECR refuses a tag that is taken."""
    name, _, tag = image.partition(":")
    host, _, repository = name.partition("/")
    if host not in state.known("logins"):
        raise RefusalError(f"no basic auth credentials for {host}")
    images = state.known("images")
    if image not in images:
        raise RefusalError(f"an image does not exist locally with the tag: {image}")
    config = {"mediaType": _CONFIG, "digest": images[image], "size": 0}
    manifest = {"schemaVersion": 2, "mediaType": _MANIFEST, "config": config, "layers": []}
    try:
        pushed = boto3.client("ecr").put_image(
            repositoryName=repository,
            imageTag=tag or "latest",
            imageManifest=json.dumps(manifest),
            imageManifestMediaType=_MANIFEST,
        )
    except ClientError as error:
        raise RefusalError(str(error)) from error
    print(f"{tag}: digest: {pushed['image']['imageId']['imageDigest']}")
