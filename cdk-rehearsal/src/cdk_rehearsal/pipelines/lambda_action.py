"""The invoke action for Lambda: it runs the deployed code of a function on this machine.

https://docs.aws.amazon.com/codepipeline/latest/userguide/action-reference-Lambda.html
"""

import uuid
from collections.abc import Mapping
from typing import Any

from cdk_rehearsal.access import Access
from cdk_rehearsal.expectation import RehearsalError
from cdk_rehearsal.pipelines.artifacts import Action, ArtifactStore
from cdk_rehearsal.pipelines.lambda_function import DeployedFunction
from cdk_rehearsal.server.local_aws import LocalAws

_MOST_CALLS = 20
_LOG_LINES = 20


class LambdaAction:
    """Calls the function of an action, which a stack has deployed to ``aws``.

    ``access`` is that of the action's role, whose credentials the function gets with its job; the
    function runs with its own role.
    """

    def __init__(self, aws: LocalAws, access: Access) -> None:
        self._aws = aws
        self._access = access

    def run(self, action: Action, artifacts: ArtifactStore) -> dict[str, str]:
        """Return the output variables.

        ``RehearsalError`` if the function reports a failure or nothing, ``ClientError`` if the role
        of the action does not allow the call.
        """
        name = action["configuration"]["FunctionName"]
        # A dry run checks the permission, and runs nothing.
        self._access.client("lambda").invoke(FunctionName=name, InvocationType="DryRun")
        function = DeployedFunction(self._aws, name)
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
        for _ in range(_MOST_CALLS):
            result = self._job(function, job)
            if failure := result.get("codepipeline.PutJobFailureResult"):
                raise RehearsalError(failure["failureDetails"]["message"])
            success = result["codepipeline.PutJobSuccessResult"]
            if "continuationToken" not in success:
                return dict(success.get("outputVariables", {}))
            # CodePipeline makes another job, which continues the work of this one.
            job |= {"continuationToken": success["continuationToken"]}
        raise RehearsalError(f"{name} is still in progress after {_MOST_CALLS} calls")

    def _job(self, function: DeployedFunction, job: Mapping[str, Any]) -> Mapping[str, Any]:
        """Run the function for one job; return the result that it has reported, by operation."""
        identity = {"id": str(uuid.uuid4()), "accountId": self._aws.access.account}
        log = ""
        for attempt in function.attempts({"CodePipeline.job": identity | {"data": job}}):
            log = attempt.log
            if job["artifactCredentials"]["secretAccessKey"] in log:
                raise RehearsalError("the function logs the credentials of its job")
            if attempt.job:
                return attempt.job
        lines = "\n".join(log.splitlines()[-_LOG_LINES:])
        raise RehearsalError(
            f"no answer of {function.name}; on AWS the action fails after 20 minutes\n{lines}"
        )


def _artifact(name: str, location: Mapping[str, str]) -> dict[str, Any]:
    place = {"bucketName": location["Bucket"], "objectKey": location["Key"]}
    return {"name": name, "revision": None, "location": {"type": "S3", "s3Location": place}}
