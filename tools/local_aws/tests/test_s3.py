"""S3 of the local AWS: a bucket of a template."""

from collections.abc import Callable
from typing import Any

import pytest

from tools.local_aws.tests.pipeline_template import BUCKET
from tools.local_aws.tests.stacks import StackFailedError, Stacks

Client = Callable[[str], Any]


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
    stacks.deploy("bucket", {"Bucket": BUCKET})
    s3 = client("s3")
    s3.put_object(Bucket="artifacts", Key="asset", Body=b"x", ServerSideEncryption="aws:kms")
    read = s3.head_object(Bucket="artifacts", Key="asset")
    assert read["ServerSideEncryption"] == "aws:kms"
    assert read["SSEKMSKeyId"].endswith(":alias/aws/s3")
    s3.delete_object(Bucket="artifacts", Key="asset")


def test_a_bucket_with_objects_is_not_deleted(stacks: Stacks, client: Client) -> None:
    stacks.deploy("bucket", {"Bucket": BUCKET})
    s3 = client("s3")
    s3.put_object(Bucket="artifacts", Key="asset", Body=b"x")
    with pytest.raises(StackFailedError, match="not empty"):
        stacks.delete("bucket")
    s3.delete_object(Bucket="artifacts", Key="asset")
    stacks.delete("bucket")
