"""Bucket, build project, pipeline and webhook of the local AWS, read back through their APIs."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.rehearsal.stacks import StackFailedError, Stacks

Client = Callable[[str], Any]
Resources = dict[str, Any]

TOKEN = "a-token-that-nobody-may-read"  # noqa: S105


def role(service: str) -> Resources:
    return {
        "Type": "AWS::IAM::Role",
        "Properties": {
            "AssumeRolePolicyDocument": {
                "Statement": [
                    {
                        "Effect": "Allow",
                        "Principal": {"Service": service},
                        "Action": "sts:AssumeRole",
                    }
                ]
            }
        },
    }


BUCKET = {
    "Type": "AWS::S3::Bucket",
    "Properties": {
        "BucketName": "artifacts",
        "BucketEncryption": {
            "ServerSideEncryptionConfiguration": [
                {"ServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms"}}
            ]
        },
        "LifecycleConfiguration": {"Rules": [{"Status": "Enabled", "ExpirationInDays": 30}]},
        "Tags": [{"Key": "aws-cdk:auto-delete-objects", "Value": "true"}],
    },
}
CLEANER = {
    "Type": "Custom::S3AutoDeleteObjects",
    "Properties": {
        "ServiceToken": "arn:aws:lambda:eu-west-1:111122223333:function:helper",
        "BucketName": {"Ref": "Bucket"},
    },
}


def pipeline_resources(*, branch: str = "main", version: str = "") -> Resources:
    secret = (
        "{{resolve:secretsmanager:token" + (f":SecretString::{version}" if version else "") + "}}"
    )

    def action(category: str, owner: str, provider: str, **more: Any) -> Resources:
        kind = {"Category": category, "Owner": owner, "Provider": provider, "Version": "1"}
        return {"Name": provider, "ActionTypeId": kind, **more}

    source = action(
        "Source",
        "ThirdParty",
        "GitHub",
        Configuration={
            "Owner": "octo",
            "Repo": "repo",
            "Branch": branch,
            "OAuthToken": secret,
            "PollForSourceChanges": False,
        },
        OutputArtifacts=[{"Name": "source"}],
    )
    build = action(
        "Build",
        "AWS",
        "CodeBuild",
        Configuration={"ProjectName": {"Ref": "Project"}},
        InputArtifacts=[{"Name": "source"}],
    )
    return {
        "Bucket": BUCKET,
        "BuildRole": role("codebuild.amazonaws.com"),
        "PipelineRole": role("codepipeline.amazonaws.com"),
        "Project": {
            "Type": "AWS::CodeBuild::Project",
            "Properties": {
                "Source": {"Type": "CODEPIPELINE", "BuildSpec": "buildspec.yml"},
                "Artifacts": {"Type": "CODEPIPELINE"},
                "ServiceRole": {"Fn::GetAtt": ["BuildRole", "Arn"]},
                "Cache": {"Type": "LOCAL", "Modes": ["LOCAL_DOCKER_LAYER_CACHE"]},
                "LogsConfig": {"CloudWatchLogs": {"Status": "ENABLED", "GroupName": "build"}},
                "TimeoutInMinutes": 30,
                "Environment": {
                    "Type": "LINUX_CONTAINER",
                    "ComputeType": "BUILD_GENERAL1_SMALL",
                    "Image": "aws/codebuild/standard:7.0",
                    "PrivilegedMode": True,
                    "EnvironmentVariables": [
                        {"Name": "BRANCH", "Type": "PLAINTEXT", "Value": branch}
                    ],
                },
            },
        },
        "Pipeline": {
            "Type": "AWS::CodePipeline::Pipeline",
            "Properties": {
                "Name": "delivery",
                "PipelineType": "V2",
                "RoleArn": {"Fn::GetAtt": ["PipelineRole", "Arn"]},
                "ArtifactStore": {"Type": "S3", "Location": {"Ref": "Bucket"}},
                "Stages": [
                    {"Name": "Source", "Actions": [source]},
                    {"Name": "Build", "Actions": [build]},
                ],
            },
        },
        "Webhook": {
            "Type": "AWS::CodePipeline::Webhook",
            "Properties": {
                "Name": "on-push",
                "TargetPipeline": {"Ref": "Pipeline"},
                "TargetPipelineVersion": {"Fn::GetAtt": ["Pipeline", "Version"]},
                "TargetAction": "GitHub",
                "Authentication": "GITHUB_HMAC",
                "AuthenticationConfiguration": {"SecretToken": secret},
                "Filters": [{"JsonPath": "$.ref", "MatchEquals": f"refs/heads/{branch}"}],
                "RegisterWithThirdParty": True,
            },
        },
    }


@pytest.fixture
def token(client: Client) -> Iterator[None]:
    secrets = client("secretsmanager")
    secrets.create_secret(Name="token", SecretString=TOKEN)
    yield
    secrets.delete_secret(SecretId="token", ForceDeleteWithoutRecovery=True)


def test_a_bucket_reads_back_its_encryption_and_lifecycle(stacks: Stacks, client: Client) -> None:
    stacks.deploy("bucket", {"Bucket": BUCKET})
    s3 = client("s3")
    encryption = s3.get_bucket_encryption(Bucket="artifacts")["ServerSideEncryptionConfiguration"]
    (rule,) = encryption["Rules"]
    assert rule["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"] == "aws:kms"
    (expiry,) = s3.get_bucket_lifecycle_configuration(Bucket="artifacts")["Rules"]
    assert expiry["Expiration"] == {"Days": 30}


def test_an_object_may_ask_for_the_managed_key(stacks: Stacks, client: Client) -> None:
    """As the CDK CLI uploads its assets."""
    stacks.deploy("bucket", {"Bucket": BUCKET, "Cleaner": CLEANER})
    s3 = client("s3")
    s3.put_object(Bucket="artifacts", Key="asset", Body=b"x", ServerSideEncryption="aws:kms")
    read = s3.head_object(Bucket="artifacts", Key="asset")
    assert read["ServerSideEncryption"] == "aws:kms"
    assert read["SSEKMSKeyId"].endswith(":alias/aws/s3")


def test_a_bucket_with_objects_goes_only_with_its_cleaner(stacks: Stacks, client: Client) -> None:
    stacks.deploy("bucket", {"Bucket": BUCKET})
    s3 = client("s3")
    s3.put_object(Bucket="artifacts", Key="asset", Body=b"x")
    with pytest.raises(StackFailedError, match="not empty"):
        stacks.delete("bucket")
    s3.delete_object(Bucket="artifacts", Key="asset")
    stacks.delete("bucket")

    stacks.deploy("cleaned", {"Bucket": BUCKET, "Cleaner": CLEANER})
    s3.put_object(Bucket="artifacts", Key="asset", Body=b"x")
    stacks.delete("cleaned")
    assert "artifacts" not in [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]]


@pytest.mark.usefixtures("token")
def test_the_build_project_reads_back_whole(stacks: Stacks, client: Client) -> None:
    stacks.deploy("delivery", pipeline_resources())
    codebuild = client("codebuild")
    names = codebuild.list_projects()["projects"]
    (project,) = codebuild.batch_get_projects(names=names)["projects"]
    assert project["artifacts"] == {"type": "CODEPIPELINE"}
    assert project["source"]["buildspec"] == "buildspec.yml"
    assert project["cache"] == {"type": "LOCAL", "modes": ["LOCAL_DOCKER_LAYER_CACHE"]}
    assert project["logsConfig"]["cloudWatchLogs"]["groupName"] == "build"
    assert project["timeoutInMinutes"] == 30
    (variable,) = project["environment"]["environmentVariables"]
    assert (variable["name"], variable["value"]) == ("BRANCH", "main")
    stacks.deploy("delivery", pipeline_resources(branch="next"))
    (project,) = codebuild.batch_get_projects(names=names)["projects"]
    assert project["environment"]["environmentVariables"][0]["value"] == "next"


@pytest.mark.usefixtures("token")
def test_the_pipeline_reads_back_without_its_secret(stacks: Stacks, client: Client) -> None:
    stacks.deploy("delivery", pipeline_resources())
    pipeline = client("codepipeline").get_pipeline(name="delivery")["pipeline"]
    assert [stage["name"] for stage in pipeline["stages"]] == ["Source", "Build"]
    (source,) = pipeline["stages"][0]["actions"]
    assert source["configuration"] == {
        "Owner": "octo",
        "Repo": "repo",
        "Branch": "main",
        "OAuthToken": "****",
        "PollForSourceChanges": "false",
    }
    assert pipeline["artifactStore"] == {"type": "S3", "location": "artifacts"}
    state = client("codepipeline").get_pipeline_state(name="delivery")
    assert [stage["stageName"] for stage in state["stageStates"]] == ["Source", "Build"]
    assert TOKEN not in str(pipeline) + str(client("codepipeline").list_webhooks())


@pytest.mark.usefixtures("token")
def test_an_update_of_the_pipeline_makes_a_new_version(stacks: Stacks, client: Client) -> None:
    stacks.deploy("delivery", pipeline_resources())
    stacks.deploy("delivery", pipeline_resources(branch="next"))
    pipeline = client("codepipeline").get_pipeline(name="delivery")["pipeline"]
    assert pipeline["version"] == 2
    assert pipeline["stages"][0]["actions"][0]["configuration"]["Branch"] == "next"
    (webhook,) = client("codepipeline").list_webhooks()["webhooks"]
    assert webhook["definition"]["filters"][0]["matchEquals"] == "refs/heads/next"


@pytest.mark.usefixtures("token")
def test_asterisks_in_an_update_keep_the_token(stacks: Stacks, client: Client) -> None:
    stacks.deploy("delivery", pipeline_resources())
    codepipeline = client("codepipeline")
    pipeline = codepipeline.get_pipeline(name="delivery")["pipeline"]
    updated = codepipeline.update_pipeline(pipeline=pipeline)["pipeline"]
    assert updated["stages"][0]["actions"][0]["configuration"]["OAuthToken"] == "****"
    assert updated["version"] == 2


def test_a_missing_token_fails_with_its_name_and_leaves_nothing(
    stacks: Stacks, client: Client
) -> None:
    with pytest.raises(StackFailedError, match=r"secretsmanager:token.* could not be resolved"):
        stacks.deploy("delivery", pipeline_resources())
    assert client("codepipeline").list_pipelines()["pipelines"] == []
    assert client("codebuild").list_projects()["projects"] == []
    assert "artifacts" not in [b["Name"] for b in client("s3").list_buckets()["Buckets"]]


@pytest.mark.usefixtures("token")
def test_a_pipeline_needs_a_role_that_trusts_codepipeline(stacks: Stacks) -> None:
    wrong = pipeline_resources() | {"PipelineRole": role("ecs-tasks.amazonaws.com")}
    with pytest.raises(StackFailedError, match="not authorized to perform AssumeRole"):
        stacks.deploy("delivery", wrong)


@pytest.mark.usefixtures("token")
def test_a_webhook_hides_its_secret_and_goes(stacks: Stacks, client: Client) -> None:
    stacks.deploy("delivery", pipeline_resources())
    codepipeline = client("codepipeline")
    (webhook,) = codepipeline.list_webhooks()["webhooks"]
    definition = webhook["definition"]
    assert (definition["name"], definition["targetPipeline"]) == ("on-push", "delivery")
    assert definition["authenticationConfiguration"] == {"SecretToken": "****"}
    stacks.delete("delivery")
    assert codepipeline.list_webhooks()["webhooks"] == []
    assert codepipeline.list_pipelines()["pipelines"] == []


@pytest.mark.usefixtures("token")
def test_a_pipeline_does_not_pretend_to_run(stacks: Stacks, client: Client) -> None:
    stacks.deploy("delivery", pipeline_resources())
    with pytest.raises(ClientError, match="does not run its actions"):
        client("codepipeline").start_pipeline_execution(name="delivery")
