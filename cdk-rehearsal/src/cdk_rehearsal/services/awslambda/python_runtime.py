"""Runs the handler of a Lambda function for `python`, in a process of its own.

This script imports nothing of the project but the code of the function, from the current folder. It
reads a JSON object that describes the call from its standard input, and prints the log.
"""

import http.client
import json
import sys
import time
import urllib.request
from importlib import import_module
from pathlib import Path
from typing import Any

# A function that waits for AWS pauses for seconds between two looks. The local AWS needs less than
# a second for what takes minutes on AWS, so a pause is not longer than this.
_LONGEST_PAUSE_SECONDS = 0.5
_sleep = time.sleep


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
    """Call the handler; an exception of it ends this process, and is the end of the log."""
    given = json.load(sys.stdin)
    sys.path.insert(0, str(Path.cwd()))
    time.sleep = _pause
    module, _, name = given["handler"].rpartition(".")
    urllib.request.install_opener(urllib.request.build_opener(Outside(given["outside"])))
    getattr(import_module(module), name)(given["event"], LambdaContext(given["seconds"]))


def _pause(seconds: Any, /) -> None:
    """Take the place of ``time.sleep`` in a function."""
    _sleep(min(seconds, _LONGEST_PAUSE_SECONDS))


if __name__ == "__main__":
    main()
