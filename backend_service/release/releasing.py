"""Release: copies the image of a delivery, and passes it on by its digest."""

import io
import json
import re
import zipfile
from collections.abc import Callable, Mapping
from typing import Any

from .action import ActionError, Clock, Outcome, OutOfTimeError, Service, alarms_on, quoted
from .copying import Copy
from .images import DIGEST, TAG, digest_of, find_image, repository_name
from .sources import EcrSource, Send, send


def release(
    built: str,
    service: Service,
    *,
    client: Callable[..., Any],
    put: Callable[[bytes], None],
    clock: Clock,
    unfinished: Mapping[str, Any],
    send: Send = send,
) -> Outcome:
    """Copy the image that the build has exported, or Receive has; pass it on by its digest.

    ``put`` writes the artifact for the rollout. ``unfinished`` is what the call before this one has
    returned in its token.
    """
    ecr = client("ecr")
    tag, digest = tag_and_digest(built, service)
    found = find_image(ecr, service.repository, imageTag=tag)
    if found and digest_of(found) != digest:
        raise ActionError(f"{service.repository}:{tag} is {digest_of(found)}, not {digest}")
    # An old build has left the repository of the builds, but its release is still here.
    if not found:
        source = EcrSource(service.builds, client, send)
        # By the digest that was approved: after an image has expired, a build can push another one
        # under its tag.
        built_image = source.find(digest)
        if built_image is None:
            raise ActionError(f"there is no image {built}")
        copy = Copy(ecr, repository_name(service.repository), source, clock, dict(unfinished))
        try:
            copy.image(built_image, tag)
        except OutOfTimeError:
            if not copy.layers and not (
                copy.unfinished.get("sent") and copy.unfinished != unfinished
            ):
                raise ActionError(
                    f"the function's time is not enough for a part of {copy.current}"
                ) from None
            sent = copy.unfinished.get("sent", 0)
            said = f"{copy.layers} more layers of {tag}; ECR has {sent} bytes of {copy.current}"
            return Outcome(said, token=json.dumps(copy.unfinished))
    image = f"{service.repository}@{digest}"
    definitions = json.dumps([{"name": service.container, "imageUri": image}])
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr(service.definitions_file, definitions)
    put(packed.getvalue())
    warning = alarm_warning(client("cloudwatch"), service)
    summary = f"{image} has the tag {tag}. {warning}"
    return Outcome(summary.strip(), variables={"image": image})


def tag_and_digest(built: str, service: Service) -> tuple[str, str]:
    """Return tag and digest of ``built``, which a build has exported or Receive has returned."""
    match = re.fullmatch(rf"{re.escape(service.builds)}:({TAG})@({DIGEST})", built)
    if not match:
        raise ActionError(
            f"{quoted(built)} is no image {service.builds}:<tag>@sha256:<digest>, and no other is "
            "released. If a build has exported it as IMAGE, docs/operations.md says what the "
            "buildspec must export"
        )
    tag, digest = match.groups()
    if tag.lower() == service.live_tag.lower():
        raise ActionError(f"{tag} is no tag for a build: it names the image in service")
    return tag, digest


def alarm_warning(cloudwatch: Any, service: Service) -> str:
    """Return a warning if alarms are on. If the alarms cannot be read, the release continues."""
    try:
        names = sorted(alarm["AlarmName"] for alarm in alarms_on(cloudwatch, service))
    except Exception as error:
        return f"The alarms could not be read ({type(error).__name__})."
    if not names:
        return ""
    return f"Warning: {', '.join(names)} in ALARM, so ECS ignores all alarms during this rollout."
