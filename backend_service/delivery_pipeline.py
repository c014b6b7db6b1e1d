"""The pipeline that takes a commit to the running service."""

from typing import cast

from aws_cdk import RemovalPolicy, Stack
from aws_cdk import aws_codebuild as codebuild
from aws_cdk import aws_codepipeline as codepipeline
from aws_cdk import aws_codepipeline_actions as actions
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from aws_cdk import aws_sns as sns
from constructs import Construct

from backend_service.artifact_bucket import ArtifactBucket
from backend_service.pipeline_source import PipelineSource
from backend_service.promotion import Promotion
from backend_service.rollout import Rollout

IMAGE_DEFINITIONS_FILE = "imagedefinitions.json"
"""Written by the build, read by the deploy and the promote action."""


class DeliveryPipeline(Construct):
    """Source, Build, Approve (if ``manual_approval``), and Deploy: roll out, then promote.

    Creates the pipeline, its artifact bucket, the roles of its actions and the log group of the
    promotion. ``execution_role`` is the role that the service's tasks are started with, which the
    rollout passes on; ``approval_topic`` (if any) is told that an approval is wanted. Exposes
    ``pipeline``.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        pipeline_name: str,
        source: PipelineSource,
        build_project: codebuild.IProject,
        service: ecs.FargateService,
        cluster_name: str,
        service_name: str,
        execution_role: iam.IRole,
        repository: ecr.IRepository,
        repository_name: str,
        manual_approval: bool,
        approval_topic: sns.ITopic | None,
        log_retention: logs.RetentionDays,
    ) -> None:
        super().__init__(scope, construct_id)
        bucket = ArtifactBucket(self, "Artifacts").bucket
        # The name that CodePipeline gives the log of a Commands action.
        promotion_log_group_name = f"/aws/codepipeline/{pipeline_name}"
        logs.LogGroup(
            self,
            "PromotionLogGroup",
            log_group_name=promotion_log_group_name,
            retention=log_retention,
            removal_policy=RemovalPolicy.DESTROY,
        )
        self.pipeline = codepipeline.Pipeline(
            self,
            "Pipeline",
            pipeline_name=pipeline_name,
            pipeline_type=codepipeline.PipelineType.V2,
            artifact_bucket=bucket,
        )
        source_code, build_output = codepipeline.Artifact(), codepipeline.Artifact()
        source.add_to(self.pipeline, source_code)
        build = actions.CodeBuildAction(
            action_name="Build", project=build_project, input=source_code, outputs=[build_output]
        )
        self.pipeline.add_stage(stage_name="Build", actions=[build])
        if manual_approval:
            approval = actions.ManualApprovalAction(
                action_name="Approve", notification_topic=approval_topic
            )
            self.pipeline.add_stage(stage_name="Approve", actions=[approval])
        pipeline_principal = iam.ArnPrincipal(self.pipeline.role.role_arn)
        # By name, so that what may touch the service does not wait for it.
        service_arn = Stack.of(self).format_arn(
            service="ecs", resource="service", resource_name=f"{cluster_name}/{service_name}"
        )
        rollout = Rollout(
            self,
            "Rollout",
            assumed_by=pipeline_principal,
            artifact_bucket=bucket,
            image_definitions=build_output.at_path(IMAGE_DEFINITIONS_FILE),
            service=service,
            service_arn=service_arn,
            execution_role=execution_role,
            run_order=1,
        )
        promotion = Promotion(
            self,
            "Promotion",
            assumed_by=pipeline_principal,
            artifact_bucket=bucket,
            log_group_name=promotion_log_group_name,
            build_output=build_output,
            image_definitions_file=IMAGE_DEFINITIONS_FILE,
            cluster_name=cluster_name,
            service_name=service_name,
            service_arn=service_arn,
            repository=repository,
            repository_name=repository_name,
            run_order=2,
        )
        self.pipeline.add_stage(stage_name="Deploy", actions=[rollout.action, promotion.action])
        # An execution must find the rights that its actions need, also after an update of both.
        # Only the pipeline itself: its role is the one that the roles of the actions trust.
        resource = cast("codepipeline.CfnPipeline", self.pipeline.node.default_child)
        resource.node.add_dependency(rollout, promotion)
