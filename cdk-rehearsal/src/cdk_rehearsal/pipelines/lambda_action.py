"""The invoke action for Lambda, which calls the deployed function.

https://docs.aws.amazon.com/codepipeline/latest/userguide/action-reference-Lambda.html
"""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cdk_rehearsal.access import Access
from cdk_rehearsal.expectation import RehearsalError
from cdk_rehearsal.pipelines.artifacts import Action, ArtifactStore
from cdk_rehearsal.services.awslambda import ATTEMPTS

_MOST_CALLS = 20
_AT_WORK = "InProgress"


def call(functions: Any, name: str, event: Mapping[str, Any]) -> str:
    """Call a function as often as Lambda does after an asynchronous call; return its last log.

    ``functions`` is a client of Lambda. The log has at most 4 KB.
    """
    log = ""
    for _ in range(ATTEMPTS):
        ended = functions.invoke(FunctionName=name, Payload=json.dumps(event), LogType="Tail")
        log = base64.b64decode(ended.get("LogResult", "")).decode(errors="replace")
        if "FunctionError" not in ended:
            break
    return log


@dataclass(frozen=True, kw_only=True)
class Job:
    """What a worker does: an action of an execution, with the access of the action's role."""

    id: str
    pipeline: str
    execution: str
    commit: str
    action: Action
    access: Access
    artifacts: ArtifactStore


def invoke(codepipeline: Any, job: Job) -> dict[str, str]:
    """Call the function of an action until it has ended its job; return its output variables.

    The function gets the credentials of the action with its job, and runs with its own role.
    ``RehearsalError`` if it reports a failure or nothing, ``ClientError`` if the role of the action
    does not allow the call.
    """
    functions, name = job.access.client("lambda"), job.action["configuration"]["FunctionName"]
    identity = {"id": job.id, "accountId": job.access.account}
    data, token = _data(job), ""
    for _ in range(_MOST_CALLS):
        log = call(functions, name, {"CodePipeline.job": identity | {"data": data}})
        if job.access.key.secret_access_key in log:
            raise RehearsalError("the function logs the credentials of its job")
        listed = codepipeline.list_action_executions(
            pipelineName=job.pipeline, filter={"pipelineExecutionId": job.execution}
        )["actionExecutionDetails"]
        (state,) = (each for each in listed if each["actionExecutionId"] == job.id)
        if state["status"] == "Failed":
            raise RehearsalError(state["output"]["executionResult"]["errorDetails"]["message"])
        if state["status"] != _AT_WORK:
            return dict(state["output"]["outputVariables"])
        before, details = token, codepipeline.get_job_details(jobId=job.id)["jobDetails"]
        token = details["data"].get("continuationToken", "")
        if token == before:
            raise RehearsalError(
                f"no answer of {name}; on AWS the action fails after 20 minutes\n{log}"
            )
        data |= {"continuationToken": token}
    raise RehearsalError(f"{name} is still in progress after {_MOST_CALLS} calls")


def _data(job: Job) -> dict[str, Any]:
    """Return what the function learns of its job."""
    inputs = [each["name"] for each in job.action["inputArtifacts"]]
    outputs = [each["name"] for each in job.action["outputArtifacts"]]
    return {
        "actionConfiguration": {"configuration": job.action["configuration"]},
        "inputArtifacts": [_artifact(each, job.artifacts.location(each)) for each in inputs],
        "outputArtifacts": [_artifact(each, job.artifacts.reserve(each)) for each in outputs],
        "artifactCredentials": {
            "accessKeyId": job.access.key.access_key_id,
            "secretAccessKey": job.access.key.secret_access_key,
            "sessionToken": job.access.key.session_token,
        },
    }


def _artifact(name: str, location: Mapping[str, str]) -> dict[str, Any]:
    place = {"bucketName": location["Bucket"], "objectKey": location["Key"]}
    return {"name": name, "revision": None, "location": {"type": "S3", "s3Location": place}}
