"""A deployed Lambda function for Python, whose code runs on this machine."""

import io
import json
import os
import subprocess
import sys
import uuid
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from cdk_rehearsal.access import Access
from cdk_rehearsal.bounds import PROCESS_SECONDS
from cdk_rehearsal.environment import process_environment
from cdk_rehearsal.expectation import RehearsalError
from cdk_rehearsal.scratch import ScratchDirectory
from cdk_rehearsal.server.local_aws import LocalAws

LAMBDA = "lambda.amazonaws.com"

_RUNTIME = Path(__file__).with_name("lambda_runtime.py")
# How often Lambda runs a function for an event, if it fails.
# https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html
_ATTEMPTS = 3


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """The end of one run: ``job`` is the result that it reported to CodePipeline, by operation."""

    failed: bool
    log: str
    job: Mapping[str, Any]


class DeployedFunction:
    """A function that a stack has deployed to ``aws``; it runs with its own role."""

    def __init__(self, aws: LocalAws, name: str) -> None:
        self._aws = aws
        self.name = name
        self._deployed = aws.client("lambda").get_function(FunctionName=name)

    def attempts(self, event: Mapping[str, Any]) -> Iterator[Attempt]:
        """Yield the attempts of Lambda to run the function, until one does not fail."""
        function = self._deployed["Configuration"]
        access = self._aws.access.role(
            function["Role"], service=LAMBDA, session=function["FunctionName"]
        )
        group = function.get("LoggingConfig", {}).get("LogGroup")
        group = group or f"/aws/lambda/{function['FunctionName']}"
        with ScratchDirectory("function") as scratch:
            code, result = scratch.path / "code", scratch.path / "result.json"
            packed = self._aws.access.administer(urlsplit(self._deployed["Code"]["Location"]).path)
            with zipfile.ZipFile(io.BytesIO(packed)) as archive:
                archive.extractall(code)
            call = {
                "handler": function["Handler"],
                "event": event,
                "seconds": function["Timeout"],
                "result": str(result),
            }
            for _ in range(_ATTEMPTS):
                result.unlink(missing_ok=True)
                status, log = _run(call, code, self._environment(access, function))
                # Lambda would go on without a log: here the missing permission is an error.
                access.write_log(group, f"[$LATEST]{uuid.uuid4().hex}", log)
                job = json.loads(result.read_text("utf-8")) if result.exists() else {}
                yield Attempt(failed=status != 0, log=log, job=job)
                if status == 0:
                    break

    def _environment(self, access: Access, function: Mapping[str, Any]) -> dict[str, str]:
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
                "SSL_CERT_FILE": str(self._aws.access.ca_bundle),
                "HOME": os.devnull,
            }
            | variables
        )


def _run(call: Mapping[str, Any], code: Path, environment: Mapping[str, str]) -> tuple[int, str]:
    """Run a handler in a process of its own; return the exit status of that, and the log."""
    try:
        done = subprocess.run(
            [sys.executable, "-I", str(_RUNTIME)],
            input=json.dumps(call),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd=code,
            env=environment,
            encoding="utf-8",
            errors="replace",
            timeout=PROCESS_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        reason = f"{call['handler']} does not end within {PROCESS_SECONDS:g} s"
        raise RehearsalError(reason) from None
    return done.returncode, done.stdout
