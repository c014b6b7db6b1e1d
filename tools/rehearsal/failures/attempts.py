"""The calls that a malicious commit can make with the credentials of its build."""

import secrets
from collections.abc import Iterator, Mapping
from functools import cache, partial
from typing import Any

import boto3
from botocore import xform_name
from botocore.exceptions import ClientError

from tools.rehearsal.context import RehearsalContext, ServicePipeline

DONE = "done"

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


def forbidden(pipeline: ServicePipeline, tag: str) -> Iterator[Attempt]:
    """Yield the attempts that IAM must refuse, for a delivery whose build has this tag."""
    context, project = pipeline.context, pipeline.project()
    yield from _images(context, tag)
    yield from _artifacts(pipeline)
    yield from _service(context)
    yield from _deliveries(pipeline)
    own = {"RoleName": project["serviceRole"].rpartition("/")[2], "PolicyName": "evil"}
    yield "widen its own role", "iam:PutRolePolicy", {**own, "PolicyDocument": "{}"}
    for page in context.aws.client("iam").get_paginator("list_roles").paginate():
        for each in page["Roles"]:
            role = {"RoleArn": each["Arn"], "RoleSessionName": "evil"}
            yield f"become {each['RoleName']}", "sts:AssumeRole", role


def allowed(pipeline: ServicePipeline) -> Iterator[Attempt]:
    """Yield the attempts that a build needs, and that work until its credentials expire."""
    repository, new = pipeline.context.repository(), f"more-{secrets.token_hex(4)}"
    for name, place in _written(pipeline).items():
        yield f"read the artifact of {name}", "s3:GetObject", place
    yield "push one more build", "ecr:PutImage", _image(f"{repository}/builds", new)
    live = {"repositoryName": repository, "imageIds": [{"imageTag": "live"}]}
    yield "pull the image in service", "ecr:BatchGetImage", live
    stream = {"logGroupName": f"/aws/codebuild/{pipeline.project()['name']}", "logStreamName": new}
    yield "write to the log of builds", "logs:CreateLogStream", stream


def _image(repository: str, tag: str) -> dict[str, Any]:
    return {"repositoryName": repository, "imageTag": tag, "imageManifest": _MANIFEST}


def _images(context: RehearsalContext, tag: str) -> Iterator[Attempt]:
    repository, put = context.repository(), "ecr:PutImage"
    builds = f"{repository}/builds"
    yield "move live", put, _image(repository, "live")
    yield "add an image beside live", put, _image(repository, "evil")
    yield "put another image under the approved tag", put, _image(builds, tag)
    for where, each in ((repository, "live"), (builds, tag)):
        image = {"repositoryName": where, "imageIds": [{"imageTag": each}]}
        yield f"delete {each}", "ecr:BatchDeleteImage", image
        mutable = {"repositoryName": where, "imageTagMutability": "MUTABLE"}
        yield f"let tags of {where} move", "ecr:PutImageTagMutability", mutable


def _written(pipeline: ServicePipeline) -> dict[str, dict[str, str]]:
    """Return where the artifacts of a delivery are."""
    return {
        name: pipeline.artifacts.location(pipeline.action(name)["outputArtifacts"][0]["name"])
        for name in ("Source", "Release")
    }


def _artifacts(pipeline: ServicePipeline) -> Iterator[Attempt]:
    places = _written(pipeline)
    bucket, key = {"Bucket": places["Source"]["Bucket"]}, places["Source"]["Key"]
    # A build has no output artifact; this is where one would be.
    places["Build"] = {**bucket, "Key": f"{key}-of-the-build"}
    for name, place in places.items():
        yield f"overwrite the artifact of {name}", "s3:PutObject", {**place, "Body": b"evil"}
        yield f"delete the artifact of {name}", "s3:DeleteObject", place
    yield "list the artifacts", "s3:ListBucket", bucket
    yield "open the bucket", "s3:PutBucketPolicy", {**bucket, "Policy": "{}"}


def _service(context: RehearsalContext) -> Iterator[Attempt]:
    service, task = context.service(), context.task_definition()
    name = {"cluster": service["clusterArn"], "service": service["serviceName"]}
    yield "stop the service", "ecs:UpdateService", {**name, "desiredCount": 0}
    revision = {key: task[key] for key in ("family", "taskRoleArn", "executionRoleArn")}
    container = {"name": task["containerDefinitions"][0]["name"], "image": "evil"}
    passed = {**revision, "containerDefinitions": [container]}
    yield "pass the task's roles on", "ecs:RegisterTaskDefinition", passed
    for secret in context.aws.client("secretsmanager").list_secrets()["SecretList"]:
        read = {"SecretId": secret["ARN"]}
        yield f"read {secret['Name']}", "secretsmanager:GetSecretValue", read


def _deliveries(pipeline: ServicePipeline) -> Iterator[Attempt]:
    name, release = pipeline.context.outputs()["PipelineName"], pipeline.action("Release")
    function = {"FunctionName": release["configuration"]["FunctionName"]}
    yield "call the release function", "lambda:InvokeFunction", {**function, "Payload": b"{}"}
    yield "replace its code", "lambda:UpdateFunctionCode", {**function, "ZipFile": b"evil"}
    yield "build again", "codebuild:StartBuild", {"projectName": pipeline.project()["name"]}
    yield "report the result of a job", "codepipeline:PutJobSuccessResult", {"jobId": _NO_JOB}
    approval = {"pipelineName": name, "stageName": "Approve", "actionName": "Approve"}
    approved = {"token": _NO_JOB, "result": {"summary": "", "status": "Approved"}}
    yield "approve", "codepipeline:PutApprovalResult", {**approval, **approved}
    yield "start the pipeline", "codepipeline:StartPipelineExecution", {"name": name}
