"""The calls that a malicious commit can make with the credentials of its build."""

import secrets
from collections.abc import Iterator, Mapping
from functools import cache, partial
from typing import Any

import boto3
from botocore import xform_name
from botocore.exceptions import ClientError

DONE = "done"

Targets = Mapping[str, Any]
Attempt = tuple[str, str, Mapping[str, Any]]
"""The purpose of a call, the IAM action that it needs, and its arguments."""

# The operations that have another name than the IAM action.
_OPERATIONS = {
    "s3:ListBucket": "list_objects_v2",
    "lambda:InvokeFunction": "invoke",
}
_MANIFEST = '{"schemaVersion": 2, "config": {}, "layers": []}'
_NO_JOB = "11111111-2222-3333-4444-555555555555"


class Attacker:
    """Makes calls with the credentials in the environment of a build, and with no others."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        credentials = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
        session = boto3.Session(*(environment[name] for name in credentials))
        self._client = cache(
            partial(
                session.client,
                region_name=environment["AWS_REGION"],
                endpoint_url=environment["AWS_ENDPOINT_URL"],
                verify=environment["AWS_CA_BUNDLE"],
            )
        )

    def attempt(self, attempt: Attempt) -> dict[str, str]:
        """Make a call; return what was attempted, and the code and the message of the answer."""
        what, action, arguments = attempt
        service, _, operation = action.partition(":")
        code, said = DONE, ""
        try:
            method = _OPERATIONS.get(action) or xform_name(operation)
            getattr(self._client(service), method)(**arguments)
        except ClientError as error:
            code, said = error.response["Error"]["Code"], error.response["Error"]["Message"]
        return {"what": what, "action": action, "code": code, "said": said}


def forbidden(targets: Targets) -> Iterator[Attempt]:
    """Yield the attempts that IAM must refuse."""
    yield from _images(targets)
    yield from _artifacts(targets)
    yield from _service(targets)
    yield from _deliveries(targets)
    own = {"RoleName": targets["own_role"], "PolicyName": "evil", "PolicyDocument": "{}"}
    yield "widen its own role", "iam:PutRolePolicy", own
    for arn in targets["roles"]:
        role = {"RoleArn": arn, "RoleSessionName": "evil"}
        yield f"become {arn.rpartition('/')[2]}", "sts:AssumeRole", role


def allowed(targets: Targets) -> Iterator[Attempt]:
    """Yield the attempts that a build needs, and that work until its credentials expire."""
    for name in targets["written"]:
        yield f"read the artifact of {name}", "s3:GetObject", targets["artifacts"][name]
    new = f"more-{secrets.token_hex(4)}"
    yield "push one more build", "ecr:PutImage", _image(targets["builds"], new)
    live = {"repositoryName": targets["repository"], "imageIds": [{"imageTag": "live"}]}
    yield "pull the image in service", "ecr:BatchGetImage", live
    stream = {"logGroupName": targets["log_group"], "logStreamName": new}
    yield "write to the log of builds", "logs:CreateLogStream", stream


def _image(repository: str, tag: str) -> dict[str, Any]:
    return {"repositoryName": repository, "imageTag": tag, "imageManifest": _MANIFEST}


def _images(targets: Targets) -> Iterator[Attempt]:
    builds, repository, tag = targets["builds"], targets["repository"], targets["tag"]
    put = "ecr:PutImage"
    yield "move live", put, _image(repository, "live")
    yield "add an image beside live", put, _image(repository, "evil")
    yield "put another image under the approved tag", put, _image(builds, tag)
    for where, each in ((repository, "live"), (builds, tag)):
        image = {"repositoryName": where, "imageIds": [{"imageTag": each}]}
        yield f"delete {each}", "ecr:BatchDeleteImage", image
        mutable = {"repositoryName": where, "imageTagMutability": "MUTABLE"}
        yield f"let tags of {where} move", "ecr:PutImageTagMutability", mutable


def _artifacts(targets: Targets) -> Iterator[Attempt]:
    places = targets["artifacts"]
    for name, place in places.items():
        yield f"overwrite the artifact of {name}", "s3:PutObject", {**place, "Body": b"evil"}
        yield f"delete the artifact of {name}", "s3:DeleteObject", place
    bucket = {"Bucket": places["the source"]["Bucket"]}
    yield "list the artifacts", "s3:ListBucket", bucket
    yield "open the bucket", "s3:PutBucketPolicy", {**bucket, "Policy": "{}"}


def _service(targets: Targets) -> Iterator[Attempt]:
    cluster, revision = targets["cluster"], targets["task_definition"]
    stopped = {"cluster": cluster, "service": targets["service"], "desiredCount": 0}
    yield "stop the service", "ecs:UpdateService", stopped
    yield "pass the task's roles on", "ecs:RegisterTaskDefinition", revision
    for secret in targets["secrets"]:
        name = secret.rpartition(":")[2]
        yield f"read {name}", "secretsmanager:GetSecretValue", {"SecretId": secret}


def _deliveries(targets: Targets) -> Iterator[Attempt]:
    function, project, pipeline = targets["function"], targets["project"], targets["pipeline"]
    call = {"FunctionName": function, "Payload": b"{}"}
    yield "call the release function", "lambda:InvokeFunction", call
    code = {"FunctionName": function, "ZipFile": b"evil"}
    yield "replace its code", "lambda:UpdateFunctionCode", code
    yield "build again", "codebuild:StartBuild", {"projectName": project}
    yield "report the result of a job", "codepipeline:PutJobSuccessResult", {"jobId": _NO_JOB}
    approval = {
        "pipelineName": pipeline,
        "stageName": "Approve",
        "actionName": "Approve",
        "token": _NO_JOB,
        "result": {"summary": "", "status": "Approved"},
    }
    yield "approve", "codepipeline:PutApprovalResult", approval
    yield "start the pipeline", "codepipeline:StartPipelineExecution", {"name": pipeline}
