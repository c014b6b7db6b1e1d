"""The emulator's process: take a port, join our parts to MiniStack, serve until the parent goes.

The contract with `server`: the number of the port is the only line on standard output, the log goes
to standard error, and the end of standard input is the order to stop.
"""

import asyncio
import os
import shutil
import signal
import socket
import sys
import threading
from importlib import import_module
from pathlib import Path

from rehearsal.local_aws.credentials import HOST, Certificate
from rehearsal.local_aws.engine_access import VARIABLE

# In the order of the topics; each module has `install()`.
PARTS = (
    "front",
    "resource_types",
    "stack_operation",
    "export_in_use",
    "vpc",
    "network_interface",
    "nat_gateway",
    "vpc_endpoint",
    "flow_log",
    "security_group_rule",
    "dependency_violation",
    "bucket",
    "tag_mutability",
    "image_ids",
    "image_repository",
    "image_resolution",
    "cloud_map_instance",
    "cloud_map_query",
    "task_network",
    "task_registration",
    "task_reconciliation",
    "stopped_task",
    "cluster",
    "task_definition",
    "ecs_service_api",
    "ecs_service",
    "build_project",
    "moto_api",
    "scaling",
    "pipeline",
    "composite_alarm",
    "metric_alarm",
    "secret",
    "topic_policy",
    "bucket_cleaner",
    "default_security_group",
    "image_seed",
)

# Only with a container engine; they come last, on top of the others.
ENGINE_PARTS = (
    "engine_client",
    "engine_image",
    "task_container",
    "task_health",
    "task_end",
    "steady_deployment",
)


def _settle(port: int, home: str) -> None:
    """Set what MiniStack reads while it is imported."""
    os.environ.update(
        {
            "GATEWAY_PORT": str(port),
            "BIND_HOST": HOST,
            "MINISTACK_HOST": HOST,
            # Who calls is checked, first in `front`, then by MiniStack for its permissions.
            "AUTH": "true",
            "USE_SSL": "1",  # the addresses that it hands out begin with https
            "MINISTACK_SSL_CERT": str(Certificate(Path(home)).server),
            "MINISTACK_SSL_KEY": str(Certificate(Path(home)).server),
            "MINISTACK_ACCOUNT_ID": os.environ["LOCAL_AWS_ACCOUNT"],
            "MINISTACK_REGION": os.environ["LOCAL_AWS_REGION"],
            "IOT_MTLS_ENABLED": "0",
            "LOG_LEVEL": "WARNING",
            "STATE_DIR": f"{home}/state",
            "S3_DATA_DIR": f"{home}/s3",
            # MiniStack sweeps containers of a container engine that it finds, so it finds none,
            # and nobody's containers are touched. Our parts know the engine from elsewhere.
            "DOCKER_HOST": f"unix://{home}/no-engine",
        }
    )


async def _serve(listener: socket.socket, home: str) -> None:
    from hypercorn.asyncio import serve
    from hypercorn.config import Config
    from ministack.app import app

    from rehearsal.local_aws.front import Front

    over = asyncio.Event()
    loop = asyncio.get_running_loop()

    def watch_parent() -> None:
        while os.read(0, 1024):
            pass
        loop.call_soon_threadsafe(over.set)

    threading.Thread(target=watch_parent, daemon=True).start()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, over.set)

    config = Config()
    config.bind = [f"fd://{listener.fileno()}"]
    certificate = Certificate(Path(home))
    config.certfile = config.keyfile = str(certificate.server)
    config.alpn_protocols = ["http/1.1"]
    config.loglevel = "WARNING"
    config.keep_alive_timeout = 75
    config.graceful_timeout = 0.1
    front = Front(app, address=f"{HOST}:{listener.getsockname()[1]}")
    serving = asyncio.create_task(serve(front, config, shutdown_trigger=over.wait))
    await over.wait()
    # By itself it would wait for each client that keeps a connection open to end its TLS.
    await asyncio.wait({serving}, timeout=config.graceful_timeout)


def main() -> None:
    os.umask(0o077)  # whatever it writes is for its owner
    home = os.environ["HOME"]
    listener = socket.create_server((HOST, 0))
    port = listener.getsockname()[1]
    _settle(port, home)
    for part in (*PARTS, *(ENGINE_PARTS if VARIABLE in os.environ else ())):
        import_module(f"rehearsal.local_aws.{part}").install()
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    try:
        asyncio.run(_serve(listener, home))
    finally:
        shutil.rmtree(home, ignore_errors=True)
        if os.getpgrp() == os.getpid():
            # Whatever MiniStack has started, a thread or a process, goes with this one.
            os.killpg(os.getpgrp(), signal.SIGKILL)


if __name__ == "__main__":
    main()
