"""What the task definition tells the service, read once from the environment."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

HIGHEST_PORT = 65535
# Outside ECS only: the task definition says how long callers may hold its address.
DEFAULT_DRAIN_SECONDS = "15"


@dataclass(frozen=True, kw_only=True)
class Configuration:
    """Typed settings of one task."""

    port: int
    drain_seconds: float
    service: str
    revision: str
    metadata_uri: str

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Configuration:
        """Read the settings; a malformed one raises a ValueError that names it."""
        return cls(
            port=_port(environment.get("SERVICE_PORT", "3000")),
            drain_seconds=_seconds(environment.get("DRAIN_SECONDS", DEFAULT_DRAIN_SECONDS)),
            service=environment.get("SERVICE_NAME", ""),
            revision=environment.get("REVISION") or "unknown",
            metadata_uri=environment.get("ECS_CONTAINER_METADATA_URI_V4", ""),
        )


def _port(text: str) -> int:
    """Read a port; 0 lets the system choose a free one (tests use that)."""
    if text.isdecimal() and int(text) <= HIGHEST_PORT:
        return int(text)
    raise ValueError(
        f"SERVICE_PORT={text!r} is not a port: expected a number from 0 to {HIGHEST_PORT}"
    )


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if math.isfinite(seconds) and seconds >= 0:
        return seconds
    raise ValueError(f"DRAIN_SECONDS={text!r} is not a time: expected seconds, zero or more")
