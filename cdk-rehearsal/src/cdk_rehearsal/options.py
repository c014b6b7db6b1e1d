"""What a `LocalAws` is started with: the delays of AWS that it keeps, and a container engine."""

import json
import os
from dataclasses import asdict, dataclass
from typing import Self

ENGINE_VARIABLE = "LOCAL_AWS_ENGINE"
"""Describes the container engine to the emulator's process; without it no engine is touched."""


@dataclass(frozen=True, kw_only=True)
class Delays:
    """How long AWS takes for some operations, in seconds. The defaults are those AWS documents.

    ``custom_health``: Cloud Map waits this long before it acts on a new custom health status. The
    same status sent again does not restart the wait; a different status replaces the first one.
    https://docs.aws.amazon.com/cloud-map/latest/api/API_HealthCheckCustomConfig.html

    ``records``: Route 53 generally takes at most this long until all its name servers know a
    change. The local AWS has no name servers; the name server of a rehearsal waits this long.
    https://docs.aws.amazon.com/Route53/latest/APIReference/API_ChangeResourceRecordSets.html
    """

    custom_health: float = 30.0
    records: float = 60.0


NO_DELAYS = Delays(custom_health=0.0, records=0.0)
"""For tests and demonstrations. Their output says that they do not wait."""


@dataclass(frozen=True, kw_only=True)
class EngineAccess:
    """What the emulator needs to run ECS tasks as containers.

    ``docker_host`` is the address of the engine's Docker API. Every container joins ``network``,
    uses ``resolver`` as its name server and carries ``labels``, by which the caller removes it.
    The emulator never pulls an image. When a template copies an image into ECR and the engine does
    not have it, the emulator runs the image ``instead``. Then it counts the health check of the
    task as passed, and runs the container as root so that it can listen on any port.
    """

    docker_host: str
    network: str
    resolver: str
    labels: dict[str, str]
    instead: str = ""

    def as_variable(self) -> dict[str, str]:
        """Return the environment variable that `from_environment` reads."""
        return {ENGINE_VARIABLE: json.dumps(asdict(self))}

    @classmethod
    def from_environment(cls) -> Self:
        """Return the access of `as_variable`."""
        return cls(**json.loads(os.environ[ENGINE_VARIABLE]))

    @staticmethod
    def is_configured() -> bool:
        """Tell, in the emulator's process, whether tasks run as containers."""
        return ENGINE_VARIABLE in os.environ
