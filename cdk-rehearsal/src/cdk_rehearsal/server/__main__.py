"""The emulator's process: listen on a port, apply the replacements, serve until the parent ends.

`server.local_aws` starts it in a session of its own, with the key of root in the environment and
the certificate in the scratch directory of the run, the ``folder``. That, ``account``, ``region``
and ``custom_health_seconds`` are in its argument, a JSON object. It prints the number of its port,
its only line on standard output, and logs to standard error. It stops at the end of standard input,
also if the parent is killed.

MiniStack sees only the variables of the shell that every process needs (`environment`), since it
reads more than a hundred variables, some of which would make it keep its data in other folders.
`--replacements` does not serve: it prints what this package replaces in MiniStack
(`ministack.report`).
"""

import asyncio
import json
import os
import signal
import socket
import sys
import tempfile
import threading
from pathlib import Path
from typing import Any, Self
from weakref import WeakSet

from cdk_rehearsal.environment import (
    AWS_SOCKET,
    ECS_SOCKET,
    HOST,
    SERVER_CERTIFICATE,
    SOCKETS,
    RootKey,
    keep_only,
)
from cdk_rehearsal.ministack import report as replacement_report
from cdk_rehearsal.ministack.replacements import load
from cdk_rehearsal.options import ENGINE_VARIABLE, EngineAccess
from cdk_rehearsal.scratch import ScratchDirectory

MOST_CONNECTIONS = 512
"""A connection needs memory before it has sent anything. Without a limit every user of the machine
could use up the memory."""
_IDENTITY = (*RootKey.VARIABLES, "AWS_CA_BUNDLE")


class Listener(socket.socket):
    """Closes each connection above the limit at once."""

    @classmethod
    def on(cls, address: tuple[str, int]) -> Self:
        listener = cls(fileno=socket.create_server(address).detach())
        listener._taken = WeakSet()
        return listener

    _taken: "WeakSet[socket.socket]"

    def accept(self) -> tuple[socket.socket, Any]:
        """Accept a connection; ``ConnectionAbortedError``, as of a client that has gone, if not."""
        connection, address = super().accept()
        if sum(each.fileno() >= 0 for each in self._taken) >= MOST_CONNECTIONS:
            connection.close()
            raise ConnectionAbortedError
        self._taken.add(connection)
        return connection, address


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
            "MINISTACK_SSL_CERT": str(folder / SERVER_CERTIFICATE),
            "MINISTACK_SSL_KEY": str(folder / SERVER_CERTIFICATE),
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
            # ECS knows the engine from `EngineAccess`.
            "DOCKER_HOST": f"unix://{folder}/no-engine",
        }
    )


def _sockets_for_tasks(folder: Path) -> list[socket.socket]:
    sockets = []
    (folder / SOCKETS).mkdir()
    for name in (AWS_SOCKET, ECS_SOCKET):
        sockets.append(socket.socket(socket.AF_UNIX))
        sockets[-1].bind(str(folder / SOCKETS / name))
    return sockets


async def _serve(listener: Listener, folder: Path) -> None:
    """Serve until standard input ends, or a signal asks for the end."""
    from hypercorn.asyncio import serve
    from hypercorn.config import Config, Sockets
    from ministack.app import app

    from cdk_rehearsal.server.door import Door

    over = asyncio.Event()
    loop = asyncio.get_running_loop()

    def watch_parent() -> None:
        while os.read(0, 1024):
            pass
        loop.call_soon_threadsafe(over.set)

    threading.Thread(target=watch_parent, daemon=True).start()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        loop.add_signal_handler(number, over.set)

    of_tasks = _sockets_for_tasks(folder) if EngineAccess.is_configured() else []

    class Listening(Config):
        def create_sockets(self) -> Sockets:
            # AWS has TLS, and the address at which a task asks ECS has none.
            return Sockets([listener, *of_tasks[:1]], of_tasks[1:], [])

    config = Listening()
    config.certfile = config.keyfile = str(folder / SERVER_CERTIFICATE)
    config.alpn_protocols = ["http/1.1"]
    config.loglevel = "WARNING"
    config.keep_alive_timeout = 75
    config.graceful_timeout = 0.1
    door = Door(app, address=f"{HOST}:{listener.getsockname()[1]}")
    serving = asyncio.create_task(serve(door, config, shutdown_trigger=over.wait))
    await over.wait()
    # Without this limit it would wait until every client with an open connection closes it.
    await asyncio.wait({serving}, timeout=config.graceful_timeout)


def main() -> None:
    """Serve, and end everything that MiniStack has started; the parent removes the folder."""
    if sys.argv[1:2] == ["--replacements"]:
        keep_only()
        with ScratchDirectory("local-aws") as scratch:
            _configure_ministack(0, scratch.path, account="111122223333", region="eu-west-1")
            sys.exit(replacement_report.main(sys.argv[2:]))
    given = json.loads(sys.argv[1])
    folder = Path(given["folder"])
    os.umask(0o077)  # only the owner may read what it writes
    keep_only(ENGINE_VARIABLE, *_IDENTITY)
    listener = Listener.on((HOST, 0))
    port = listener.getsockname()[1]
    _configure_ministack(port, folder, account=given["account"], region=given["region"])
    load(with_engine=EngineAccess.is_configured()).apply()
    # This imports MiniStack, which reads its settings on import.
    from cdk_rehearsal.services.servicediscovery import api as servicediscovery

    servicediscovery.custom_health_seconds = given["custom_health_seconds"]
    print(port, flush=True)
    # `asyncio.run` would wait for the threads that MiniStack has started.
    asyncio.new_event_loop().run_until_complete(_serve(listener, folder))
    # The group of a session of its own holds only what MiniStack has started.
    if os.getpgrp() == os.getsid(0) == os.getpid():
        os.killpg(os.getpgrp(), signal.SIGKILL)
    os._exit(0)  # Python would wait for these threads, too.


if __name__ == "__main__":
    main()
