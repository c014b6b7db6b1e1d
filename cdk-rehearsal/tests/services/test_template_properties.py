"""Properties of templates that MiniStack would drop: S3, SNS, Secrets Manager and CodeBuild."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from cdk_rehearsal import Inventory, LocalAws
from support.pipeline_template import BUCKET, pipeline_resources
from support.stacks import StackFailedError, Stacks

Client = Callable[[str], Any]


def test_a_bucket_has_its_encryption_and_lifecycle_and_is_deleted_only_if_it_is_empty(
    stacks: Stacks, client: Client
) -> None:
    stacks.deploy("bucket", {"Bucket": BUCKET})
    s3 = client("s3")
    encryption = s3.get_bucket_encryption(Bucket="artifacts")["ServerSideEncryptionConfiguration"]
    (rule,) = encryption["Rules"]
    assert rule["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"] == "aws:kms"
    (expiry,) = s3.get_bucket_lifecycle_configuration(Bucket="artifacts")["Rules"]
    assert expiry["Expiration"] == {"Days": 30}
    # The CDK CLI uploads its assets like this.
    s3.put_object(Bucket="artifacts", Key="asset", Body=b"x", ServerSideEncryption="aws:kms")
    read = s3.head_object(Bucket="artifacts", Key="asset")
    assert read["SSEKMSKeyId"].endswith(":alias/aws/s3")
    with pytest.raises(StackFailedError, match="not empty"):
        stacks.delete("bucket")
    s3.delete_object(Bucket="artifacts", Key="asset")
    stacks.delete("bucket")


def test_a_topic_policy_has_an_id_by_which_it_is_found(
    stacks: Stacks, client: Client, local_aws: LocalAws
) -> None:
    statement = {
        "Sid": "events",
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": "sns:Publish",
        "Resource": {"Ref": "Topic"},
    }
    document = {"Version": "2012-10-17", "Statement": [statement]}
    policy = {
        "Type": "AWS::SNS::TopicPolicy",
        "Properties": {"Topics": [{"Ref": "Topic"}], "PolicyDocument": document},
    }
    topic = {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": "topic"}}
    stacks.deploy("topicpolicy", {"Topic": topic, "Policy": policy})
    (arn,) = [each["TopicArn"] for each in client("sns").list_topics()["Topics"]]
    attributes = client("sns").get_topic_attributes(TopicArn=arn)["Attributes"]
    (read,) = json.loads(attributes["Policy"])["Statement"]
    assert read == statement | {"Resource": arn}
    assert Inventory(local_aws.access).missing(["topicpolicy"]) == []


def test_ref_of_a_secret_is_its_arn(stacks: Stacks, client: Client) -> None:
    secret = {"Type": "AWS::SecretsManager::Secret", "Properties": {"Name": "a-name-with-dashes"}}
    outputs = {"Arn": {"Value": {"Ref": "Secret"}}}
    arn = stacks.deploy("secret", {"Secret": secret}, Outputs=outputs)["Arn"]
    (read,) = client("secretsmanager").list_secrets()["SecretList"]
    assert read["ARN"] == arn
    described = secret["Properties"] | {"Description": "changed"}  # type: ignore[operator]
    stacks.deploy("secret", {"Secret": secret | {"Properties": described}}, Outputs=outputs)
    assert client("secretsmanager").describe_secret(SecretId=arn)["Description"] == "changed"
    stacks.delete("secret")
    assert client("secretsmanager").list_secrets()["SecretList"] == []


@pytest.mark.usefixtures("token")
def test_a_build_project_keeps_all_its_settings(stacks: Stacks, client: Client) -> None:
    stacks.deploy("delivery", pipeline_resources())
    codebuild = client("codebuild")
    names = codebuild.list_projects()["projects"]
    (project,) = codebuild.batch_get_projects(names=names)["projects"]
    assert project["source"]["buildspec"] == "buildspec.yml"
    assert project["cache"] == {"type": "LOCAL", "modes": ["LOCAL_DOCKER_LAYER_CACHE"]}
    assert project["logsConfig"]["cloudWatchLogs"]["groupName"] == "build"
    assert project["timeoutInMinutes"] == 30
    stacks.deploy("delivery", pipeline_resources(branch="next"))
    (project,) = codebuild.batch_get_projects(names=names)["projects"]
    (variable,) = project["environment"]["environmentVariables"]
    assert (variable["name"], variable["value"]) == ("BRANCH", "next")
