"""The emulator's process: take a port, join our parts to MiniStack, serve until the parent goes.

The contract with `server`: the number of the port is the only line on standard output, the log goes
to standard error, and the end of standard input is the order to stop.

`--replacements` serves nothing: it prints what of MiniStack is replaced (`replacement_report`).
"""

import asyncio
import os
import shutil
import signal
import socket
import sys
import threading

from rehearsal.local_aws import replacement_report
from rehearsal.local_aws.engine_access import EngineAccess
from rehearsal.local_aws.replacements import load


def _settle(port: int, home: str) -> None:
    """Set what MiniStack reads while it is imported."""
    os.environ.update(
        {
            "GATEWAY_PORT": str(port),
            "BIND_HOST": "127.0.0.1",
            "MINISTACK_HOST": "127.0.0.1",
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


async def _serve(listener: socket.socket) -> None:
    from hypercorn.asyncio import serve
    from hypercorn.config import Config
    from ministack.app import app

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
    config.loglevel = "WARNING"
    config.keep_alive_timeout = 75
    config.graceful_timeout = 0.5
    await serve(app, config, shutdown_trigger=over.wait)


def main() -> None:
    if sys.argv[1:2] == ["--replacements"]:
        sys.exit(replacement_report.main(sys.argv[2:]))
    home = os.environ["HOME"]
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    _settle(port, home)
    load(with_engine=EngineAccess.is_configured()).apply()
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    try:
        asyncio.run(_serve(listener))
    finally:
        shutil.rmtree(home, ignore_errors=True)
        if os.getpgrp() == os.getpid():
            # Whatever MiniStack has started, a thread or a process, goes with this one.
            os.killpg(os.getpgrp(), signal.SIGKILL)


if __name__ == "__main__":
    main()
