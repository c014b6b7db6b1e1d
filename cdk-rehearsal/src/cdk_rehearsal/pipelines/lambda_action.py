"""The invoke action for Lambda: it runs the deployed code of a function on this machine.

https://docs.aws.amazon.com/codepipeline/latest/userguide/action-reference-Lambda.html
"""

import io
import json
import os
import subprocess
import sys
import uuid
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from cdk_rehearsal.access import Access
from cdk_rehearsal.bounds import PROCESS_SECONDS
from cdk_rehearsal.expectation import RehearsalError
from cdk_rehearsal.pipelines.artifacts import Action, ArtifactStore
from cdk_rehearsal.scratch import ScratchDirectory

LAMBDA = "lambda.amazonaws.com"

_RUNTIME = Path(__file__).with_name("lambda_runtime.py")
_MOST_CALLS = 20
_LOG_LINES = 20


def invoke(
    root: Access, access: Access, action: Action, artifacts: ArtifactStore
) -> dict[str, str]:
    """Call the function of an action, which a stack has deployed; return the output variables.

    ``access`` is that of the action's role, whose credentials the function gets with its job; the
    function runs with its own role. ``RehearsalError`` if the function reports a failure or
    nothing, ``ClientError`` if the role of the action does not allow the call.
    """
    name = action["configuration"]["FunctionName"]
    # A dry run checks the permission, and runs nothing.
    access.client("lambda").invoke(FunctionName=name, InvocationType="DryRun")
    deployed = root.client("lambda").get_function(FunctionName=name)
    inputs = [each["name"] for each in action["inputArtifacts"]]
    outputs = [each["name"] for each in action["outputArtifacts"]]
    job = {
        "actionConfiguration": {"configuration": action["configuration"]},
        "inputArtifacts": [_artifact(each, artifacts.location(each)) for each in inputs],
        "outputArtifacts": [_artifact(each, artifacts.reserve(each)) for each in outputs],
        "artifactCredentials": {
            "accessKeyId": access.key.access_key_id,
            "secretAccessKey": access.key.secret_access_key,
            "sessionToken": access.key.session_token,
        },
    }
    with ScratchDirectory("function") as scratch:
        packed = root.administer(urlsplit(deployed["Code"]["Location"]).path)
        with zipfile.ZipFile(io.BytesIO(packed)) as archive:
            archive.extractall(scratch.path / "code")
        for _ in range(_MOST_CALLS):
            result = _reported(root, deployed["Configuration"], scratch.path, job)
            if failure := result.get("codepipeline.PutJobFailureResult"):
                raise RehearsalError(failure["failureDetails"]["message"])
            success = result["codepipeline.PutJobSuccessResult"]
            if "continuationToken" not in success:
                return dict(success.get("outputVariables", {}))
            # CodePipeline makes another job, which continues the work of this one.
            job |= {"continuationToken": success["continuationToken"]}
    raise RehearsalError(f"{name} is still in progress after {_MOST_CALLS} calls")


def _reported(
    root: Access, function: Mapping[str, Any], folder: Path, job: Mapping[str, Any]
) -> dict[str, Any]:
    """Run the function for one job; return the result that it has reported, by operation.

    Lambda would run a function that fails twice more.
    """
    identity = {"id": str(uuid.uuid4()), "accountId": root.account}
    result = folder / "result.json"
    result.unlink(missing_ok=True)
    call = {
        "handler": function["Handler"],
        "event": {"CodePipeline.job": identity | {"data": job}},
        "seconds": function["Timeout"],
        "result": str(result),
    }
    name = function["FunctionName"]
    access = root.role(function["Role"], service=LAMBDA, session=name)
    log = _run(call, folder / "code", _environment(access, function))
    if job["artifactCredentials"]["secretAccessKey"] in log:
        raise RehearsalError("the function logs the credentials of its job")
    group = function.get("LoggingConfig", {}).get("LogGroup") or f"/aws/lambda/{name}"
    # Lambda would go on without a log: here the missing permission is an error.
    access.write_log(group, f"[$LATEST]{uuid.uuid4().hex}", log)
    if result.exists():
        told: dict[str, Any] = json.loads(result.read_text("utf-8"))
        return told
    lines = "\n".join(log.splitlines()[-_LOG_LINES:])
    raise RehearsalError(f"no answer of {name}; on AWS the action fails after 20 minutes\n{lines}")


def _environment(access: Access, function: Mapping[str, Any]) -> dict[str, str]:
    variables: dict[str, str] = function.get("Environment", {}).get("Variables", {})
    # Something else than boto3 downloads from the local AWS, too.
    own = {"SSL_CERT_FILE": str(access.ca_bundle), "HOME": os.devnull}
    return access.environment() | own | variables


def _run(call: Mapping[str, Any], code: Path, environment: Mapping[str, str]) -> str:
    """Run a handler in a process of its own, and return the log."""
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
    return done.stdout


def _artifact(name: str, location: Mapping[str, str]) -> dict[str, Any]:
    place = {"bucketName": location["Bucket"], "objectKey": location["Key"]}
    return {"name": name, "revision": None, "location": {"type": "S3", "s3Location": place}}
