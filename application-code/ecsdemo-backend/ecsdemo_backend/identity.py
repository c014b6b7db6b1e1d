"""Who answers: the service, its revision, and the task and zone that ECS runs it in."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from typing import Any
from urllib.request import urlopen

from ecsdemo_backend.configuration import Configuration

TIMEOUT_SECONDS = 2.0

_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Identity:
    """What `/` reports; zone and task are unknown outside ECS."""

    service: str
    revision: str
    zone: str | None = None
    task: str | None = None

    @classmethod
    def discover(cls, configuration: Configuration) -> Identity:
        """Ask ECS once; without an answer the service runs all the same."""
        metadata = _task_metadata(configuration.metadata_uri)
        return cls(
            service=configuration.service or metadata.get("ServiceName") or "ecsdemo-backend",
            revision=configuration.revision,
            zone=metadata.get("AvailabilityZone"),
            task=metadata["TaskARN"].rpartition("/")[2] if "TaskARN" in metadata else None,
        )


def _task_metadata(uri: str) -> dict[str, Any]:
    """Ask the task metadata endpoint, version 4, which each container of a task is given."""
    if not uri:
        return {}
    try:
        with urlopen(f"{uri}/task", timeout=TIMEOUT_SECONDS) as answer:  # noqa: S310 - ECS gave it
            metadata: dict[str, Any] = json.load(answer)
    except (OSError, ValueError) as error:
        _log.warning("no task metadata: %s", error)
        return {}
    return metadata
