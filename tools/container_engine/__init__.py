"""Finds docker or podman on this machine, builds images, and removes what it has made.

    engine = find_engine(cache_folder)
    build_image(engine, service_folder, "orders:1", cache_folder, build_args={"REVISION": "1"})

Every function raises `NoEngineError` with the reason if this machine cannot do it.
"""

from tools.container_engine.engine import (
    Engine,
    EngineError,
    NoEngineError,
    docker_host,
    find_engine,
)
from tools.container_engine.image import base_image, build_image, default_base_image
from tools.container_engine.ownership import owned

__all__ = [
    "Engine",
    "EngineError",
    "NoEngineError",
    "base_image",
    "build_image",
    "default_base_image",
    "docker_host",
    "find_engine",
    "owned",
]
