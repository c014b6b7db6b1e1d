"""Lambda: functions for Python, which make their calls themselves.

Each invocation is forked from one process that has loaded boto3 (`python_runtime`), since Python
needs four times as long to start and to load it as most functions need.
"""

import json
import math
import os
import sys
import threading
from functools import cache
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from multiprocessing.reduction import send_handle
from pathlib import Path
from typing import Any

from cdk_rehearsal.access import Access
from cdk_rehearsal.bounds import PROCESS_SECONDS
from cdk_rehearsal.environment import process_environment
from cdk_rehearsal.services.awslambda import FunctionError, Invocation
from cdk_rehearsal.services.awslambda.outside import Outside

_RUNTIME = Path(__file__).with_name("python_runtime.py")
_OF_ACCESS = ("AWS_", "NO_PROXY", "no_proxy")
_one_at_a_time = threading.Lock()


def run(configuration: dict[str, Any], access: Access, event: Any, code: Path) -> Invocation:
    """Call a function whose code is in a folder; ``FunctionError`` if it does not end."""
    log = code.with_name("log")
    with Outside() as outside:
        call = {
            "handler": configuration["Handler"],
            "event": event,
            "seconds": configuration["Timeout"],
            # A second more than this process waits.
            "alarm": math.ceil(PROCESS_SECONDS) + 1,
            "outside": outside.address,
            "folder": str(code),
            "log": str(log),
            "environment": _environment(access, configuration),
        }
        failure = _call(call)
    return Invocation(outside.answer, failure, log.read_text("utf-8", errors="replace"))


def _call(call: dict[str, Any]) -> str:
    """Have a new process run the function; return its failure, empty if there is none."""
    with _forked() as process:
        process.send_bytes(json.dumps(call).encode())
        if not process.poll(PROCESS_SECONDS):
            # The alarm of the process ends it.
            raise FunctionError(f"{call['handler']} does not end within {PROCESS_SECONDS:g} s")
        try:
            return process.recv_bytes().decode()
        except EOFError:
            return "its process ended without a result"


def _forked() -> "Connection[bytes, bytes]":
    """Return the connection to a new process."""
    ours, its = Pipe()
    with its, _one_at_a_time:
        runtime, process = _runtime()
        if os.waitpid(process, os.WNOHANG)[0]:  # it has been killed
            _runtime.cache_clear()
            runtime, process = _runtime()
        send_handle(runtime, its.fileno(), process)
    return ours


@cache
def _runtime() -> "tuple[Connection[Any, Any], int]":
    """Start the process that forks. It ends with this one, which alone holds the connection."""
    ours, its = Pipe()
    command = [sys.executable, "-IBu", str(_RUNTIME)]
    with its:
        as_input = [(os.POSIX_SPAWN_DUP2, its.fileno(), 0)]
        environment = process_environment()
        return ours, os.posix_spawn(command[0], command, environment, file_actions=as_input)


def _environment(access: Access, configuration: dict[str, Any]) -> dict[str, str]:
    of_access = access.environment().items()
    variables: dict[str, str] = configuration.get("Environment", {}).get("Variables", {})
    return {
        **process_environment(),
        **{name: value for name, value in of_access if name.startswith(_OF_ACCESS)},
        # For downloads from the local AWS by something else than boto3.
        "SSL_CERT_FILE": str(access.ca_bundle),
        "HOME": os.devnull,
        **variables,
    }
