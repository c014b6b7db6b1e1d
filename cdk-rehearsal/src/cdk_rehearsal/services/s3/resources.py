"""S3 in CloudFormation: buckets with all properties of their templates."""

from typing import Any

from cdk_rehearsal.ministack.resource_types import (
    PatchedType,
    Properties,
    own_client,
    resource_type,
    tag_pairs,
)

# Properties of a lifecycle rule whose shape is that of the API, and the others that are known.
_SAME = {"Status", "NoncurrentVersionExpiration", "AbortIncompleteMultipartUpload"}
_OTHER = {"Id", "Prefix", "ExpirationInDays"}
_NOT_EMPTY = "The bucket you tried to delete is not empty"


@resource_type(
    "AWS::S3::Bucket",
    upstream="Missing: encryption, lifecycle, ownership. Bug: a deletion drops the objects.",
)
class Bucket(PatchedType):
    """A bucket with its encryption, lifecycle, ownership and tags; only an empty one is deleted."""

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
    default = {"ApplyServerSideEncryptionByDefault": rule["ServerSideEncryptionByDefault"]}
    return default | {key: rule[key] for key in rule.keys() & {"BucketKeyEnabled"}}


def _lifecycle(rule: dict[str, Any]) -> dict[str, Any]:
    if unknown := rule.keys() - _SAME - _OTHER:
        names = ", ".join(sorted(unknown))
        raise ValueError(f"AWS::S3::Bucket: the local AWS knows no lifecycle rule with {names}.")
    shaped = {key: rule[key] for key in rule.keys() & _SAME}
    shaped["Filter"] = {"Prefix": rule.get("Prefix", "")}
    if "Id" in rule:
        shaped["ID"] = rule["Id"]
    if "ExpirationInDays" in rule:
        shaped["Expiration"] = {"Days": int(rule["ExpirationInDays"])}
    return shaped
