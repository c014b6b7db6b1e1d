"""What a malicious commit tries with the credentials of its build; the build runs this file.

``python attack_in_build.py TARGETS`` reads from the JSON file TARGETS what exists, and makes every
attempt. Beside that file it writes the answers, and its environment with the build's credentials.
"""

import json
import os
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import boto3
from botocore import xform_name
from botocore.exceptions import ClientError

DONE = "done"
ANSWERS, ENVIRONMENT = "answers.json", "environment.json"

Targets = Mapping[str, Any]
Attempt = tuple[str, str, Mapping[str, Any]]
"""The purpose of a call, the IAM action that it needs, and its arguments."""

# The operations that have another name than the IAM action.
_OPERATIONS = {
    "s3:ListBucket": "list_objects_v2",
    "s3:ListAllMyBuckets": "list_buckets",
    "lambda:InvokeFunction": "invoke",
}
_MANIFEST = json.dumps({"schemaVersion": 2, "config": {}, "layers": []})
_NO_JOB = "11111111-2222-3333-4444-555555555555"


def forbidden(targets: Targets) -> Iterator[Attempt]:
    """Yield the attempts that IAM must refuse."""
    yield from _images(targets)
    yield from _artifacts(targets)
    yield from _service(targets)
    yield from _deliveries(targets)
    own = {"RoleName": targets["own_role"], "PolicyName": "evil", "PolicyDocument": "{}"}
    yield "widen its own role", "iam:PutRolePolicy", own
    another = {"RoleName": "evil", "AssumeRolePolicyDocument": "{}"}
    yield "make a role", "iam:CreateRole", another
    for name, arn in targets["roles"].items():
        yield f"become {name}", "sts:AssumeRole", {"RoleArn": arn, "RoleSessionName": "evil"}


def allowed(targets: Targets) -> Iterator[Attempt]:
    """Yield the attempts that a build needs, and that work until its credentials expire."""
    for name in targets["written"]:
        yield f"read the artifact of {name}", "s3:GetObject", targets["artifacts"][name]
    new = f"more-{os.getpid()}"
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
    yield "push to another repository", put, _image("another", "live")
    for where, each in ((repository, "live"), (builds, tag)):
        image = {"repositoryName": where, "imageIds": [{"imageTag": each}]}
        yield f"delete {each}", "ecr:BatchDeleteImage", image
        mutable = {"repositoryName": where, "imageTagMutability": "MUTABLE"}
        yield f"let tags of {where} move", "ecr:PutImageTagMutability", mutable
    policy = {"repositoryName": repository, "policyText": "{}"}
    yield "open the repository", "ecr:SetRepositoryPolicy", policy


def _artifacts(targets: Targets) -> Iterator[Attempt]:
    places = targets["artifacts"]
    for name, place in places.items():
        yield f"overwrite the artifact of {name}", "s3:PutObject", {**place, "Body": b"evil"}
        yield f"delete the artifact of {name}", "s3:DeleteObject", place
    bucket = {"Bucket": places["the source"]["Bucket"]}
    yield "list the artifacts", "s3:ListBucket", bucket
    yield "list all buckets", "s3:ListAllMyBuckets", {}
    yield "open the bucket", "s3:PutBucketPolicy", {**bucket, "Policy": "{}"}


def _service(targets: Targets) -> Iterator[Attempt]:
    cluster, revision = targets["cluster"], targets["task_definition"]
    for name in (targets["service"], "another"):
        stopped = {"cluster": cluster, "service": name, "desiredCount": 0}
        yield f"stop the service {name}", "ecs:UpdateService", stopped
    yield "pass the task's roles on", "ecs:RegisterTaskDefinition", revision
    task = {"cluster": cluster, "taskDefinition": revision["family"]}
    yield "run a task", "ecs:RunTask", task
    for name, secret in targets["secrets"].items():
        yield f"read {name}", "secretsmanager:GetSecretValue", {"SecretId": secret}


def _deliveries(targets: Targets) -> Iterator[Attempt]:
    function, project, pipeline = targets["function"], targets["project"], targets["pipeline"]
    call = {"FunctionName": function, "Payload": b"{}"}
    yield "call the release function", "lambda:InvokeFunction", call
    code = {"FunctionName": function, "ZipFile": b"evil"}
    yield "replace its code", "lambda:UpdateFunctionCode", code
    yield "build again", "codebuild:StartBuild", {"projectName": project}
    changed = {"name": project, "description": "evil"}
    yield "change its project", "codebuild:UpdateProject", changed
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


@cache
def _client(service: str) -> Any:
    return boto3.client(service)


def _answer(attempt: Attempt) -> dict[str, str]:
    what, action, arguments = attempt
    service, _, operation = action.partition(":")
    code, said = DONE, ""
    try:
        call = getattr(_client(service), _OPERATIONS.get(action) or xform_name(operation))
        call(**arguments)
    except ClientError as error:
        code, said = error.response["Error"]["Code"], error.response["Error"]["Message"]
    return {"what": what, "action": action, "code": code, "said": said}


def main(file: Path) -> None:
    """Make every attempt, and write down how each ended."""
    targets = json.loads(file.read_text("utf-8"))
    answers = {
        "forbidden": [_answer(each) for each in forbidden(targets)],
        "allowed": [_answer(each) for each in allowed(targets)],
    }
    (file.parent / ANSWERS).write_text(json.dumps(answers), encoding="utf-8")
    (file.parent / ENVIRONMENT).write_text(json.dumps(dict(os.environ)), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
