"""The bucket in which the pipeline keeps its artifacts, and the rights to use it."""

from typing import cast

from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from constructs import Construct

ARTIFACT_LIFETIME = Duration.days(30)
"""The pipeline needs an artifact until its execution ends, and to return to an older one."""

_LEFTOVER_LIFETIME = Duration.days(1)
"""For replaced versions and unfinished uploads, which nothing uses."""

_EMPTYING = (
    "s3:DeleteObject",
    "s3:DeleteObjectVersion",
    "s3:GetBucketPolicy",
    "s3:GetBucketTagging",
    "s3:ListBucketVersions",
    "s3:PutBucketPolicy",
)
"""The calls of CDK's helper function that empties the bucket."""


class ArtifactBucket(Construct):
    """A private bucket, encrypted with the AWS-managed KMS key, that requires TLS 1.2 or later.

    Expires artifacts after ``ARTIFACT_LIFETIME``, and keeps replaced versions for a day. A helper
    function of CDK empties it when the stack is deleted. Exposes ``bucket``.
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
        self._narrow_the_right_to_empty()

    def _narrow_the_right_to_empty(self) -> None:
        # CDK allows its helper function all of GetBucket*, List* and DeleteObject*.
        policy = cast("s3.BucketPolicy", self.bucket.policy)
        document = policy.document.to_json()
        for statement in document["Statement"]:
            if statement["Effect"] == "Allow":
                statement["Action"] = list(_EMPTYING)
        cast("s3.CfnBucketPolicy", policy.node.default_child).policy_document = document


def artifact_statements(bucket: s3.IBucket, *more_on_objects: str) -> list[iam.PolicyStatement]:
    """Return what CodePipeline needs of its artifact bucket, with more actions on objects.

    These are the statements of AWS's minimum policy for the service role, without the rights to
    read tags (only a source in S3 has any) and ACLs (the bucket has none).
    https://docs.aws.amazon.com/codepipeline/latest/userguide/how-to-custom-role.html
    """
    return [
        iam.PolicyStatement(
            actions=["s3:GetBucketAcl", "s3:GetBucketLocation", "s3:GetBucketVersioning"],
            resources=[bucket.bucket_arn],
        ),
        iam.PolicyStatement(
            actions=["s3:GetObject", "s3:GetObjectVersion", "s3:PutObject", *more_on_objects],
            # CodePipeline chooses the keys, and AWS does not document how.
            resources=[bucket.arn_for_objects("*")],
        ),
    ]


def read_statement(bucket: s3.IBucket) -> iam.PolicyStatement:
    """Return what an action needs that reads artifacts and writes none.

    https://docs.aws.amazon.com/codepipeline/latest/userguide/pipelines-create-cross-account.html
    """
    return iam.PolicyStatement(
        actions=["s3:GetObject", "s3:GetObjectVersion"], resources=[bucket.arn_for_objects("*")]
    )
