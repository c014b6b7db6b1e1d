"""Custom::S3AutoDeleteObjects: what CDK's helper function does to a bucket before its deletion."""

from botocore.exceptions import ClientError

from rehearsal.local_aws.resource_types import (
    Created,
    Properties,
    ResourceType,
    own_client,
    register,
)

# CDK's function cleans only a bucket that carries this tag.
_TAG = {"Key": "aws-cdk:auto-delete-objects", "Value": "true"}


class BucketCleaner(ResourceType):
    """Empties its bucket, all versions of all objects, when it is deleted."""

    name = "Custom::S3AutoDeleteObjects"

    def create(self, logical_id: str, properties: Properties, stack: str) -> Created:
        return f"{properties['BucketName']}-objects", {}

    def update(
        self, physical_id: str, old: Properties, new: Properties, stack: str, logical_id: str
    ) -> Created:
        return self.create(logical_id, new, stack)

    def delete(self, physical_id: str, properties: Properties) -> None:
        client, bucket = own_client("s3"), properties["BucketName"]
        try:
            tags = client.get_bucket_tagging(Bucket=bucket)["TagSet"]
        except ClientError as error:
            if error.response["Error"]["Code"] in ("NoSuchBucket", "NoSuchTagSet"):
                return
            raise
        if _TAG not in tags:
            return
        for page in client.get_paginator("list_object_versions").paginate(Bucket=bucket):
            for item in page.get("Versions", []) + page.get("DeleteMarkers", []):
                client.delete_object(Bucket=bucket, Key=item["Key"], VersionId=item["VersionId"])


def install() -> None:
    register(BucketCleaner())
