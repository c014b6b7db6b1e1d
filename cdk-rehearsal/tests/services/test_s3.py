"""Properties of buckets that MiniStack would drop."""

from collections.abc import Callable
from typing import Any

import pytest

from support.stacks import StackFailedError, Stacks

Client = Callable[[str], Any]


def test_a_bucket_has_its_encryption_and_is_deleted_only_if_it_is_empty(
    stacks: Stacks, client: Client
) -> None:
    encryption = {"ServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms"}}
    properties = {
        "BucketName": "artifacts",
        "BucketEncryption": {"ServerSideEncryptionConfiguration": [encryption]},
    }
    stacks.deploy("bucket", {"Bucket": {"Type": "AWS::S3::Bucket", "Properties": properties}})
    s3 = client("s3")
    read = s3.get_bucket_encryption(Bucket="artifacts")["ServerSideEncryptionConfiguration"]
    (rule,) = read["Rules"]
    assert rule["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"] == "aws:kms"
    # The CDK CLI uploads its assets like this.
    s3.put_object(Bucket="artifacts", Key="asset", Body=b"x", ServerSideEncryption="aws:kms")
    asset = s3.head_object(Bucket="artifacts", Key="asset")
    assert asset["SSEKMSKeyId"].endswith(":alias/aws/s3")
    with pytest.raises(StackFailedError, match="not empty"):
        stacks.delete("bucket")
    s3.delete_object(Bucket="artifacts", Key="asset")
    stacks.delete("bucket")
