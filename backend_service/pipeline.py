"""The pipeline that takes a commit, or an image, to the running service."""

from typing import cast

from aws_cdk import aws_codebuild as codebuild
from aws_cdk import aws_codepipeline as codepipeline
from aws_cdk import aws_codepipeline_actions as actions
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sns as sns
from constructs import Construct

from backend_service.artifacts import ArtifactBucket, artifact_statements, read_statement
from backend_service.buildspec import IMAGE_VARIABLE
from backend_service.deploy_actions import DeployStage, ReleaseFunction
from backend_service.image_build import ImageBuild
from backend_service.service import DiscoverableService
from backend_service.source import ImageSource, Source
from settings import DeliverySettings, ServiceSettings

_BUILD = "Build"
"""The stage, its action, and the namespace of the variables that the build exports."""


class DeliveryPipeline(Construct):
    """Source, Build, Approve (if ``manual_approval``), and Deploy: release, roll out, promote.

    Without a ``build`` a delivery begins with an image (see ``ImageSource``).

    Creates the pipeline, its artifact bucket and the roles of its actions, and lets the project of
    ``build`` read its source. The build passes on the variable ``IMAGE_VARIABLE`` and no artifact:
    the variable cannot change after the build, so the pipeline releases exactly the image that the
    approver saw. CodePipeline publishes requests for approval to ``approval_topic``, if there is
    one. Exposes ``pipeline``.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        service: ServiceSettings,
        delivery: DeliverySettings,
        build: ImageBuild | None,
        release: ReleaseFunction,
        discoverable: DiscoverableService,
        approval_topic: sns.ITopic | None,
    ) -> None:
        super().__init__(scope, construct_id)
        self._bucket = ArtifactBucket(self, "Artifacts").bucket
        role = iam.Role(self, "Role", assumed_by=iam.ServicePrincipal("codepipeline.amazonaws.com"))
        for statement in artifact_statements(self._bucket):
            role.add_to_policy(statement)
        self.pipeline = codepipeline.Pipeline(
            self,
            "Pipeline",
            pipeline_name=service.full_name,
            pipeline_type=codepipeline.PipelineType.V2,
            artifact_bucket=self._bucket,
            # Without this role CDK would grant the pipeline more rights on the bucket, and the
            # right to assume the roles of its actions. The pipeline does not need that right:
            # within an account it is enough that these roles trust it.
            # https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
            role=role.without_policy_updates(),
        )
        resource = cast("codepipeline.CfnPipeline", self.pipeline.node.default_child)
        if build:
            source = Source(self, "Source", delivery=delivery, pipeline=self.pipeline)
            image = shown = self._add_build(build, source.output)
            resource.node.add_dependency(build)
        else:
            sent = ImageSource(self, "Source", pipeline=self.pipeline, release=release)
            image = sent.image
            shown = f"{image} (its sender says: commit {sent.commit}, from {sent.origin})"
        if delivery.manual_approval:
            approval = actions.ManualApprovalAction(
                action_name="Approve",
                notification_topic=approval_topic,
                additional_information=f"Releases {shown}",
            )
            self.pipeline.add_stage(stage_name="Approve", actions=[approval])
        deploy = DeployStage(
            self,
            "Deploy",
            service=service,
            discoverable=discoverable,
            release=release,
            command=delivery.release_command,
            assumed_by=iam.ArnPrincipal(role.role_arn),
            artifact_bucket=self._bucket,
            image=image,
        )
        self.pipeline.add_stage(stage_name="Deploy", actions=deploy.actions)
        # An execution must find the rights of its actions, also after an update. Only the pipeline
        # resource waits: the roles of the actions refer to the role of the pipeline.
        resource.node.add_dependency(role, deploy, release)

    def _add_build(self, build: ImageBuild, source_code: codepipeline.Artifact) -> str:
        """Add the build; return the variable with the image that it exports."""
        action = actions.CodeBuildAction(
            action_name=_BUILD,
            # The project is imported by name: to a project of this stack the action would grant
            # more on the artifacts.
            project=codebuild.Project.from_project_name(self, _BUILD, build.project.project_name),
            input=source_code,
            variables_namespace=_BUILD,
        )
        # The build reads its source and writes nothing.
        # https://docs.aws.amazon.com/codebuild/latest/userguide/setting-up-service-role.html
        build.role.add_to_policy(read_statement(self._bucket))
        build.role.add_to_policy(
            iam.PolicyStatement(
                actions=["s3:GetBucketAcl", "s3:GetBucketLocation"],
                resources=[self._bucket.bucket_arn],
            )
        )
        self.pipeline.add_stage(stage_name=_BUILD, actions=[action])
        return action.variable(IMAGE_VARIABLE)
