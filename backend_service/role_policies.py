"""What roles may do that CDK's constructs make, in place of what those grant them."""

from typing import cast

from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3


def permit_only(role: iam.IRole, *statements: iam.PolicyStatement) -> None:
    """Make these all that a role may do which another construct has made.

    Whatever that construct grants it, before or after, is left out of the template. A role of our
    own is given to constructs with ``without_policy_updates`` instead.
    """
    policy = role.node.find_child("DefaultPolicy").node.default_child
    cast("iam.CfnPolicy", policy).policy_document = iam.PolicyDocument(statements=list(statements))


def artifact_statements(bucket: s3.IBucket, *more: str) -> list[iam.PolicyStatement]:
    """Return what CodePipeline needs of its artifact bucket, with ``more`` actions on objects.

    AWS's own least policy of the service role, without what it has for tags (only a source in S3
    has any) and for ACLs (which a bucket has disabled unless it says otherwise).
    https://docs.aws.amazon.com/codepipeline/latest/userguide/how-to-custom-role.html
    """
    return [
        iam.PolicyStatement(
            actions=["s3:GetBucketAcl", "s3:GetBucketLocation", "s3:GetBucketVersioning"],
            resources=[bucket.bucket_arn],
        ),
        iam.PolicyStatement(
            actions=["s3:GetObject", "s3:GetObjectVersion", "s3:PutObject", *more],
            # CodePipeline makes the keys up, and no page says how.
            resources=[bucket.arn_for_objects("*")],
        ),
    ]
