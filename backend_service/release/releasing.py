"""Release: copies the image of a build, and passes it on by its digest."""

import io
import json
import re
import zipfile
from collections.abc import Mapping
from typing import Any

from .action import ActionError, Clock, Outcome, OutOfTimeError, Service, quoted
from .copying import Copy, Download, download_from
from .images import DIGEST, TAG


def release(
    built: str,
    service: Service,
    *,
    s3: Any,
    target: Mapping[str, str],
    ecr: Any,
    cloudwatch: Any,
    clock: Clock,
    download: Download | None = None,
) -> Outcome:
    """Copy the image that the build has exported; pass it on by its digest."""
    tag, digest = tag_and_digest(built, service)
    copy = Copy(ecr, service, clock, download or download_from)
    try:
        copy.release(tag, digest)
    except OutOfTimeError:
        if not copy.layers:
            raise ActionError(
                f"the function's time is not enough to copy {copy.current}; make it smaller"
            ) from None
        # The token needs no content: ECR knows which layers it has.
        return Outcome(f"{copy.layers} layers of {tag} are copied", token=json.dumps({}))
    image = f"{service.repository}@{digest}"
    definitions = json.dumps([{"name": service.container, "imageUri": image}])
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr(service.definitions_file, definitions)
    s3.put_object(**target, Body=packed.getvalue())
    summary = f"{image} is the image of build {tag}. {alarm_warning(cloudwatch, service)}"
    return Outcome(summary.strip(), variables={"image": image})


def tag_and_digest(built: str, service: Service) -> tuple[str, str]:
    """Return tag and digest of the image in ``built``, the text that a build has exported."""
    match = re.fullmatch(rf"{re.escape(service.builds)}:({TAG})@({DIGEST})", built)
    if not match:
        raise ActionError(
            f"the build has exported {quoted(built)} as IMAGE; only an image of this service's "
            f"builds is released, {service.builds}:<tag>@sha256:<digest>. What a buildspec must "
            "export is in docs/operations.md"
        )
    tag, digest = match.groups()
    if tag.lower() == service.live_tag.lower():
        raise ActionError(f"{tag} is no tag for a build: it names the image in service")
    return tag, digest


def alarm_warning(cloudwatch: Any, service: Service) -> str:
    """Return a warning if alarms are on. If the alarms cannot be read, the release continues."""
    try:
        alarms = cloudwatch.describe_alarms(AlarmNames=list(service.alarms), StateValue="ALARM")
    except Exception as error:
        return f"The alarms could not be read ({type(error).__name__})."
    names = sorted(alarm["AlarmName"] for alarm in alarms["MetricAlarms"])
    if not names:
        return ""
    return f"Warning: {', '.join(names)} in ALARM, so ECS ignores all alarms during this rollout."
