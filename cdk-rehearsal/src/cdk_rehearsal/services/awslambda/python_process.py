"""Runs functions for Python, each call in a process of its own, with the access of their role."""

import io
import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cdk_rehearsal.access import Access
from cdk_rehearsal.bounds import PROCESS_SECONDS
from cdk_rehearsal.environment import process_environment
from cdk_rehearsal.expectation import RehearsalError

ATTEMPTS = 3
"""How often Lambda runs a function that fails after an asynchronous call.
https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html"""

_RUNTIME = Path(__file__).with_name("python_runtime.py")


def unpack(packed: bytes, code: Path) -> None:
    """Unpack the code of a function into a folder."""
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        archive.extractall(code)


def run(
    function: Mapping[str, Any],
    access: Access,
    event: Mapping[str, Any],
    *,
    code: Path,
    outside: str = "",
) -> tuple[int, str, dict[str, Any]]:
    """Call a function; return the status of its process, its log, and what it told CodePipeline.

    ``function`` is its configuration. Requests to other hosts than the local AWS go to the address
    ``outside``. ``RehearsalError`` if the function does not end.
    """
    result = code.parent / "result.json"
    result.unlink(missing_ok=True)
    call = {
        "handler": function["Handler"],
        "event": event,
        "seconds": function["Timeout"],
        "result": str(result),
        "outside": outside,
    }
    try:
        done = subprocess.run(
            [sys.executable, "-I", str(_RUNTIME)],
            input=json.dumps(call),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd=code,
            env=_environment(access, function),
            encoding="utf-8",
            errors="replace",
            timeout=PROCESS_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        reason = f"{call['handler']} does not end within {PROCESS_SECONDS:g} s"
        raise RehearsalError(reason) from None
    told = json.loads(result.read_text("utf-8")) if result.exists() else {}
    return done.returncode, done.stdout, told


def _environment(access: Access, function: Mapping[str, Any]) -> dict[str, str]:
    variables: dict[str, str] = function.get("Environment", {}).get("Variables", {})
    return (
        process_environment()
        | {
            name: value
            for name, value in access.environment().items()
            if name.startswith(("AWS_", "NO_PROXY", "no_proxy"))
        }
        | {
            # For downloads from the local AWS by something else than boto3.
            "SSL_CERT_FILE": str(access.ca_bundle),
            "HOME": os.devnull,
        }
        | variables
    )
