"""Runs handlers of Lambda functions for `lambda_action`, each in a process of its own.

This script imports nothing of the project but the code of the function. It loads boto3, and forks
for each line on its standard input, a JSON object that describes a call. The new process writes the
result that the function reports to CodePipeline into the file ``result``, and its log into ``log``.
The script answers with a line, the exit status of that process, and ends with its standard input.
"""

import json
import os
import sys
import time
import traceback
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import boto3
import botocore.loaders
import botocore.session

KILLED = 137

# A function that waits for AWS pauses for seconds between two looks. The local AWS needs less than
# a second for what takes minutes on AWS, so a pause is not longer than this.
_LONGEST_PAUSE_SECONDS = 0.5
_sleep = time.sleep

# boto3 reads the models of these services once. Others work, too, but take longer.
_READ_ONCE = ("cloudwatch", "codepipeline", "ecr", "ecs", "s3")
_LOADER = botocore.loaders.create_loader()


class LambdaContext:
    """The object that Lambda passes to a handler, with the one method that handlers mostly use."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    def get_remaining_time_in_millis(self) -> int:
        """Return the rest of the function's timeout."""
        return int((self._end - time.monotonic()) * 1000)


class Calls:
    """Watches the calls of all clients: kills the process at one, and records the job's result.

    ``kill`` is "before" or "after" with a call, such as ``before ecr.PutImage``.
    """

    def __init__(self, kill: str, result: Path) -> None:
        self._kill = kill
        self._result = result
        self._sent: dict[str, Any] = {}
        boto3.setup_default_session(botocore_session=_session())
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
    """Run a handler for each line."""
    for service in _READ_ONCE:
        _session().create_client(service, "eu-west-1")
    for line in sys.stdin:
        child = os.fork()
        if not child:
            _run(json.loads(line))
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


def _run(given: Mapping[str, Any]) -> None:
    """Call the handler, and end this process."""
    log = os.open(given["log"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    for descriptor in (1, 2):
        os.dup2(log, descriptor)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.environ.clear()
    os.environ.update(given["environment"])
    os.chdir(given["code"])
    sys.path.insert(0, given["code"])
    time.sleep = _pause
    module, _, name = given["handler"].rpartition(".")
    status = 1
    try:
        Calls(given["kill"], Path(given["result"]))
        getattr(import_module(module), name)(given["event"], LambdaContext(given["seconds"]))
        status = 0
    except Exception:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def _pause(seconds: Any, /) -> None:
    """Take the place of ``time.sleep`` in a function."""
    _sleep(min(seconds, _LONGEST_PAUSE_SECONDS))


def _session() -> Any:
    session = botocore.session.get_session()
    session.register_component("data_loader", _LOADER)
    return session


if __name__ == "__main__":
    main()
