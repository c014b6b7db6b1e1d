"""S3 in CloudFormation: buckets with their encryption and tags."""

from typing import Any

from cdk_rehearsal.ministack.resource_types import (
    PatchedType,
    Properties,
    own_client,
    resource_type,
)

_NOT_EMPTY = "The bucket you tried to delete is not empty"


@resource_type("AWS::S3::Bucket")
class Bucket(PatchedType):
    """A bucket with its encryption and tags; only an empty one is deleted."""

    def complete(self, physical_id: str, properties: Properties) -> dict[str, Any]:
        client, encryption = own_client("s3"), properties.get("BucketEncryption", {})
        client.put_bucket_tagging(
            Bucket=physical_id, Tagging={"TagSet": properties.get("Tags", [])}
        )
        rules = [
            {"ApplyServerSideEncryptionByDefault": rule["ServerSideEncryptionByDefault"]}
            for rule in encryption.get("ServerSideEncryptionConfiguration", [])
        ]
        if rules:
            client.put_bucket_encryption(
                Bucket=physical_id, ServerSideEncryptionConfiguration={"Rules": rules}
            )
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
