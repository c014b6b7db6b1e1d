"""The ECR repositories of a service, the tag of the image in service, and the first image."""

from typing import cast

from aws_cdk import CfnParameter, RemovalPolicy, Stack
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from cdk_ecr_deployment import DockerImageName, ECRDeployment
from constructs import Construct

from backend_service.names import LIVE_TAG

KEPT_RELEASES = 50
"""How many images stay in the repository for a return to an older one. Ours: weeks of a team that
delivers twice a day."""

KEPT_BUILDS = 20
"""How many builds stay until they are released: more than are built while one waits for approval,
which it may for a week. Ours: layers are shared, so each costs what its change does."""

PUSH = (
    "ecr:BatchCheckLayerAvailability",
    "ecr:BatchGetImage",
    "ecr:CompleteLayerUpload",
    "ecr:InitiateLayerUpload",
    "ecr:PutImage",
    "ecr:UploadLayerPart",
)
"""The actions of a client that pushes an image.
https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-push-iam.html"""

PULL = ("ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer")
"""The actions of a client that pulls one: those of AmazonEC2ContainerRegistryPullOnly.
https://docs.aws.amazon.com/AmazonECR/latest/userguide/security-iam-awsmanpol.html"""

_LIVE = ecr.ImageTagMutabilityExclusionFilter.wildcard(LIVE_TAG)


class ImageRepository(Construct):
    """The repository of a service: one immutable tag per release, and the movable tag ``live``.

    Scans on push, keeps the image tagged ``live`` and the newest ``KEPT_RELEASES`` images, and is
    emptied when the stack is deleted. Exposes ``repository``.
    """

    def __init__(self, scope: Construct, construct_id: str, *, repository_name: str) -> None:
        super().__init__(scope, construct_id)
        self.repository = ecr.Repository(
            self,
            "Repository",
            repository_name=repository_name,
            image_scan_on_push=True,
            image_tag_mutability=ecr.TagMutability.IMMUTABLE_WITH_EXCLUSION,
            image_tag_mutability_exclusion_filters=[_LIVE],
            removal_policy=RemovalPolicy.DESTROY,
            empty_on_delete=True,
            lifecycle_rules=[
                # An image that a rule of higher priority matches is never expired by a later
                # rule, so this one, which can expire nothing, protects the image in service.
                # https://docs.aws.amazon.com/AmazonECR/latest/userguide/LifecyclePolicies.html
                ecr.LifecycleRule(
                    rule_priority=1,
                    description="The image in service stays",
                    tag_status=ecr.TagStatus.TAGGED,
                    tag_pattern_list=[LIVE_TAG],
                    max_image_count=1,
                ),
                ecr.LifecycleRule(
                    rule_priority=2,
                    description=f"The newest {KEPT_RELEASES} builds stay",
                    tag_status=ecr.TagStatus.ANY,
                    max_image_count=KEPT_RELEASES,
                ),
            ],
        )


class BuildsRepository(Construct):
    """The repository that builds push to, with one immutable tag per build.

    Scans on push, so that who approves can look, keeps the newest ``KEPT_BUILDS`` images, and is
    emptied when the stack is deleted. Exposes ``repository``.
    """

    def __init__(self, scope: Construct, construct_id: str, *, repository_name: str) -> None:
        super().__init__(scope, construct_id)
        self.repository = ecr.Repository(
            self,
            "Repository",
            repository_name=repository_name,
            image_scan_on_push=True,
            image_tag_mutability=ecr.TagMutability.IMMUTABLE,
            removal_policy=RemovalPolicy.DESTROY,
            empty_on_delete=True,
            lifecycle_rules=[
                ecr.LifecycleRule(
                    description=f"The newest {KEPT_BUILDS} builds stay",
                    tag_status=ecr.TagStatus.ANY,
                    max_image_count=KEPT_BUILDS,
                )
            ],
        )


class SeedImage(Construct):
    """Copies ``source`` to ``repository:live`` when the stack is created: the first image.

    Without it the first deploy would wait for tasks whose image does not exist. ``source`` is an
    image reference (``registry/name:tag``) on a registry that can be read without signing in, or on
    ECR Public, which can be signed in to from the ``aws`` partition only, or in the private ECR
    repository ``source_repository_arn`` of any account and region, which has to let this account
    pull. Of an image for several architectures only the one for ``arm64``, or else for x86-64, is
    copied.

    Source and architecture are stack parameters: the CDK CLI deploys with a parameter's previous
    value, so editing these settings later does not copy again and never takes the tag away from
    the image that the pipeline promoted. Depend on this construct to start after the copy.

    Creates a role, a log group (deleted with the stack) and the copy's custom resource, whose
    Lambda function runs outside the VPC, so it needs no NAT gateway.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        source: str,
        source_repository_arn: str | None,
        repository: ecr.IRepository,
        repository_name: str,
        arm64: bool,
        log_retention: logs.RetentionDays,
    ) -> None:
        super().__init__(scope, construct_id)
        image = self._parameter(
            "SeedImage", source, "Image that the service runs until the pipeline has delivered one"
        )
        architecture = self._parameter(
            "SeedArchitecture", "arm64" if arm64 else "amd64", "Which of its images is copied"
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
        repository.grant(role, *PUSH)
        role.add_to_policy(
            iam.PolicyStatement(
                actions=[
                    "ecr-public:GetAuthorizationToken",
                    "ecr:GetAuthorizationToken",
                    "sts:GetServiceBearerToken",
                ],
                # None of them has resource-level permissions; they only sign in to the
                # registries.
                resources=["*"],
            )
        )
        if source_repository_arn:
            role.add_to_policy(
                iam.PolicyStatement(actions=list(PULL), resources=[source_repository_arn])
            )
        # Whatever changes among the properties of the copy repeats it, over the image that was
        # promoted last: so no retry_configs, though the construct has them now (decision 1).
        deployment = ECRDeployment(
            self,
            # Another repository is another copy: an update of this one, or the rollback of such an
            # update, would copy the seed over the image that was promoted last.
            f"CopyTo-{repository_name}",
            src=DockerImageName(image),
            dest=DockerImageName(repository.repository_uri_for_tag(LIVE_TAG)),
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
