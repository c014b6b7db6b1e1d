"""The container engine that runs the tasks of ECS, as the process of the emulator reaches it."""

from functools import cache
from typing import Any

from cdk_rehearsal.options import EngineAccess

_RESPONSE_SECONDS = 600


@cache
def access() -> EngineAccess:
    return EngineAccess.from_environment()


@cache
def client(response_seconds: int = _RESPONSE_SECONDS) -> Any:
    """Return a client of the engine's API that waits this long for a response."""
    import docker  # only with an engine

    return docker.DockerClient(base_url=access().docker_host, timeout=response_seconds)


def image_id(image: str) -> str | None:
    """Return the id of the engine's image with this name or id; None if there is none."""
    from docker.errors import ImageNotFound

    try:
        identity = str(client().images.get(image).id)
    except ImageNotFound:
        return None
    return f"sha256:{identity.removeprefix('sha256:')}"
