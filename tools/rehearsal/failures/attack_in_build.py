"""What a commit can try with the credentials of its build: a part of the commit, run by the build.

``python attack_in_build.py TARGETS`` reads from the JSON file what there is, tries everything, and
writes the answers, and its environment for whoever goes on with it, beside that file.
"""

import json
import os
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import ClientError

DONE = "done"
ANSWERS, ENVIRONMENT = "answers.json", "environment.json"

Targets = Mapping[str, Any]
Attempt = tuple[str, str, str, Mapping[str, Any]]
"""What is wanted, the action that it takes, the method of boto3's client, and its arguments."""

_MANIFEST = json.dumps({"schemaVersion": 2, "config": {}, "layers": []})
_NO_JOB = "11111111-2222-3333-4444-555555555555"
_APPROVED = {"summary": "", "status": "Approved"}


def forbidden(targets: Targets) -> Iterator[Attempt]:
    """Yield what only a delivery may, or nobody."""
    yield from _images(targets)
    yield from _artifacts(targets)
    yield from _service(targets)
    yield from _deliveries(targets)
    own = {"RoleName": targets["own_role"], "PolicyName": "evil", "PolicyDocument": "{}"}
    yield "widen its own role", "iam:PutRolePolicy", "put_role_policy", own
    another = {"RoleName": "evil", "AssumeRolePolicyDocument": "{}"}
    yield "make a role", "iam:CreateRole", "create_role", another
    for name, arn in targets["roles"].items():
        role = {"RoleArn": arn, "RoleSessionName": "evil"}
        yield f"become {name}", "sts:AssumeRole", "assume_role", role


def left(targets: Targets) -> Iterator[Attempt]:
    """Yield what a build may do, also when it has ended."""
    for name, place in targets["artifacts"].items():
        if name in targets["written"]:
            yield f"read the artifact of {name}", "s3:GetObject", "get_object", place
    new = f"more-{os.getpid()}"
    yield "push one more build", "ecr:PutImage", "put_image", _image(targets["builds"], new)
    live = {"repositoryName": targets["repository"], "imageIds": [{"imageTag": "live"}]}
    yield "pull the image in service", "ecr:BatchGetImage", "batch_get_image", live
    stream = {"logGroupName": targets["log_group"], "logStreamName": new}
    yield "write to the log of builds", "logs:CreateLogStream", "create_log_stream", stream


def _image(repository: str, tag: str) -> dict[str, Any]:
    return {"repositoryName": repository, "imageTag": tag, "imageManifest": _MANIFEST}


def _images(targets: Targets) -> Iterator[Attempt]:
    builds, repository, tag = targets["builds"], targets["repository"], targets["tag"]
    put = "ecr:PutImage", "put_image"
    yield "move live", *put, _image(repository, "live")
    yield "add an image beside live", *put, _image(repository, "evil")
    yield "put another image under the approved tag", *put, _image(builds, tag)
    yield "push to another repository", *put, _image("another", "live")
    for where, each in ((repository, "live"), (builds, tag)):
        image = {"repositoryName": where, "imageIds": [{"imageTag": each}]}
        yield f"delete {each}", "ecr:BatchDeleteImage", "batch_delete_image", image
        mutable = {"repositoryName": where, "imageTagMutability": "MUTABLE"}
        yield (
            f"let tags of {where} move",
            "ecr:PutImageTagMutability",
            "put_image_tag_mutability",
            mutable,
        )
    policy = {"repositoryName": repository, "policyText": "{}"}
    yield "open the repository", "ecr:SetRepositoryPolicy", "set_repository_policy", policy


def _artifacts(targets: Targets) -> Iterator[Attempt]:
    places = targets["artifacts"]
    for name, place in places.items():
        body = {**place, "Body": b"evil"}
        yield f"overwrite the artifact of {name}", "s3:PutObject", "put_object", body
        yield f"delete the artifact of {name}", "s3:DeleteObject", "delete_object", place
    bucket = {"Bucket": places["the source"]["Bucket"]}
    yield "list the artifacts", "s3:ListBucket", "list_objects_v2", bucket
    yield "list all buckets", "s3:ListAllMyBuckets", "list_buckets", {}
    yield "open the bucket", "s3:PutBucketPolicy", "put_bucket_policy", {**bucket, "Policy": "{}"}


def _service(targets: Targets) -> Iterator[Attempt]:
    cluster, revision = targets["cluster"], targets["task_definition"]
    for name in (targets["service"], "another"):
        stopped = {"cluster": cluster, "service": name, "desiredCount": 0}
        yield f"stop the service {name}", "ecs:UpdateService", "update_service", stopped
    register = "ecs:RegisterTaskDefinition", "register_task_definition"
    yield "pass the task's roles on", *register, revision
    task = {"cluster": cluster, "taskDefinition": revision["family"]}
    yield "run a task", "ecs:RunTask", "run_task", task
    for name, secret in targets["secrets"].items():
        read = "secretsmanager:GetSecretValue", "get_secret_value"
        yield f"read {name}", *read, {"SecretId": secret}


def _deliveries(targets: Targets) -> Iterator[Attempt]:
    function, project = targets["function"], targets["project"]
    call = {"FunctionName": function, "Payload": b"{}"}
    yield "call the release function", "lambda:InvokeFunction", "invoke", call
    code = {"FunctionName": function, "ZipFile": b"evil"}
    update = "lambda:UpdateFunctionCode", "update_function_code"
    yield "replace its code", *update, code
    yield "build again", "codebuild:StartBuild", "start_build", {"projectName": project}
    changed = {"name": project, "description": "evil"}
    yield "change its project", "codebuild:UpdateProject", "update_project", changed
    success = "codepipeline:PutJobSuccessResult", "put_job_success_result"
    yield "report the result of a job", *success, {"jobId": _NO_JOB}
    of_stage = {"pipelineName": targets["pipeline"], "stageName": "Approve"}
    approval = {**of_stage, "actionName": "Approve", "token": _NO_JOB, "result": _APPROVED}
    approve = "codepipeline:PutApprovalResult", "put_approval_result"
    yield "approve", *approve, approval
    start = "codepipeline:StartPipelineExecution", "start_pipeline_execution"
    yield "start the pipeline", *start, {"name": targets["pipeline"]}


@cache
def _client(service: str) -> Any:
    return boto3.client(service)


def _answer(attempt: Attempt) -> dict[str, str]:
    what, action, method, arguments = attempt
    code, said = DONE, ""
    try:
        getattr(_client(action.partition(":")[0]), method)(**arguments)
    except ClientError as error:
        code, said = error.response["Error"]["Code"], error.response["Error"]["Message"]
    return {"what": what, "action": action, "code": code, "said": said}


def main(file: Path) -> None:
    """Try it all."""
    targets = json.loads(file.read_text("utf-8"))
    answers = {
        "forbidden": [_answer(each) for each in forbidden(targets)],
        "left": [_answer(each) for each in left(targets)],
    }
    (file.parent / ANSWERS).write_text(json.dumps(answers), encoding="utf-8")
    (file.parent / ENVIRONMENT).write_text(json.dumps(dict(os.environ)), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
