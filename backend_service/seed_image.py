"""The first image of a service, so that the first deploy becomes stable."""

from typing import cast

from aws_cdk import CfnParameter, RemovalPolicy, Stack
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from cdk_ecr_deployment import DockerImageName, ECRDeployment
from constructs import Construct

from backend_service.cpu_architecture import CpuArchitecture


class SeedImage(Construct):
    """Copies ``source`` to ``repository:tag`` when the stack is created.

    Source and architecture are stack parameters: the CDK CLI deploys with a parameter's previous
    value, so editing these settings later does not copy again and never takes the tag away from
    the image that the pipeline promoted. Depend on this construct to start after the copy.
    The copy runs in a Lambda function outside the VPC, so it needs no NAT gateway.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        source: str,
        repository: ecr.IRepository,
        repository_name: str,
        tag: str,
        cpu_architecture: CpuArchitecture,
        log_retention: logs.RetentionDays,
    ) -> None:
        super().__init__(scope, construct_id)
        image = self._parameter(
            "SeedImage", source, "Image that the service runs until the pipeline has delivered one"
        )
        architecture = self._parameter(
            "SeedArchitecture", cpu_architecture.image_platform, "Which of its images is copied"
        )
        log_group = logs.LogGroup(
            self, "LogGroup", retention=log_retention, removal_policy=RemovalPolicy.DESTROY
        )
        role = iam.Role(
            self,
            "Role",
            assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"),
            description="Copies the seed image into one ECR repository",
        )
        log_group.grant_write(role)
        repository.grant_pull_push(role)
        role.add_to_policy(
            iam.PolicyStatement(
                actions=["ecr-public:GetAuthorizationToken", "sts:GetServiceBearerToken"],
                # Neither action has resource-level permissions; they only sign in to the
                # public registry.
                resources=["*"],
            )
        )
        deployment = ECRDeployment(
            self,
            # Another repository is another copy: an update of this one, or the rollback of such an
            # update, would copy the seed over the image that was promoted last.
            f"CopyTo-{repository_name}",
            src=DockerImageName(image),
            dest=DockerImageName(repository.repository_uri_for_tag(tag)),
            # By itself the construct takes rights on every repository and bucket.
            role=role.without_policy_updates(),
            image_arch=[architecture],
        )
        # The role's policy is a child of the role: without it the copy may start too early.
        deployment.node.add_dependency(role)
        self._log_to(log_group)

    def _parameter(self, name: str, default: str, description: str) -> str:
        parameter = CfnParameter(self, name, default=default, description=description)
        parameter.override_logical_id(name)
        return parameter.value_as_string

    def _log_to(self, log_group: logs.ILogGroup) -> None:
        # The construct lets us set no log group, and keeps its function, one for all of a stack's
        # copies, beside the constructs of the stack.
        function = next(
            child
            for child in Stack.of(self).node.children
            if isinstance(child, lambda_.Function)
            and child.node.id.startswith("Custom::CDKECRDeployment")
        )
        # CDK's own log group for it would outlive the stack.
        function.node.try_remove_child("LogGroup")
        cast("lambda_.CfnFunction", function.node.default_child).add_property_override(
            "LoggingConfig.LogGroup", log_group.log_group_name
        )
