"""Lambda: functions for Python, which make their calls themselves (`python_runtime`)."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from cdk_rehearsal.access import Access
from cdk_rehearsal.bounds import PROCESS_SECONDS
from cdk_rehearsal.environment import process_environment
from cdk_rehearsal.services.awslambda import FunctionError, Invocation
from cdk_rehearsal.services.awslambda.outside import Outside

_RUNTIME = Path(__file__).with_name("python_runtime.py")
_OF_ACCESS = ("AWS_", "NO_PROXY", "no_proxy")


def run(configuration: dict[str, Any], access: Access, event: Any, code: Path) -> Invocation:
    """Call a function whose code is in a folder; ``FunctionError`` if it does not end."""
    handler = configuration["Handler"]
    call = {"handler": handler, "event": event, "seconds": configuration["Timeout"]}
    with Outside() as outside:
        try:
            done = subprocess.run(
                [sys.executable, "-I", str(_RUNTIME)],
                input=json.dumps(call | {"outside": outside.address}),
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                cwd=code,
                env=_environment(access, configuration),
                encoding="utf-8",
                errors="replace",
                timeout=PROCESS_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            reason = f"{handler} does not end within {PROCESS_SECONDS:g} s"
            raise FunctionError(reason) from None
    failure = f"exit status {done.returncode}" if done.returncode else ""
    return Invocation(answer=outside.answer, failure=failure, log=done.stdout)


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
