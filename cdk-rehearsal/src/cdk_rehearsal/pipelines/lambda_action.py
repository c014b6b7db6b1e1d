"""The invoke action for Lambda: it runs the deployed code of a function on this machine.

https://docs.aws.amazon.com/codepipeline/latest/userguide/action-reference-Lambda.html
"""

import atexit
import io
import json
import os
import select
import signal
import subprocess
import sys
import uuid
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any, cast
from urllib.parse import urlsplit

from cdk_rehearsal.access import Access
from cdk_rehearsal.bounds import PROCESS_SECONDS
from cdk_rehearsal.environment import process_environment
from cdk_rehearsal.expectation import RehearsalError
from cdk_rehearsal.pipelines.artifacts import Action, ArtifactStore
from cdk_rehearsal.scratch import ScratchDirectory
from cdk_rehearsal.server.local_aws import LocalAws

ATTEMPTS = 3
"""How often Lambda runs a function that CodePipeline has called, if it fails.
https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html"""

LAMBDA = "lambda.amazonaws.com"

_RUNTIME = Path(__file__).with_name("lambda_runtime.py")
_MOST_CALLS = 20
_LOG_LINES = 20


class LambdaAction:
    """Calls the function of an action, which a stack has deployed to ``aws``.

    ``access`` is that of the action's role, whose credentials the function gets with its job; the
    function runs with its own role. ``kills`` are the calls at which its process is killed, one for
    each attempt, such as ``before ecr.PutImage``.
    """

    def __init__(self, aws: LocalAws, access: Access, *, kills: Sequence[str] = ()) -> None:
        self._aws = aws
        self._access = access
        self._kills = list(kills)

    def run(self, action: Action, artifacts: ArtifactStore) -> dict[str, str]:
        """Return the output variables.

        ``RehearsalError`` if the function reports a failure or nothing, ``ClientError`` if the role
        of the action does not allow the call.
        """
        name = action["configuration"]["FunctionName"]
        # A dry run checks the permission, and runs nothing.
        self._access.client("lambda").invoke(FunctionName=name, InvocationType="DryRun")
        deployed = self._aws.client("lambda").get_function(FunctionName=name)
        function = deployed["Configuration"]
        inputs = [each["name"] for each in action["inputArtifacts"]]
        outputs = [each["name"] for each in action["outputArtifacts"]]
        job = {
            "actionConfiguration": {"configuration": action["configuration"]},
            "inputArtifacts": [_artifact(each, artifacts.location(each)) for each in inputs],
            "outputArtifacts": [_artifact(each, artifacts.reserve(each)) for each in outputs],
            "artifactCredentials": {
                "accessKeyId": self._access.key.access_key_id,
                "secretAccessKey": self._access.key.secret_access_key,
                "sessionToken": self._access.key.session_token,
            },
        }
        with ScratchDirectory("function") as scratch:
            code = scratch.path / "code"
            packed = self._aws.access.administer(urlsplit(deployed["Code"]["Location"]).path)
            with zipfile.ZipFile(io.BytesIO(packed)) as archive:
                archive.extractall(code)
            for _ in range(_MOST_CALLS):
                result = self._job(function, code, job)
                if failure := result.get("codepipeline.PutJobFailureResult"):
                    raise RehearsalError(failure["failureDetails"]["message"])
                success = result["codepipeline.PutJobSuccessResult"]
                if "continuationToken" not in success:
                    return dict(success.get("outputVariables", {}))
                # CodePipeline makes another job, which continues the work of this one.
                job |= {"continuationToken": success["continuationToken"]}
        raise RehearsalError(f"{name} is still in progress after {_MOST_CALLS} calls")

    def _job(
        self, function: Mapping[str, Any], code: Path, job: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Run the function for one job; return the result that it has reported, by operation."""
        identity = {"id": str(uuid.uuid4()), "accountId": self._aws.access.account}
        event = {"CodePipeline.job": identity | {"data": job}}
        access = self._aws.access.role(
            function["Role"], service=LAMBDA, session=function["FunctionName"]
        )
        log = ""
        for _ in range(ATTEMPTS):
            result, logged = code.parent / "result.json", code.parent / "log"
            status = _warm_runtime().run(
                {
                    "code": str(code),
                    "handler": function["Handler"],
                    "event": event,
                    "seconds": function["Timeout"],
                    "kill": self._kills.pop(0) if self._kills else "",
                    "result": str(result),
                    "log": str(logged),
                    "environment": self._environment(access, function),
                }
            )
            log = logged.read_text("utf-8")
            if job["artifactCredentials"]["secretAccessKey"] in log:
                raise RehearsalError("the function logs the credentials of its job")
            group = function.get("LoggingConfig", {}).get("LogGroup")
            group = group or f"/aws/lambda/{function['FunctionName']}"
            # Lambda would go on without a log: here the missing permission is an error.
            access.write_log(group, f"[$LATEST]{uuid.uuid4().hex}", log)
            if result.exists():
                told: dict[str, Any] = json.loads(result.read_text("utf-8"))
                return told
            if status == 0:
                break  # Lambda has seen no failure, so it does not try again
        lines = "\n".join(log.splitlines()[-_LOG_LINES:])
        raise RehearsalError(
            f"no answer of {function['FunctionName']}; on AWS the action fails after 20 minutes\n"
            f"{lines}"
        )

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


class _Runtime:
    """A process of `lambda_runtime` that has loaded boto3; it ends when this process ends."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-I", str(_RUNTIME)],
            # It has no credentials: each handler gets those of its role.
            env=process_environment() | {"HOME": os.devnull, "AWS_EC2_METADATA_DISABLED": "true"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            encoding="utf-8",
            start_new_session=True,
        )
        atexit.register(self.end)

    @property
    def has_ended(self) -> bool:
        """Whether it runs nothing any more."""
        return self._process.poll() is not None

    def run(self, job: Mapping[str, Any]) -> int:
        """Return the exit status of the process that has run a handler."""
        stdin = cast("IO[str]", self._process.stdin)
        stdout = cast("IO[str]", self._process.stdout)
        stdin.write(f"{json.dumps(job)}\n")
        stdin.flush()
        if not select.select([stdout], [], [], PROCESS_SECONDS)[0]:
            self.end()
            raise RehearsalError(f"{job['handler']} does not end within {PROCESS_SECONDS:g} s")
        if not (status := stdout.readline()):
            raise RehearsalError(f"the process that runs {job['handler']} has ended; see above")
        return int(status)

    def end(self) -> None:
        """End it, and the handler that it runs."""
        if not self.has_ended:
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.communicate()


_runtimes: list[_Runtime] = []


def _warm_runtime() -> _Runtime:
    """Return the process that runs functions; starting one takes longer than most jobs."""
    if not _runtimes or _runtimes[-1].has_ended:
        _runtimes.append(_Runtime())
    return _runtimes[-1]


def _artifact(name: str, location: Mapping[str, str]) -> dict[str, Any]:
    place = {"bucketName": location["Bucket"], "objectKey": location["Key"]}
    return {"name": name, "revision": None, "location": {"type": "S3", "s3Location": place}}
