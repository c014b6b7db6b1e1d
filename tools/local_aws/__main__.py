"""The emulator's process: take a port, join our parts to MiniStack, serve until the parent goes.

The contract with `child`: the number of the port is the only line on standard output, the log goes
to standard error, and the end of standard input is the order to stop. A parent that lives says
something first; without a word it was killed, and leaves its folder to this process.

It may be started by hand as well, that is without `--own-group`. Then it makes key and certificate
anew, in a scratch directory of its own. In either case MiniStack sees nothing of the shell but what
every process may have (`process_environment`): it reads more than a hundred variables, some of
which would make it keep its data, elsewhere. `--replacements` serves nothing: it prints what of
MiniStack is replaced (`replacement_report`).
"""

import argparse
import asyncio
import os
import re
import shlex
import signal
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tools.local_aws import replacement_report
from tools.local_aws.credentials import HOST, Certificate, RootKey
from tools.local_aws.delays import Delays
from tools.local_aws.engine_access import VARIABLE as ENGINE
from tools.local_aws.engine_access import EngineAccess
from tools.local_aws.process_environment import chosen, keep_only
from tools.local_aws.replacements import load
from tools.local_aws.scratch import ScratchDirectory, in_use, sweep

_SWEEPS, _BETWEEN_SWEEPS_SECONDS = 100, 0.1
_IDENTITY = (*RootKey.VARIABLES, "AWS_CA_BUNDLE")
_ACCOUNT, _REGION = re.compile(r"[0-9]{12}"), re.compile(r"[a-z]{2}(-[a-z]+)+-[0-9]")


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


async def _serve(listener: socket.socket, folder: Path) -> bool:
    """Serve until the end; say whether standard input has ended without a word."""
    from hypercorn.asyncio import serve
    from hypercorn.config import Config
    from ministack.app import app

    from tools.local_aws.front import Front

    over = asyncio.Event()
    loop = asyncio.get_running_loop()
    without_a_word = False

    def watch_parent() -> None:
        nonlocal without_a_word
        said = b""
        while more := os.read(0, 1024):
            said += more
        without_a_word = not said
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
    return without_a_word


def main() -> None:
    """Serve, and leave nothing behind."""
    if sys.argv[1:2] == ["--replacements"]:
        with _said():
            sys.exit(replacement_report.main(sys.argv[2:]))
    given = _arguments()
    os.umask(0o077)  # whatever it writes is for its owner
    with ExitStack() as stack:
        if by_hand := not given.own_group:
            scratch = ScratchDirectory("local-aws", parent=given.folder)
            stack.callback(_sweep, scratch.path, patiently=True)
            folder = stack.enter_context(scratch).path
            identity = _new_identity(folder)
        else:
            folder = given.folder  # the parent's to remove
            identity = chosen(_IDENTITY, None)
        keep_only(ENGINE)
        os.environ.update(identity)
        listener = socket.create_server((HOST, 0))
        port = listener.getsockname()[1]
        _settle(port, folder, account=given.account, region=given.region)
        load(with_engine=EngineAccess.is_configured()).apply()
        _set_delays(given.custom_health_seconds)
        with _said():
            print(port, flush=True)
        if by_hand:
            _say_how_to_call(port, given.region)
        # `asyncio.run` would then wait for the threads that MiniStack has put to work.
        alone = asyncio.new_event_loop().run_until_complete(_serve(listener, folder))
        if given.own_group:
            _sweep(folder, patiently=alone)
    # A shell may put others into the group of a process that it starts: the parent has to say that
    # the group is new. Then only what MiniStack has started is in it, and goes with this process.
    if given.own_group and os.getpgrp() == os.getsid(0) == os.getpid():
        os.killpg(os.getpgrp(), signal.SIGKILL)
    os._exit(0)  # Python would wait for these threads, too.


@contextmanager
def _said() -> Iterator[None]:
    """End with one line if standard output takes nothing."""
    try:
        yield
    except OSError as error:
        # What is left in the buffer must not be tried once more when Python ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        sys.exit(f"error: the output cannot be written: {error.strerror}")


def _sweep(folder: Path, *, patiently: bool) -> None:
    """Remove the folder if nobody holds it.

    A parent that is killed closes its pipes before it lets go of its lock, and a thread of
    MiniStack's may still write into the folder: so once is not enough.
    """
    for _ in range(_SWEEPS):
        sweep(folder.parent)
        if not folder.exists() or (in_use(folder) and not patiently):
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
    told |= {name: os.environ[name] for name in _IDENTITY}
    for name, value in told.items():
        print(f"export {name}={shlex.quote(value)}", file=sys.stderr)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tools.local_aws",
        description="A local AWS on 127.0.0.1, until its standard input ends.",
    )
    parser.add_argument("--account", required=True, help="twelve digits")
    parser.add_argument("--region", required=True, help="like eu-west-1")
    parser.add_argument(
        "--custom-health-seconds",
        type=float,
        default=Delays().custom_health,
        help="how long Cloud Map waits before it acts on a custom health status",
    )
    parser.add_argument(
        "--folder", type=Path, help="an existing one, for its scratch directory to be made in"
    )
    parser.add_argument(
        "--own-group",
        action="store_true",
        help="not by hand: it was started in a new session, and --folder is its parent's scratch"
        " directory, with a certificate whose key is in the environment",
    )
    given = parser.parse_args()
    if given.folder is not None:
        given.folder = given.folder.absolute()
    if wrong := "; ".join(_wrong(given)):
        parser.error(wrong)
    return given


def _wrong(given: argparse.Namespace) -> Iterator[str]:
    if not _ACCOUNT.fullmatch(given.account):
        yield f"--account {given.account!a}: an account has twelve digits"
    if not _REGION.fullmatch(given.region):
        yield f"--region {given.region!a}: a region looks like eu-west-1"
    if given.folder is not None and not given.folder.is_dir():
        yield f"--folder {str(given.folder)!a}: there is no such folder"
    elif given.own_group and not _is_prepared(given.folder):
        yield "--own-group: only for the process that has made key, certificate and --folder"


def _is_prepared(folder: Path | None) -> bool:
    made = folder is not None and Certificate(folder).server.is_file()
    return made and all(os.environ.get(name) for name in _IDENTITY)


if __name__ == "__main__":
    main()
