"""Which image of the engine a task runs: the one whose configuration the manifest in ECR names.

The local ECR holds manifests but no layers. A manifest names its image's configuration by digest,
and that is the id under which the engine knows the image that was built.
"""

import json
from typing import Any

from docker.errors import ImageNotFound
from ministack.services import ecs

from rehearsal.local_aws.engine_client import client
from rehearsal.local_aws.image_registry import find_image
from rehearsal.local_aws.image_resolution import ImageMissingError, digest_of, digests_of

Task = dict[str, Any]
Definition = dict[str, Any]


def prepare_service_images(task: Task, definition: Definition, _client: Any) -> Any:
    """Resolve the tags once per deployment; MiniStack would ask a registry."""
    cluster = ecs._cluster_name_from_arn(task["clusterArn"])
    service = ecs._services.get(f"{cluster}/{task['group'].partition(':')[2]}")
    deployment = ecs._deployment_for_task(service, task) if service else None
    try:
        digests_of(definition, deployment)
    except ImageMissingError as error:
        raise ecs._ImagePullError(str(error).partition(": ")[2]) from error
    return deployment


def engine_image(image: str) -> str:
    """Return the engine's id of an image in ECR; nothing is ever pulled."""
    repository = image.partition("/")[2].partition("@")[0].partition(":")[0]
    try:
        digest = digest_of(image)
    except ImageMissingError as error:
        raise ecs._ImagePullError(str(error).partition(": ")[2]) from error
    record = find_image(repository, digest=digest) if digest else None
    if record is None:
        raise ecs._ImagePullError(f"{image}: not an image of this account's ECR")
    identity = str(json.loads(record["imageManifest"])["config"]["digest"])
    if engine_id(identity) is None:
        raise ecs._ImagePullError(f"{image}: the container engine has no image {identity}")
    return identity


def engine_id(image: str) -> str | None:
    """Return the id of an image that the engine has under this name or id."""
    try:
        identity = str(client().images.get(image).id)
    except ImageNotFound:
        return None
    return f"sha256:{identity.removeprefix('sha256:')}"


def install() -> None:
    ecs._prepare_service_images = prepare_service_images
