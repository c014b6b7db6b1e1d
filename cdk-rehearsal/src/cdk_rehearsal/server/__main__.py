"""The emulator's process: listen on a port, apply the replacements, serve until the parent ends.

`server.EmulatorProcess` starts it. It prints the number of its port, its only line on standard
output, and logs to standard error. It stops at the end of standard input. A parent that stops it
writes a word first. If the pipe ends without a word, the parent was killed, and this process
removes the folder of the emulator.

You can also start it by hand, without `--own-group`. Then it makes a new key and certificate, in a
scratch directory of its own. In both cases MiniStack sees only the variables of the shell that
every process needs (`process_environment`), since it reads more than a hundred variables, some of
which would make it keep its data in other folders. `--replacements` does not serve: it prints what
this package replaces in MiniStack (`replacement_report`).
"""

import argparse
import asyncio
import os
import re
import shlex
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from cdk_rehearsal.credentials import HOST, Certificate, RootKey
from cdk_rehearsal.ministack import report as replacement_report
from cdk_rehearsal.ministack.replacements import load
from cdk_rehearsal.options import ENGINE_VARIABLE, Delays, EngineAccess
from cdk_rehearsal.process_environment import chosen, keep_only
from cdk_rehearsal.scratch import ScratchDirectory, in_use, sweep
from cdk_rehearsal.server.listener import Listener

_SWEEPS, _BETWEEN_SWEEPS_SECONDS = 600, 0.1
_IDENTITY = (*RootKey.VARIABLES, "AWS_CA_BUNDLE")
_ACCOUNT, _REGION = re.compile(r"[0-9]{12}"), re.compile(r"[a-z]{2}(-[a-z]+)+-[0-9]")


def _configure_ministack(port: int, folder: Path, *, account: str, region: str) -> None:
    """Set the variables that MiniStack reads when it is imported."""
    tempfile.tempdir = str(folder)
    os.environ.update(
        {
            "GATEWAY_PORT": str(port),
            "BIND_HOST": HOST,
            "MINISTACK_HOST": HOST,
            # `door` verifies and judges each request; with AUTH the handlers check more of it.
            "AUTH": "true",
            "USE_SSL": "1",  # the URLs that it hands out begin with https
            "MINISTACK_SSL_CERT": str(Certificate(folder).server),
            "MINISTACK_SSL_KEY": str(Certificate(folder).server),
            "MINISTACK_ACCOUNT_ID": account,
            "MINISTACK_REGION": region,
            "IOT_MTLS_ENABLED": "0",
            "LOG_LEVEL": "WARNING",
            # Everything that it writes, and removes at its end.
            "HOME": str(folder),
            "TMPDIR": str(folder),
            "STATE_DIR": f"{folder}/state",
            "S3_DATA_DIR": f"{folder}/s3",
            # MiniStack removes containers of an engine that it finds. So it must find none;
            # `ecs_containers` knows the engine from `EngineAccess`.
            "DOCKER_HOST": f"unix://{folder}/no-engine",
        }
    )


def _set_delays(custom_health_seconds: float) -> None:
    # This imports MiniStack, which reads its settings on import.
    from cdk_rehearsal.services.servicediscovery import api as servicediscovery

    servicediscovery.custom_health_seconds = custom_health_seconds


async def _serve(listener: Listener, folder: Path) -> bool:
    """Serve until the end; return whether standard input ended without a word."""
    from hypercorn.asyncio import serve
    from hypercorn.config import Config, Sockets
    from ministack.app import app

    from cdk_rehearsal.server.door import Door

    over = asyncio.Event()
    loop = asyncio.get_running_loop()
    without_a_word = False

    def watch_parent() -> None:
        nonlocal without_a_word
        words = b""
        while more := os.read(0, 1024):
            words += more
        without_a_word = not words
        loop.call_soon_threadsafe(over.set)

    threading.Thread(target=watch_parent, daemon=True).start()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        loop.add_signal_handler(number, over.set)

    class Listening(Config):
        def create_sockets(self) -> Sockets:
            return Sockets([listener], [], [])

    config = Listening()
    certificate = Certificate(folder)
    config.certfile = config.keyfile = str(certificate.server)
    config.alpn_protocols = ["http/1.1"]
    config.loglevel = "WARNING"
    config.keep_alive_timeout = 75
    config.graceful_timeout = 0.1
    door = Door(app, address=f"{HOST}:{listener.getsockname()[1]}")
    serving = asyncio.create_task(serve(door, config, shutdown_trigger=over.wait))
    await over.wait()
    # Without this limit it would wait until every client with an open connection closes it.
    await asyncio.wait({serving}, timeout=config.graceful_timeout)
    return without_a_word


def main() -> None:
    """Serve, and leave nothing behind."""
    if sys.argv[1:2] == ["--replacements"]:
        with _failing_output_as_error():
            sys.exit(replacement_report.main(sys.argv[2:]))
    given = _arguments()
    os.umask(0o077)  # only the owner may read what it writes
    with ExitStack() as stack:
        if by_hand := not given.own_group:
            scratch = ScratchDirectory("local-aws", parent=given.folder)
            stack.callback(_sweep, scratch.path, patiently=True)
            folder = stack.enter_context(scratch).path
            identity = _new_identity(folder)
        else:
            folder = given.folder  # the parent removes it
            identity = chosen(_IDENTITY, None)
        keep_only(ENGINE_VARIABLE)
        os.environ.update(identity)
        listener = Listener.on((HOST, 0))
        port = listener.getsockname()[1]
        _configure_ministack(port, folder, account=given.account, region=given.region)
        load(with_engine=EngineAccess.is_configured()).apply()
        _set_delays(given.custom_health_seconds)
        with _failing_output_as_error():
            print(port, flush=True)
        if by_hand:
            _print_exports(port, given.region)
        # `asyncio.run` would wait for the threads that MiniStack has started.
        parent_was_killed = asyncio.new_event_loop().run_until_complete(_serve(listener, folder))
        if given.own_group:
            _sweep(folder, patiently=parent_was_killed)
    # A shell may put other processes into the group of a process that it starts. So the parent
    # states with --own-group that the group is new: then it holds only what MiniStack has started.
    if given.own_group and os.getpgrp() == os.getsid(0) == os.getpid():
        os.killpg(os.getpgrp(), signal.SIGKILL)
    os._exit(0)  # Python would wait for these threads, too.


@contextmanager
def _failing_output_as_error() -> Iterator[None]:
    """End with one line if standard output cannot be written."""
    try:
        yield
    except OSError as error:
        # Python must not try to write the rest of the buffer when it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        sys.exit(f"error: the output cannot be written: {error.strerror}")


def _sweep(folder: Path, *, patiently: bool) -> None:
    """Remove the folder if no process holds it.

    One try is not enough: a parent that is killed closes its pipes before it releases its lock, and
    a thread of MiniStack may still write into the folder.
    """
    for _ in range(_SWEEPS):
        sweep(folder.parent)
        if not folder.exists() or (in_use(folder) and not patiently):
            return
        time.sleep(_BETWEEN_SWEEPS_SECONDS)


def _new_identity(folder: Path) -> dict[str, str]:
    """Make the key and the certificate, which otherwise the parent process makes."""
    authority = Certificate(folder).make().authority
    return RootKey.random().as_variables() | {"AWS_CA_BUNDLE": str(authority)}


def _print_exports(port: int, region: str) -> None:
    """Print the variables that a shell of the same user needs, to standard error."""
    variables = {
        "AWS_ENDPOINT_URL": f"https://{HOST}:{port}",
        "AWS_DEFAULT_REGION": region,
        "NODE_EXTRA_CA_CERTS": os.environ["AWS_CA_BUNDLE"],
        "AWS_DISABLE_HOST_PREFIX_INJECTION": "true",
    }
    variables |= {name: os.environ[name] for name in _IDENTITY}
    for name, value in variables.items():
        print(f"export {name}={shlex.quote(value)}", file=sys.stderr)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m cdk_rehearsal.server",
        description="A local AWS on 127.0.0.1, until its standard input ends.",
    )
    parser.add_argument("--account", required=True, help="twelve digits")
    parser.add_argument("--region", required=True, help="like eu-west-1")
    parser.add_argument(
        "--custom-health-seconds",
        type=float,
        default=Delays().custom_health,
        help="seconds that Cloud Map waits before it acts on a custom health status",
    )
    parser.add_argument("--folder", type=Path, help="an existing folder for the scratch directory")
    parser.add_argument(
        "--own-group",
        action="store_true",
        help="for LocalAws, not by hand: the parent started this process in a new session, made"
        " the key, and gives its own scratch directory with the certificate as --folder",
    )
    given = parser.parse_args()
    if given.folder is not None:
        given.folder = given.folder.absolute()
    if wrong := "; ".join(_wrong(given)):
        parser.error(wrong)
    return given


def _wrong(given: argparse.Namespace) -> Iterator[str]:
    if not _ACCOUNT.fullmatch(given.account):
        yield f"--account {given.account!a}: an account id has twelve digits"
    if not _REGION.fullmatch(given.region):
        yield f"--region {given.region!a}: a region looks like eu-west-1"
    if given.folder is not None and not given.folder.is_dir():
        yield f"--folder {str(given.folder)!a}: there is no such folder"
    elif given.own_group and not _is_prepared(given.folder):
        yield "--own-group: only for a parent process that has made key, certificate and --folder"


def _is_prepared(folder: Path | None) -> bool:
    has_certificate = folder is not None and Certificate(folder).server.is_file()
    return has_certificate and all(os.environ.get(name) for name in _IDENTITY)


if __name__ == "__main__":
    main()
