"""S3 in CloudFormation: buckets with all properties of their templates."""

from typing import Any

from cdk_rehearsal.ministack.resource_types import (
    Change,
    Created,
    PatchedType,
    Properties,
    own_client,
    resource_type,
    tag_pairs,
)

_LIFECYCLE = {
    "Id",
    "Status",
    "Prefix",
    "ExpirationInDays",
    "NoncurrentVersionExpiration",
    "AbortIncompleteMultipartUpload",
}
_NOT_EMPTY = "The bucket you tried to delete is not empty"


@resource_type(
    "AWS::S3::Bucket",
    upstream="Missing: encryption, lifecycle, ownership. Bug: a deletion drops the objects.",
)
class Bucket(PatchedType):
    """A bucket with its encryption, lifecycle, ownership and tags; only an empty one is deleted."""

    def create(self, logical_id: str, properties: Properties, stack: str) -> Created:
        bucket, attributes = super().create(logical_id, properties, stack)
        _apply(bucket, properties)
        return bucket, attributes

    def update(self, change: Change) -> Created:
        bucket, attributes = super().update(change)
        _apply(bucket, change.new)
        return bucket, attributes

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
    if lifecycle := properties.get("LifecycleConfiguration"):
        rules = [_lifecycle(rule) for rule in lifecycle["Rules"]]
        client.put_bucket_lifecycle_configuration(
            Bucket=bucket, LifecycleConfiguration={"Rules": rules}
        )
    else:
        client.delete_bucket_lifecycle(Bucket=bucket)
    if ownership := properties.get("OwnershipControls"):
        client.put_bucket_ownership_controls(Bucket=bucket, OwnershipControls=ownership)
    client.put_bucket_tagging(Bucket=bucket, Tagging={"TagSet": tag_pairs(properties)})


def _encryption(rule: dict[str, Any]) -> dict[str, Any]:
    shaped: dict[str, Any] = {
        "ApplyServerSideEncryptionByDefault": rule["ServerSideEncryptionByDefault"]
    }
    if "BucketKeyEnabled" in rule:
        shaped["BucketKeyEnabled"] = rule["BucketKeyEnabled"]
    return shaped


def _lifecycle(rule: dict[str, Any]) -> dict[str, Any]:
    if unknown := rule.keys() - _LIFECYCLE:
        names = ", ".join(sorted(unknown))
        raise ValueError(f"AWS::S3::Bucket: the local AWS knows no lifecycle rule with {names}.")
    shaped: dict[str, Any] = {
        "Status": rule["Status"],
        "Filter": {"Prefix": rule.get("Prefix", "")},
    }
    if "Id" in rule:
        shaped["ID"] = rule["Id"]
    if "ExpirationInDays" in rule:
        shaped["Expiration"] = {"Days": int(rule["ExpirationInDays"])}
    if "NoncurrentVersionExpiration" in rule:
        shaped["NoncurrentVersionExpiration"] = rule["NoncurrentVersionExpiration"]
    if "AbortIncompleteMultipartUpload" in rule:
        days = int(rule["AbortIncompleteMultipartUpload"]["DaysAfterInitiation"])
        shaped["AbortIncompleteMultipartUpload"] = {"DaysAfterInitiation": days}
    return shaped
