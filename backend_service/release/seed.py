"""Seed: the first image of a new repository, for a custom resource of CloudFormation.

An image that has the tag ``live`` stays, whatever CloudFormation asks for. The reasons for this
design are in docs/decisions/01-first-image.md.
"""

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from .action import ActionError, Clock, OutOfTimeError, Service
from .copying import Copy
from .images import Manifest, find_image, repository_name
from .sources import EcrSource, Registry, Send, Source, send

_PRIVATE_ECR = re.compile(r"\d{12}\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.[a-z0-9.-]+/")


def seed(
    event: Mapping[str, Any],
    service: Service,
    *,
    client: Callable[..., Any],
    clock: Clock,
    send: Send = send,
) -> str:
    """Give the repository an image with the live tag, if it has none; return what was done.

    In a new stack that is ``Image``. If the stack had another repository before, it is the image
    that is live in that one. Nothing else is copied. Raises OutOfTimeError if the next attempt has
    less to copy.
    """
    kind, properties = event["RequestType"], event["ResourceProperties"]
    repository = properties["Repository"]
    before = event.get("OldResourceProperties", properties)["Repository"]
    ecr = client("ecr")
    # A repository is emptied by its own deletion.
    if kind == "Delete" or find_image(ecr, repository, imageTag=service.live_tag):
        return f"{repository} stays as it is"
    source: Source
    if kind == "Create":
        name = properties["Image"]
        source = registry = Registry(name, clock, send, _password(name, client))
        image: Manifest | None = _for_linux(registry, name, properties["Architecture"])
    else:
        name = f"{before}:{service.live_tag}"
        source = EcrSource(before, client, send)
        image = find_image(ecr, before, imageTag=service.live_tag) if before != repository else None
    if image is None:
        return f"{name} does not exist, and only a new stack gets the first image"
    copy = Copy(ecr, repository_name(repository), source, clock)
    try:
        copy.image(image, service.live_tag)
    except OutOfTimeError:
        if copy.layers:
            raise
        raise ActionError(f"the function's time is not enough to copy {copy.current}") from None
    return f"{name} is {service.live_tag} in {repository}"


def _password(image: str, client: Callable[..., Any]) -> str:
    """Return name and password for a private registry of ECR, encoded; empty for another one."""
    private = _PRIVATE_ECR.match(image)
    if private is None:
        return ""
    given = client("ecr", region_name=private["region"]).get_authorization_token()
    return str(given["authorizationData"][0]["authorizationToken"])


def _for_linux(registry: Registry, name: str, architecture: str) -> Manifest:
    """Return the image of the registry; of an index only the one that the tasks can run."""
    image = registry.find(registry.reference)
    manifest = json.loads(image["imageManifest"])
    if "manifests" not in manifest:
        return image
    wanted = {"os": "linux", "architecture": architecture}
    for child in manifest["manifests"]:
        if wanted.items() <= child.get("platform", {}).items():
            return registry.find(child["digest"])
    raise ActionError(f"{name} has no image for linux/{architecture}")
