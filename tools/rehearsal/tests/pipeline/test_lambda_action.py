"""A Lambda invoke action, with the function that the blueprint deploys, on a local AWS."""

import io
import json
import zipfile
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tools.local_aws import LocalAws
from tools.local_aws.image_push import push_image
from tools.local_aws.tests.stacks import Stacks
from tools.rehearsal.expectation import RehearsalError
from tools.rehearsal.pipeline.lambda_action import LambdaAction
from tools.rehearsal.pipeline.worker import CODEPIPELINE
from tools.repository import ROOT

pytestmark = pytest.mark.slow

ACCOUNT, REGION = "111122223333", "eu-west-1"
REGISTRY = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com"
SERVICE, BUILDS = f"{REGISTRY}/shop", f"{REGISTRY}/shop/builds"
BUCKET = "artifacts"


INVOKE = {
    "Action": "lambda:InvokeFunction",
    "Resource": f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:release",
}


def _role(principal: dict[str, Any], *statements: dict[str, Any]) -> dict[str, Any]:
    trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": principal}
    allowed = [{"Effect": "Allow", **each} for each in statements]
    document = {"Version": "2012-10-17", "Statement": allowed}
    return {
        "Type": "AWS::IAM::Role",
        "Properties": {
            "AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": [trust]},
            "Policies": [{"PolicyName": "all", "PolicyDocument": document}],
        },
    }


def _repository(name: str) -> dict[str, Any]:
    return {"Type": "AWS::ECR::Repository", "Properties": {"RepositoryName": name}}


OF_PIPELINE = {"AWS": {"Fn::GetAtt": ["PipelineRole", "Arn"]}}
ARTIFACTS = {
    "Action": "s3:PutObject",
    "Resource": f"arn:aws:s3:::{BUCKET}/*",
}
RESOURCES: dict[str, Any] = {
    "Service": _repository("shop"),
    "Builds": _repository("shop/builds"),
    "PipelineRole": _role({"Service": CODEPIPELINE}, {"Action": "sts:AssumeRole", "Resource": "*"}),
    "ActionRole": _role(OF_PIPELINE, ARTIFACTS, INVOKE),
    "IdleRole": _role(OF_PIPELINE, ARTIFACTS),
    "BlindRole": _role(OF_PIPELINE, INVOKE),
    "FunctionRole": _role(
        {"Service": "lambda.amazonaws.com"},
        {
            "Action": [
                "ecr:*",
                "cloudwatch:DescribeAlarms",
                "codepipeline:PutJob*",
                "logs:CreateLogStream",
                "logs:PutLogEvents",
            ],
            "Resource": "*",
        },
    ),
    "Logs": {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": "/aws/lambda/release"}},
    "Function": {
        "Type": "AWS::Lambda::Function",
        "Properties": {
            "FunctionName": "release",
            "Code": {"S3Bucket": BUCKET, "S3Key": "code.zip"},
            "Handler": "function.handler",
            "Role": {"Fn::GetAtt": ["FunctionRole", "Arn"]},
            "Runtime": "python3.14",
            "Timeout": 300,
            "Environment": {
                "Variables": {
                    "REPOSITORY": SERVICE,
                    "BUILDS_REPOSITORY": BUILDS,
                    "LIVE_TAG": "live",
                    "CLUSTER": "cluster",
                    "SERVICE": "web",
                    "CONTAINER": "web",
                    "IMAGE_DEFINITIONS_FILE": "images.json",
                    "ALARMS": '["web-cpu"]',
                }
            },
        },
    },
}


@pytest.fixture(scope="module")
def aws() -> Iterator[LocalAws]:
    with LocalAws(account=ACCOUNT, region=REGION) as aws:
        s3 = aws.client("s3")
        s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            archive.write(ROOT / "backend_service" / "release" / "function.py", "function.py")
        s3.put_object(Bucket=BUCKET, Key="code.zip", Body=packed.getvalue())
        stacks = Stacks(aws.client("cloudformation"))
        stacks.deploy("delivery", RESOURCES)
        yield aws


def release(
    aws: LocalAws, image: str, *, role: str = "ActionRole", kills: Sequence[str] = ()
) -> dict[str, str]:
    """Run the action with a role, for a build that has exported this image."""
    resources = {
        each["LogicalResourceId"]: each["PhysicalResourceId"]
        for each in aws.client("cloudformation").describe_stack_resources(StackName="delivery")[
            "StackResources"
        ]
    }
    arn = f"arn:aws:iam::{ACCOUNT}:role"
    pipeline = aws.access.role(f"{arn}/{resources['PipelineRole']}", service=CODEPIPELINE)
    access = pipeline.role(f"{arn}/{resources[role]}")
    return LambdaAction(aws, access, kills=kills).run(
        {"configuration": {"FunctionName": resources["Function"]}},
        inputs={},
        outputs={"released": {"Bucket": BUCKET, "Key": "out"}},
        user_parameters=f"release {image}",
    )


def released(aws: LocalAws, tag: str) -> str:
    answer = aws.client("ecr").batch_get_image(repositoryName="shop", imageIds=[{"imageTag": tag}])
    return "".join(image["imageId"]["imageDigest"] for image in answer["images"])


def test_the_deployed_code_releases_an_image_and_writes_its_artifact(aws: LocalAws) -> None:
    digest = push_image(aws.client("ecr"), "shop/builds", "1", "first")
    variables = release(aws, f"{BUILDS}:1@{digest}")
    assert variables == {"image": f"{SERVICE}@{digest}"}
    assert released(aws, "1") == digest
    artifact = aws.client("s3").get_object(Bucket=BUCKET, Key="out")["Body"].read()
    with zipfile.ZipFile(io.BytesIO(artifact)) as archive:
        (definition,) = json.loads(archive.read("images.json"))
    assert definition == {"name": "web", "imageUri": f"{SERVICE}@{digest}"}


def test_a_failure_has_the_message_of_the_function_which_is_in_its_log(aws: LocalAws) -> None:
    with pytest.raises(RehearsalError, match="there is no image"):
        release(aws, f"{BUILDS}:none@sha256:{'0' * 64}")
    events = aws.client("logs").filter_log_events(logGroupName="/aws/lambda/release")["events"]
    assert any("there is no image" in event["message"] for event in events)


def test_lambda_calls_a_killed_function_again_twice(aws: LocalAws) -> None:
    digest = push_image(aws.client("ecr"), "shop/builds", "2", "second")
    kills = ["before ecr.UploadLayerPart", "after ecr.PutImage"]
    assert release(aws, f"{BUILDS}:2@{digest}", kills=kills) == {"image": f"{SERVICE}@{digest}"}


def test_a_function_that_never_answers_fails_the_action(aws: LocalAws) -> None:
    digest = push_image(aws.client("ecr"), "shop/builds", "3", "third")
    kills = ["before ecr.PutImage"] * 3
    with pytest.raises(RehearsalError, match="gives the action up after 20 minutes"):
        release(aws, f"{BUILDS}:3@{digest}", kills=kills)
    assert released(aws, "3") == ""


def test_the_role_of_the_action_has_to_allow_the_call(aws: LocalAws) -> None:
    with pytest.raises(ClientError, match="not authorized to perform: lambda:InvokeFunction"):
        release(aws, "", role="IdleRole")


def test_the_function_writes_artifacts_with_the_role_of_the_action(aws: LocalAws) -> None:
    digest = push_image(aws.client("ecr"), "shop/builds", "4", "fourth")
    with pytest.raises(RehearsalError, match=r"AccessDenied.*s3:PutObject"):
        release(aws, f"{BUILDS}:4@{digest}", role="BlindRole")


def test_a_result_that_codepipeline_refuses_is_refused(aws: LocalAws) -> None:
    codepipeline = aws.client("codepipeline")
    job = "11111111-2222-3333-4444-555555555555"

    def put(message: str, job_id: str = job) -> None:
        details = {"type": "JobFailed", "message": message}
        codepipeline.put_job_failure_result(jobId=job_id, failureDetails=details)

    put("m" * 5000)
    with pytest.raises(ClientError, match="5000 are allowed"):
        put("m" * 5001)
    with pytest.raises(ClientError, match="does not match"):
        put("m", "a-job")
