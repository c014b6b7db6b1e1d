"""The bucket of the pipeline."""

import json
from typing import Any

import pytest

from backend_service.artifact_bucket import ArtifactBucket
from tests.synthesis import empty_stack, template_of


@pytest.fixture(scope="module")
def resources() -> dict[str, dict[str, Any]]:
    """The resources of the bucket by type, without the helper function's."""
    stack = empty_stack()
    ArtifactBucket(stack, "Artifacts")
    found = template_of(stack)["Resources"].values()
    return {r["Type"]: r for r in found if r["Type"].startswith(("AWS::S3::", "Custom::"))}


def test_artifacts_are_encrypted_with_the_key_that_aws_manages(resources: dict[str, Any]) -> None:
    encryption = resources["AWS::S3::Bucket"]["Properties"]["BucketEncryption"]
    (rule,) = encryption["ServerSideEncryptionConfiguration"]
    assert rule["ServerSideEncryptionByDefault"] == {"SSEAlgorithm": "aws:kms"}
    assert rule["BucketKeyEnabled"] is True


def test_nobody_outside_can_reach_it(resources: dict[str, Any]) -> None:
    access = resources["AWS::S3::Bucket"]["Properties"]["PublicAccessBlockConfiguration"]
    assert len(access) == 4
    assert set(access.values()) == {True}


def test_requests_without_a_current_tls_are_denied(resources: dict[str, Any]) -> None:
    statements = resources["AWS::S3::BucketPolicy"]["Properties"]["PolicyDocument"]["Statement"]
    denied = [s for s in statements if s["Effect"] == "Deny"]
    assert [s["Condition"] for s in denied] == [
        {"Bool": {"aws:SecureTransport": "false"}},
        {"NumericLessThan": {"s3:TlsVersion": 1.2}},
    ]
    for statement in denied:
        assert statement["Principal"] == {"AWS": "*"}
        assert statement["Action"] == "s3:*"


def test_no_policy_contradicts_the_encryption(resources: dict[str, Any]) -> None:
    policy = json.dumps(resources["AWS::S3::BucketPolicy"])
    assert "x-amz-server-side-encryption" not in policy


def test_old_artifacts_expire(resources: dict[str, Any]) -> None:
    (rule,) = resources["AWS::S3::Bucket"]["Properties"]["LifecycleConfiguration"]["Rules"]
    assert rule["Status"] == "Enabled"
    assert rule["ExpirationInDays"] == 30
    assert rule["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": 1}


def test_it_is_emptied_and_deleted_with_the_stack(resources: dict[str, Any]) -> None:
    assert resources["AWS::S3::Bucket"]["DeletionPolicy"] == "Delete"
    assert resources["AWS::S3::Bucket"]["UpdateReplacePolicy"] == "Delete"
    assert "Custom::S3AutoDeleteObjects" in resources


def test_an_artifact_cannot_be_exchanged_without_a_trace(resources: dict[str, Any]) -> None:
    properties = resources["AWS::S3::Bucket"]["Properties"]
    assert properties["VersioningConfiguration"] == {"Status": "Enabled"}
    (rule,) = properties["LifecycleConfiguration"]["Rules"]
    assert rule["NoncurrentVersionExpiration"] == {"NoncurrentDays": 1}
