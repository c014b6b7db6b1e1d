"""Runs the handler of a Lambda function for `python_process`, in a process of its own.

This script imports nothing of the project but the code of the function, from the current folder. It
reads a JSON object that describes the call from its standard input, prints the log, and writes the
result that the function reports to CodePipeline into the file ``result``.
"""

import http.client
import json
import sys
import time
import urllib.request
from importlib import import_module
from pathlib import Path
from typing import Any

import boto3

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


class Calls:
    """Watches the calls of all clients, and records the result of the job."""

    def __init__(self, result: Path) -> None:
        self._result = result
        self._sent: dict[str, Any] = {}
        boto3.setup_default_session()
        events = boto3.DEFAULT_SESSION.events
        events.register("before-parameter-build.codepipeline", self._before)
        events.register("after-call.codepipeline", self._after)

    def _before(self, params: dict[str, Any], **_: Any) -> None:
        self._sent = dict(params)

    def _after(self, event_name: str, http_response: Any, **_: Any) -> None:
        name = event_name.partition(".")[2]
        done = http_response.status_code < 300  # noqa: PLR2004 - the class of HTTP statuses
        if done and name.startswith("codepipeline.PutJob"):
            self._result.write_text(json.dumps({name: self._sent}), encoding="utf-8")


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
    Calls(Path(given["result"]))
    if given["outside"]:
        opener = urllib.request.build_opener(Outside(given["outside"]))
        urllib.request.install_opener(opener)
    getattr(import_module(module), name)(given["event"], LambdaContext(given["seconds"]))


def _pause(seconds: Any, /) -> None:
    """Take the place of ``time.sleep`` in a function."""
    _sleep(min(seconds, _LONGEST_PAUSE_SECONDS))


if __name__ == "__main__":
    main()
