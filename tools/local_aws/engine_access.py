"""Access to the container engine that runs the tasks of a local AWS, handed to its process."""

import json
import os
from dataclasses import asdict, dataclass
from typing import Self

VARIABLE = "LOCAL_AWS_ENGINE"
"""The environment variable of the emulator's process; without it no engine is ever touched."""


@dataclass(frozen=True, kw_only=True)
class EngineAccess:
    """What the emulator needs to run tasks as containers.

    ``docker_host`` is where the engine's Docker API answers. Every container is put in
    ``network``, asks ``resolver`` for names and carries ``labels``: whoever made the network
    removes what has them. ``instead`` is the image that is run for one that is copied into ECR and
    that the engine does not have, since nothing is ever pulled. A health check is about the other
    image and counts as passed here; nor is it asked whether its user may listen on any port.
    """

    docker_host: str
    network: str
    resolver: str
    labels: dict[str, str]
    instead: str = ""

    def as_variable(self) -> dict[str, str]:
        """Return the environment variable that `from_environment` reads."""
        return {VARIABLE: json.dumps(asdict(self))}

    @classmethod
    def from_environment(cls) -> Self:
        return cls(**json.loads(os.environ[VARIABLE]))

    @staticmethod
    def is_configured() -> bool:
        """Tell, in the emulator's process, whether tasks run as containers."""
        return VARIABLE in os.environ
