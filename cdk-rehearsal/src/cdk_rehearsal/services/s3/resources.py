"""S3 in CloudFormation: buckets with their encryption and tags."""

from typing import Any

from cdk_rehearsal.ministack.resource_types import (
    PatchedType,
    Properties,
    own_client,
    resource_type,
)

_NOT_EMPTY = "The bucket you tried to delete is not empty"


@resource_type(
    "AWS::S3::Bucket",
    upstream="Missing: encryption and tags. Bug: a deletion drops the objects.",
)
class Bucket(PatchedType):
    """A bucket with its encryption and tags; only an empty one is deleted."""

    def complete(self, physical_id: str, properties: Properties) -> dict[str, Any]:
        _apply(physical_id, properties)
        return {}

    def delete(self, physical_id: str, properties: Properties) -> None:
        client = own_client("s3")
        if physical_id not in [bucket["Name"] for bucket in client.list_buckets()["Buckets"]]:
            return
        # MiniStack would delete the objects with the bucket; CloudFormation on AWS never does.
        versions = client.list_object_versions(Bucket=physical_id, MaxKeys=1)
        if versions.get("Versions") or versions.get("DeleteMarkers"):
            raise ValueError(f"{_NOT_EMPTY}: {physical_id}")
        super().delete(physical_id, properties)


def _apply(bucket: str, properties: Properties) -> None:
    client = own_client("s3")
    if encryption := properties.get("BucketEncryption"):
        rules = [_encryption(rule) for rule in encryption["ServerSideEncryptionConfiguration"]]
        client.put_bucket_encryption(
            Bucket=bucket, ServerSideEncryptionConfiguration={"Rules": rules}
        )
    else:
        client.delete_bucket_encryption(Bucket=bucket)
    client.put_bucket_tagging(Bucket=bucket, Tagging={"TagSet": properties.get("Tags", [])})


def _encryption(rule: dict[str, Any]) -> dict[str, Any]:
    default = {"ApplyServerSideEncryptionByDefault": rule["ServerSideEncryptionByDefault"]}
    return default | {key: rule[key] for key in rule.keys() & {"BucketKeyEnabled"}}
