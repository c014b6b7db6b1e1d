"""The pipeline that takes a commit to the running service, and its artifact bucket."""

from typing import cast

from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_codebuild as codebuild
from aws_cdk import aws_codepipeline as codepipeline
from aws_cdk import aws_codepipeline_actions as actions
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sns as sns
from constructs import Construct

from backend_service.buildspec import IMAGE_VARIABLE
from backend_service.deploy_actions import Promotion, Release, ReleaseFunction, Rollout
from backend_service.source import PipelineSource

ARTIFACT_LIFETIME = Duration.days(30)
"""Artifacts are needed until their pipeline execution ends, and for a return to an older one."""

_BUILD = "Build"
"""The stage, its action, and the namespace of what the build exports."""

_LEFTOVER_LIFETIME = Duration.days(1)
"""Replaced versions and uploads that were broken off are of no use to anybody."""


class DeliveryPipeline(Construct):
    """Source, Build, Approve (if ``manual_approval``), and Deploy: release, roll out, promote.

    Creates the pipeline, its artifact bucket and the roles of its actions. ``build_project`` gets
    the right to read the source, exports ``IMAGE_VARIABLE`` and hands on nothing else: what an
    approver is shown is what is released, and nobody can change it afterwards. ``release`` is the
    function that releases and promotes images; ``service_arn`` names ``service``: what may touch a
    resource by its name need not wait for it. ``execution_role`` is the role that the service's
    tasks are started with, which the rollout passes on; ``approval_topic`` (if any) is told that an
    approval is wanted. Exposes ``pipeline``.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        pipeline_name: str,
        source: PipelineSource,
        build_project: codebuild.IProject,
        release: ReleaseFunction,
        service: ecs.FargateService,
        service_arn: str,
        execution_role: iam.IRole,
        manual_approval: bool,
        approval_topic: sns.ITopic | None,
    ) -> None:
        super().__init__(scope, construct_id)
        bucket = ArtifactBucket(self, "Artifacts").bucket
        self.pipeline = codepipeline.Pipeline(
            self,
            "Pipeline",
            pipeline_name=pipeline_name,
            pipeline_type=codepipeline.PipelineType.V2,
            artifact_bucket=bucket,
        )
        source_code = codepipeline.Artifact()
        source.add_to(self.pipeline, source_code)
        build = actions.CodeBuildAction(
            action_name=_BUILD,
            # By itself the action lets a project of this stack list the bucket, too.
            project=codebuild.Project.from_project_name(self, _BUILD, build_project.project_name),
            input=source_code,
            variables_namespace=_BUILD,
        )
        for statement in _source_statements(bucket):
            build_project.add_to_role_policy(statement)
        self.pipeline.add_stage(stage_name=_BUILD, actions=[build])
        built_image = build.variable(IMAGE_VARIABLE)
        if manual_approval:
            approval = actions.ManualApprovalAction(
                action_name="Approve",
                notification_topic=approval_topic,
                additional_information=f"Releases {built_image}",
            )
            self.pipeline.add_stage(stage_name="Approve", actions=[approval])
        pipeline_principal = iam.ArnPrincipal(self.pipeline.role.role_arn)
        released = Release(
            self,
            "Release",
            assumed_by=pipeline_principal,
            artifact_bucket=bucket,
            built_image=built_image,
            release=release,
            run_order=1,
        )
        rollout = Rollout(
            self,
            "Rollout",
            assumed_by=pipeline_principal,
            artifact_bucket=bucket,
            image_definitions=released.image_definitions,
            service=service,
            service_arn=service_arn,
            execution_role=execution_role,
            run_order=2,
        )
        promotion = Promotion(
            self,
            "Promotion",
            assumed_by=pipeline_principal,
            released_image=released.released_image,
            release=release,
            run_order=3,
        )
        self.pipeline.add_stage(
            stage_name="Deploy", actions=[released.action, rollout.action, promotion.action]
        )
        # An execution must find the rights that its actions need, also after an update of both.
        # Only the pipeline itself: its role is the one that the roles of the actions trust.
        resource = cast("codepipeline.CfnPipeline", self.pipeline.node.default_child)
        resource.node.add_dependency(build_project, released, rollout, promotion, release)


def _source_statements(bucket: s3.IBucket) -> list[iam.PolicyStatement]:
    """Return what CodeBuild needs to get its source, and to put nothing.

    https://docs.aws.amazon.com/codebuild/latest/userguide/setting-up-service-role.html
    """
    return [
        iam.PolicyStatement(
            actions=["s3:GetObject", "s3:GetObjectVersion"],
            resources=[bucket.arn_for_objects("*")],
        ),
        iam.PolicyStatement(
            actions=["s3:GetBucketAcl", "s3:GetBucketLocation"], resources=[bucket.bucket_arn]
        ),
    ]


class ArtifactBucket(Construct):
    """A private bucket, encrypted with the AWS-managed KMS key, reached over TLS 1.2 or later.

    In it the pipeline hands work from one action to the next. Expires artifacts after
    ``ARTIFACT_LIFETIME``; versioned, so what was replaced stays for a day. Emptied and deleted with
    the stack, by a helper function of CDK. Exposes ``bucket``.
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
