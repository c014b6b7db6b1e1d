"""The first two stages of a pipeline whose deliveries begin with an image."""

from typing import cast

from aws_cdk import aws_codepipeline as codepipeline
from aws_cdk import aws_codepipeline_actions as actions
from aws_cdk import aws_iam as iam
from constructs import Construct

from backend_service.artifacts import artifact_statements
from backend_service.deploy_actions import ReleaseFunction, call_statement
from backend_service.names import IMAGE_SOURCE_KEY
from backend_service.source import SOURCE

_IMAGE = "Image"
"""The second stage, its action, and the namespace of its output variables."""


class ImageSource(Construct):
    """Adds the stages to ``pipeline`` that read which image is delivered, and look for it.

    The source is the object ``IMAGE_SOURCE_KEY`` of the artifact bucket. Whoever starts the
    pipeline writes it and names its version. Nothing else starts the pipeline. CodePipeline's
    source action for ECR takes no account and no region, so it finds no image of another account.
    https://docs.aws.amazon.com/codepipeline/latest/userguide/action-reference-ECR.html

    Creates the role of both actions. Exposes ``image``, ``commit`` and ``origin``: the variables
    with the image, and with what its sender says about it.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        pipeline: codepipeline.Pipeline,
        release: ReleaseFunction,
    ) -> None:
        super().__init__(scope, construct_id)
        bucket, sent = pipeline.artifact_bucket, codepipeline.Artifact()
        role = iam.Role(
            self,
            "Role",
            assumed_by=iam.ArnPrincipal(pipeline.role.role_arn),
            description="Reads which image is delivered, and lets the function look for it",
        )
        # AWS's policies for a source in S3 include the rights to read tags.
        # https://docs.aws.amazon.com/codepipeline/latest/userguide/how-to-custom-role.html
        tags = ("s3:GetObjectTagging", "s3:GetObjectVersionTagging")
        for statement in (*artifact_statements(bucket, *tags), call_statement(release.function)):
            role.add_to_policy(statement)
        source_action = actions.S3SourceAction(
            action_name=SOURCE,
            bucket=bucket,
            bucket_key=IMAGE_SOURCE_KEY,
            trigger=actions.S3Trigger.NONE,
            output=sent,
            # Without this role CDK would grant the action every right on the artifacts.
            role=role.without_policy_updates(),
        )
        image_action = actions.LambdaInvokeAction(
            action_name=_IMAGE,
            lambda_=release.function,
            inputs=[sent],
            user_parameters_string="receive",
            variables_namespace=_IMAGE,
            role=role.without_policy_updates(),
        )
        pipeline.add_stage(stage_name=SOURCE, actions=[source_action])
        pipeline.add_stage(stage_name=_IMAGE, actions=[image_action])
        self.image = image_action.variable("image")
        self.commit = image_action.variable("commit")
        self.origin = image_action.variable("origin")
        # An execution must find the rights of its actions, also after an update.
        cast("codepipeline.CfnPipeline", pipeline.node.default_child).node.add_dependency(role)
