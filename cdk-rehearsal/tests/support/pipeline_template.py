"""A pipeline with its bucket, build project and webhook, as a template."""

from typing import Any

from support.functions import role

Resources = dict[str, Any]

TOKEN = "a-token-that-nobody-may-read"  # noqa: S105


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


def pipeline_resources(*, branch: str = "main") -> Resources:
    secret = "{{resolve:secretsmanager:token}}"  # noqa: S105 - a reference

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
