"""The pipeline: the order of its actions, what they pass on, and the artifact bucket."""

import json
from typing import Any

import pytest

from backend_service.artifacts import ArtifactBucket
from tests.synthesis import CONNECTED, empty_stack, synthesise, template_of

SERVICE = "BackendServiceStack"
PIPELINE = "AWS::CodePipeline::Pipeline"


def pipeline(**changes: str) -> dict[str, Any]:
    return synthesise(**changes).only(SERVICE, PIPELINE)


def actions(**changes: str) -> dict[str, dict[str, Any]]:
    """Return the actions by name, in the order in which they run."""
    stages = pipeline(**changes)["Stages"]
    return {
        action["Name"]: action
        for stage in stages
        for action in sorted(stage["Actions"], key=lambda action: int(action["RunOrder"]))
    }


def test_a_commit_is_built_deployed_and_promoted() -> None:
    assert [stage["Name"] for stage in pipeline()["Stages"]] == ["Source", "Build", "Deploy"]
    assert list(actions()) == ["Source", "Build", "Release", "Deploy", "Promote"]


def test_with_manual_approval_an_approval_comes_between_build_and_deploy() -> None:
    names = ["Source", "Build", "Approve", "Release", "Deploy", "Promote"]
    assert list(actions(**CONNECTED)) == names
    approval = actions(**CONNECTED)["Approve"]["ActionTypeId"]
    assert (approval["Category"], approval["Provider"]) == ("Approval", "Manual")


def test_the_build_reads_the_source_and_the_rollout_what_release_wrote() -> None:
    for before, after in (("Source", "Build"), ("Release", "Deploy")):
        assert actions()[after]["InputArtifacts"] == actions()[before]["OutputArtifacts"]


def test_a_build_passes_on_a_variable_and_no_artifact() -> None:
    """Its credentials outlive the build, so it could change an artifact afterwards."""
    build = actions()["Build"]
    assert "OutputArtifacts" not in build
    assert "InputArtifacts" not in actions()["Release"]
    image = f"#{{{build['Namespace']}.IMAGE}}"
    assert actions()["Release"]["Configuration"]["UserParameters"] == f"release {image}"


@pytest.mark.parametrize("action", ["Build project", "Release", "Deploy", "Promote"])
def test_the_pipeline_waits_for_the_rights_of_its_actions(action: str) -> None:
    synthesis = synthesise()
    (pipeline,) = synthesis.resources(SERVICE, "AWS::CodePipeline::Pipeline").values()
    project = synthesis.only(SERVICE, "AWS::CodeBuild::Project")
    arn = actions()[action]["RoleArn"] if action in actions() else project["ServiceRole"]
    role = arn["Fn::GetAtt"][0]
    policies = synthesis.resources(SERVICE, "AWS::IAM::Policy")
    of_action = {key for key, p in policies.items() if p["Properties"]["Roles"] == [{"Ref": role}]}
    assert of_action
    assert of_action < set(pipeline["DependsOn"])


def test_the_build_action_runs_the_project_of_the_service() -> None:
    (project,) = synthesise().resources(SERVICE, "AWS::CodeBuild::Project")
    assert actions()["Build"]["Configuration"] == {"ProjectName": {"Ref": project}}


def test_it_is_a_v2_pipeline() -> None:
    """File filters exist in V2 only."""
    assert pipeline()["PipelineType"] == "V2"


def test_artifacts_go_to_the_bucket_of_the_stack() -> None:
    (bucket,) = synthesise().resources(SERVICE, "AWS::S3::Bucket")
    assert pipeline()["ArtifactStore"] == {"Location": {"Ref": bucket}, "Type": "S3"}


SHOWN = {"CustomData": "Releases #{Build.IMAGE}"}
"""The image that Release will copy, with its digest."""


def test_the_approver_gets_a_notification_and_sees_the_image() -> None:
    connected = synthesise(**CONNECTED)
    (topic,) = connected.resources(SERVICE, "AWS::SNS::Topic")
    approval = actions(**CONNECTED)["Approve"]
    assert approval["Configuration"] == {"NotificationArn": {"Ref": topic}, **SHOWN}


def test_without_an_address_an_approval_sends_no_notification() -> None:
    changes = {**CONNECTED, "notification_email": ""}
    assert actions(**changes)["Approve"]["Configuration"] == SHOWN


@pytest.fixture(scope="module")
def bucket() -> dict[str, dict[str, Any]]:
    """The resources of the bucket by type, without the helper function's."""
    stack = empty_stack()
    ArtifactBucket(stack, "Artifacts")
    found = template_of(stack)["Resources"].values()
    return {r["Type"]: r for r in found if r["Type"].startswith(("AWS::S3::", "Custom::"))}


def test_artifacts_are_encrypted_with_the_key_that_aws_manages(bucket: dict[str, Any]) -> None:
    encryption = bucket["AWS::S3::Bucket"]["Properties"]["BucketEncryption"]
    (rule,) = encryption["ServerSideEncryptionConfiguration"]
    assert rule["ServerSideEncryptionByDefault"] == {"SSEAlgorithm": "aws:kms"}
    assert rule["BucketKeyEnabled"] is True


def test_the_bucket_blocks_public_access(bucket: dict[str, Any]) -> None:
    access = bucket["AWS::S3::Bucket"]["Properties"]["PublicAccessBlockConfiguration"]
    assert len(access) == 4
    assert set(access.values()) == {True}


def test_requests_to_the_bucket_without_a_current_tls_are_denied(bucket: dict[str, Any]) -> None:
    statements = bucket["AWS::S3::BucketPolicy"]["Properties"]["PolicyDocument"]["Statement"]
    denied = [s for s in statements if s["Effect"] == "Deny"]
    assert [s["Condition"] for s in denied] == [
        {"Bool": {"aws:SecureTransport": "false"}},
        {"NumericLessThan": {"s3:TlsVersion": 1.2}},
    ]
    for statement in denied:
        assert statement["Principal"] == {"AWS": "*"}
        assert statement["Action"] == "s3:*"


def test_no_policy_of_the_bucket_contradicts_the_encryption(bucket: dict[str, Any]) -> None:
    policy = json.dumps(bucket["AWS::S3::BucketPolicy"])
    assert "x-amz-server-side-encryption" not in policy


def test_old_artifacts_expire(bucket: dict[str, Any]) -> None:
    (rule,) = bucket["AWS::S3::Bucket"]["Properties"]["LifecycleConfiguration"]["Rules"]
    assert rule["Status"] == "Enabled"
    assert rule["ExpirationInDays"] == 30
    assert rule["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": 1}


def test_the_bucket_is_emptied_and_deleted_with_the_stack(bucket: dict[str, Any]) -> None:
    assert bucket["AWS::S3::Bucket"]["DeletionPolicy"] == "Delete"
    assert bucket["AWS::S3::Bucket"]["UpdateReplacePolicy"] == "Delete"
    assert "Custom::S3AutoDeleteObjects" in bucket


def test_replaced_artifacts_stay_for_a_day(bucket: dict[str, Any]) -> None:
    properties = bucket["AWS::S3::Bucket"]["Properties"]
    assert properties["VersioningConfiguration"] == {"Status": "Enabled"}
    (rule,) = properties["LifecycleConfiguration"]["Rules"]
    assert rule["NoncurrentVersionExpiration"] == {"NoncurrentDays": 1}
