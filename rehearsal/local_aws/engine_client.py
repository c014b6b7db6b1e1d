"""The container engine, for the parts that run tasks as containers, and for MiniStack's ECS.

MiniStack looks for an engine in many places and removes containers that it takes for its own. It
is shown this one only where its ECS asks whether tasks run in containers; all calls are ours.
"""

from functools import cache
from typing import Any

import docker
from ministack.services import ecs

from rehearsal.local_aws.engine_access import EngineAccess

_ANSWER_SECONDS = 60


@cache
def access() -> EngineAccess:
    return EngineAccess.from_environment()


@cache
def client(answer_seconds: int = _ANSWER_SECONDS) -> Any:
    """Return a client of the engine's API that waits so long for an answer."""
    return docker.DockerClient(base_url=access().docker_host, timeout=answer_seconds)


def install() -> None:
    ecs._get_docker = client
