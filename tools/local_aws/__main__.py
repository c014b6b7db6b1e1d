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
import shlex
import signal
import socket
import sys
import tempfile
import threading
import time
from contextlib import ExitStack
from pathlib import Path

from tools.local_aws import replacement_report
from tools.local_aws.credentials import HOST, Certificate, RootKey
from tools.local_aws.delays import Delays
from tools.local_aws.engine_access import EngineAccess
from tools.local_aws.replacements import load
from tools.local_aws.scratch import ScratchDirectory, in_use, sweep

_SWEEPS, _BETWEEN_SWEEPS_SECONDS = 20, 0.1


def _settle(port: int, folder: Path, *, account: str, region: str) -> None:
    """Set what MiniStack reads while it is imported."""
    tempfile.tempdir = str(folder)
    os.environ.update(
        {
            "GATEWAY_PORT": str(port),
            "BIND_HOST": HOST,
            "MINISTACK_HOST": HOST,
            # Who calls is checked, first in `front`, then by MiniStack for its permissions.
            "AUTH": "true",
            "USE_SSL": "1",  # the addresses that it hands out begin with https
            "MINISTACK_SSL_CERT": str(Certificate(folder).server),
            "MINISTACK_SSL_KEY": str(Certificate(folder).server),
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


def _set_delays(custom_health_seconds: float) -> None:
    # Imports MiniStack, which reads its settings while it is imported.
    from tools.local_aws import servicediscovery

    servicediscovery.custom_health_seconds = custom_health_seconds


async def _serve(listener: socket.socket, folder: Path) -> None:
    from hypercorn.asyncio import serve
    from hypercorn.config import Config
    from ministack.app import app

    from tools.local_aws.front import Front

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
    certificate = Certificate(folder)
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
    """Serve, and leave nothing behind."""
    if sys.argv[1:2] == ["--replacements"]:
        sys.exit(replacement_report.main(sys.argv[2:]))
    given = _arguments()
    os.umask(0o077)  # whatever it writes is for its owner
    with ExitStack() as stack:
        folder = given.folder
        if folder is None:
            folder = stack.enter_context(ScratchDirectory("local-aws")).path
        else:
            # It is the parent's to remove; if the parent was killed, its mark says so.
            stack.callback(_sweep, folder)
        # A parent has made key and certificate; a key of the user's own is never root's here.
        if by_hand := not Certificate(folder).server.exists():
            os.environ.update(_new_identity(folder))
        listener = socket.create_server((HOST, 0))
        port = listener.getsockname()[1]
        _settle(port, folder, account=given.account, region=given.region)
        load(with_engine=EngineAccess.is_configured()).apply()
        _set_delays(given.custom_health_seconds)
        sys.stdout.write(f"{port}\n")
        sys.stdout.flush()
        if by_hand:
            _say_how_to_call(port, given.region)
        asyncio.run(_serve(listener, folder))
    # A shell may put others into the group of a process that it starts: the parent has to say that
    # the group is new. Then only what MiniStack has started is in it, and goes with this process.
    if given.own_group and os.getpgrp() == os.getsid(0) == os.getpid():
        os.killpg(os.getpgrp(), signal.SIGKILL)


def _sweep(folder: Path) -> None:
    """Remove the folder if its maker is dead. A thread of MiniStack's may still write into it."""
    for _ in range(_SWEEPS):
        sweep(folder.parent)
        if not folder.exists() or in_use(folder):
            return
        time.sleep(_BETWEEN_SWEEPS_SECONDS)


def _new_identity(folder: Path) -> dict[str, str]:
    """Make the key and the certificate, for who has no parent process that made them."""
    authority = Certificate(folder).make().authority
    return RootKey.random().as_variables() | {"AWS_CA_BUNDLE": str(authority)}


def _say_how_to_call(port: int, region: str) -> None:
    """Print what a shell of the same user needs; to standard error, as all but the port."""
    told = {
        "AWS_ENDPOINT_URL": f"https://{HOST}:{port}",
        "AWS_DEFAULT_REGION": region,
        "NODE_EXTRA_CA_CERTS": os.environ["AWS_CA_BUNDLE"],
        "AWS_DISABLE_HOST_PREFIX_INJECTION": "true",
    }
    told |= {name: os.environ[name] for name in ("AWS_CA_BUNDLE", *RootKey.VARIABLES)}
    for name, value in told.items():
        print(f"export {name}={shlex.quote(value)}", file=sys.stderr)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tools.local_aws",
        description="A local AWS on 127.0.0.1, until its standard input ends.",
    )
    parser.add_argument("--account", required=True, help="twelve digits")
    parser.add_argument("--region", required=True)
    parser.add_argument(
        "--custom-health-seconds",
        type=float,
        default=Delays().custom_health,
        help="how long Cloud Map waits before it acts on a custom health status",
    )
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
