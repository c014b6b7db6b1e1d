"""The bucket in which the pipeline hands work from one action to the next."""

from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_s3 as s3
from constructs import Construct

ARTIFACT_LIFETIME = Duration.days(30)
"""Artifacts are needed until their pipeline execution ends, and for a return to an older one."""

_LEFTOVER_LIFETIME = Duration.days(1)
"""Replaced versions and uploads that were broken off are of no use to anybody."""


class ArtifactBucket(Construct):
    """A private bucket, encrypted with the AWS-managed KMS key, reached over TLS only.

    Versioned, so that an artifact cannot be exchanged between two actions without a trace. Expires
    artifacts after ``ARTIFACT_LIFETIME`` and is emptied and deleted with the stack.
    Exposes ``bucket``.
    """

    def __init__(self, scope: Construct, construct_id: str) -> None:
        super().__init__(scope, construct_id)
        self.bucket = s3.Bucket(
            self,
            "Bucket",
            encryption=s3.BucketEncryption.KMS_MANAGED,
            bucket_key_enabled=True,
            enforce_ssl=True,
            versioned=True,
            minimum_tls_version=1.2,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            lifecycle_rules=[
                s3.LifecycleRule(
                    expiration=ARTIFACT_LIFETIME,
                    noncurrent_version_expiration=_LEFTOVER_LIFETIME,
                    abort_incomplete_multipart_upload_after=_LEFTOVER_LIFETIME,
                )
            ],
            removal_policy=RemovalPolicy.DESTROY,
            auto_delete_objects=True,
        )
