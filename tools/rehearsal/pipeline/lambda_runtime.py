"""Runs the handler of a Lambda function once, for `lambda_action`.

It runs by itself, with nothing of this project to import but the function's own code. What it is to
do is a JSON object on its standard input; what CodePipeline is told goes into the file ``result``.
"""

import json
import os
import sys
import time
from importlib import import_module
from pathlib import Path
from typing import Any

import boto3

KILLED = 137


class LambdaContext:
    """Of the object that Lambda hands over, the method that is used here."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    def get_remaining_time_in_millis(self) -> int:
        """Return how much of the function's timeout is left."""
        return int((self._end - time.monotonic()) * 1000)


class Calls:
    """Watches the calls of all clients: ends the process at one, and writes down a job's result.

    ``kill`` names a call and the side of it, such as ``before ecr.PutImage``.
    """

    def __init__(self, kill: str, result: Path) -> None:
        self._kill = kill
        self._result = result
        self._sent: dict[str, Any] = {}
        boto3.setup_default_session()
        events = boto3.DEFAULT_SESSION.events
        events.register("before-parameter-build", self._parameters)
        events.register("before-call", self._before)
        events.register("after-call", self._after)

    def _parameters(self, params: dict[str, Any], **_: Any) -> None:
        self._sent = dict(params)

    def _before(self, event_name: str, **_: Any) -> None:
        self._die("before", event_name)

    def _after(self, event_name: str, http_response: Any, **_: Any) -> None:
        name = event_name.partition(".")[2]
        done = http_response.status_code < 300  # noqa: PLR2004 - the class of HTTP statuses
        if done and name.startswith("codepipeline.PutJob"):
            self._result.write_text(json.dumps({name: self._sent}), encoding="utf-8")
        self._die("after", event_name)

    def _die(self, when: str, event_name: str) -> None:
        if self._kill == f"{when} {event_name.partition('.')[2]}":
            os._exit(KILLED)


def main() -> None:
    """Run the handler with the event."""
    given = json.load(sys.stdin)
    sys.path.insert(0, given["code"])
    module, _, name = given["handler"].rpartition(".")
    Calls(given["kill"], Path(given["result"]))
    getattr(import_module(module), name)(given["event"], LambdaContext(given["seconds"]))


if __name__ == "__main__":
    main()
