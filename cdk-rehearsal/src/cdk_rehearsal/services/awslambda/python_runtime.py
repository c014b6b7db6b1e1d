"""Runs the handlers of Lambda functions for `python`, each in a process that this one forks.

This script imports nothing of the project but the code of the function. Its standard input is a
connection, from which it receives a further one for each call; it ends with that connection.

To read botocore's descriptions of services takes half the time of most calls. So a process tells
which of them it has read, and later processes get them from this one.
"""

import http.client
import json
import os
import signal
import sys
import time
import traceback
import urllib.request
from contextlib import suppress
from importlib import import_module
from multiprocessing.connection import Connection
from multiprocessing.reduction import recv_handle
from pathlib import Path
from typing import Any

import boto3  # noqa: F401 - loaded once, for all functions
from botocore.loaders import JSONFileLoader

# A function that waits for AWS pauses for seconds between two looks. The local AWS needs less than
# a second for what takes minutes on AWS, so a pause is not longer than this.
_LONGEST_PAUSE_SECONDS = 0.5
_BOTO3 = {"boto3", "botocore", "s3transfer", "jmespath", "dateutil", "six", "urllib3"}
_PIPE_BYTES = 65536  # what a pipe of Linux holds
_sleep = time.sleep


class Descriptions:
    """The content of botocore's files, which forked processes get without reading them."""

    def __init__(self) -> None:
        self._content: dict[str, Any] = {}
        self._told, self._tell = os.pipe()
        for end in (self._told, self._tell):
            os.set_blocking(end, False)
        self._load = JSONFileLoader().load_file

    def read(self) -> None:
        """Read the files that processes have read since the last time."""
        with suppress(BlockingIOError):
            for path in os.read(self._told, _PIPE_BYTES).decode().splitlines():
                if path not in self._content:
                    self._content[path] = self._load(path)

    def load(self, path: str) -> Any:
        """Take the place of botocore's method in a forked process."""
        # It gets a content once, since clients change what they get.
        if (content := self._content.pop(path, None)) is None:
            content = self._load(path)
            if content is not None:
                with suppress(BlockingIOError):
                    os.write(self._tell, f"{path}\n".encode())
        return content


class LambdaContext:
    """The object that Lambda passes to a handler, with the one method that handlers mostly use."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    def get_remaining_time_in_millis(self) -> int:
        """Return the rest of the function's timeout."""
        return int((self._end - time.monotonic()) * 1000)


class Outside(urllib.request.HTTPSHandler):
    """Sends requests to other hosts than this machine to ``address``, without encryption."""

    def __init__(self, address: str) -> None:
        super().__init__()
        self._address = address

    def https_open(self, req: urllib.request.Request) -> Any:
        """Send a request, which keeps the header with the host that it is for."""
        if req.host.partition(":")[0] == "127.0.0.1":
            return super().https_open(req)
        req.host = self._address
        return self.do_open(http.client.HTTPConnection, req)


def main() -> None:
    """Fork a process for each connection."""
    calls, descriptions = Connection(0), Descriptions()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the system forgets those that have ended
    while True:
        try:
            connection = Connection(recv_handle(calls))
        except EOFError:
            return
        descriptions.read()
        if os.fork() == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            JSONFileLoader.load_file = descriptions.load
            try:
                _answer(connection)
            finally:
                os._exit(0)  # without a wait for threads of the function
        connection.close()


def _answer(connection: "Connection[bytes, bytes]") -> None:
    """Receive a call, and send its failure, empty if there is none."""
    given = json.loads(connection.recv_bytes())
    # This ends a process whose function does not end, also if nobody waits for it any more.
    signal.alarm(given["alarm"])
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    log = os.open(given["log"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.environ.clear()
    os.environ.update(given["environment"])
    os.chdir(given["folder"])
    try:
        _call(given)
    except BaseException as error:  # also SystemExit
        traceback.print_exc()
        failure = f"{type(error).__name__}: {error}"
    else:
        failure = ""
    connection.send_bytes(failure.encode(errors="replace"))


def _call(given: dict[str, Any]) -> None:
    # A library of its own takes the place of the one that is loaded, and is used by boto3, too.
    own = {path.stem for path in Path(given["folder"]).iterdir()} - sys.stdlib_module_names
    own |= _BOTO3 if own & _BOTO3 else set()
    for loaded in [name for name in sys.modules if name.partition(".")[0] in own]:
        del sys.modules[loaded]
    sys.path.insert(0, given["folder"])
    time.sleep = _pause
    urllib.request.install_opener(urllib.request.build_opener(Outside(given["outside"])))
    module, _, name = given["handler"].rpartition(".")
    getattr(import_module(module), name)(given["event"], LambdaContext(given["seconds"]))


def _pause(seconds: Any, /) -> None:
    """Take the place of ``time.sleep`` in a function."""
    _sleep(min(seconds, _LONGEST_PAUSE_SECONDS))


if __name__ == "__main__":
    main()
