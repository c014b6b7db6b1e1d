"""Tasks that are containers of docker or podman, with names and a network of their own.

Everything stays inside one network of the engine, which is made for it and has no egress. The
network has the addresses of the VPC, so a container has the very address that its task's interface
has in its subnet; the VPC's resolver is a container at the VPC's third address, as on AWS.
What this package makes in the engine carries its label, and it removes nothing else::

    engine = find_engine(cache_folder)
    build_image(engine, service_folder, "orders:1", cache_folder, build_args={"REVISION": "1"})

Every function raises `NoEngineError` with the reason if this machine cannot do it.
"""

from cdk_rehearsal.containers.engine import (
    Engine,
    EngineError,
    NoEngineError,
    engine_environment,
    find_engine,
)
from cdk_rehearsal.containers.image import (
    DockerfileError,
    base_image,
    build_image,
    default_base_image,
)
from cdk_rehearsal.containers.network import (
    CANDIDATES,
    ContainerNetwork,
    aws_with_containers,
    container_network,
    copy_program,
    program,
)
from cdk_rehearsal.containers.ownership import KEPT_IMAGES, OWNER, label_options, left_over, owned
from cdk_rehearsal.containers.task_containers import TaskContainers

__all__ = [
    "CANDIDATES", "KEPT_IMAGES", "OWNER", "ContainerNetwork", "DockerfileError", "Engine",
    "EngineError", "NoEngineError", "TaskContainers", "aws_with_containers", "base_image",
    "build_image", "container_network", "copy_program", "default_base_image",
    "engine_environment", "find_engine", "label_options", "left_over", "owned", "program",
]  # fmt: skip
