"""The emulator's process: take a port, join our parts to MiniStack, serve until the parent goes.

The contract with `server`: the number of the port is the only line on standard output, the log goes
to standard error, and the end of standard input is the order to stop.

It may be started by hand as well. Whatever the environment says, it writes into its own scratch
directory, or into the folder that it is given, and removes only what is marked (see `scratch`).
`--replacements` serves nothing: it prints what of MiniStack is replaced (`replacement_report`).
"""

import argparse
import asyncio
import os
import signal
import socket
import sys
import tempfile
import threading
from contextlib import ExitStack
from pathlib import Path

from rehearsal.local_aws import replacement_report
from rehearsal.local_aws.engine_access import EngineAccess
from rehearsal.local_aws.replacements import load
from rehearsal.local_aws.scratch import ScratchDirectory, sweep


def _settle(port: int, folder: Path, *, account: str, region: str) -> None:
    """Set what MiniStack reads while it is imported."""
    tempfile.tempdir = str(folder)
    os.environ.update(
        {
            "GATEWAY_PORT": str(port),
            "BIND_HOST": "127.0.0.1",
            "MINISTACK_HOST": "127.0.0.1",
            "MINISTACK_ACCOUNT_ID": account,
            "MINISTACK_REGION": region,
            "IOT_MTLS_ENABLED": "0",
            "LOG_LEVEL": "WARNING",
            # All that it writes, and removes again.
            "HOME": str(folder),
            "TMPDIR": str(folder),
            "STATE_DIR": f"{folder}/state",
            "S3_DATA_DIR": f"{folder}/s3",
            # MiniStack sweeps containers of a container engine that it finds, so it finds none,
            # and nobody's containers are touched. Our parts know the engine from elsewhere.
            "DOCKER_HOST": f"unix://{folder}/no-engine",
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
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        loop.add_signal_handler(number, over.set)

    config = Config()
    config.bind = [f"fd://{listener.fileno()}"]
    config.loglevel = "WARNING"
    config.keep_alive_timeout = 75
    config.graceful_timeout = 0.5
    await serve(app, config, shutdown_trigger=over.wait)


def main() -> None:
    """Serve, and leave nothing behind."""
    if sys.argv[1:2] == ["--replacements"]:
        sys.exit(replacement_report.main(sys.argv[2:]))
    given = _arguments()
    with ExitStack() as stack:
        folder = given.folder
        if folder is None:
            folder = stack.enter_context(ScratchDirectory("local-aws")).path
        else:
            # It is the parent's to remove; if the parent was killed, its mark says so.
            stack.callback(sweep, folder.parent)
        listener = socket.create_server(("127.0.0.1", 0))
        port = listener.getsockname()[1]
        _settle(port, folder, account=given.account, region=given.region)
        load(with_engine=EngineAccess.is_configured()).apply()
        sys.stdout.write(f"{port}\n")
        sys.stdout.flush()
        asyncio.run(_serve(listener))
    # A shell may put others into the group of a process that it starts: the parent has to say that
    # the group is new. Then only what MiniStack has started is in it, and goes with this process.
    if given.own_group and os.getpgrp() == os.getsid(0) == os.getpid():
        os.killpg(os.getpgrp(), signal.SIGKILL)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m rehearsal.local_aws",
        description="A local AWS on 127.0.0.1, until its standard input ends.",
    )
    parser.add_argument("--account", required=True, help="twelve digits")
    parser.add_argument("--region", required=True)
    parser.add_argument("--folder", type=Path, help="an existing one, instead of one of its own")
    parser.add_argument(
        "--own-group",
        action="store_true",
        help="it was started in a new session, and may kill what is left there at the end",
    )
    given = parser.parse_args()
    if given.folder is not None and not given.folder.is_dir():
        parser.error(f"--folder {given.folder}: there is no such folder")
    return given


if __name__ == "__main__":
    main()
