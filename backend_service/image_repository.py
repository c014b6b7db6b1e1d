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
from core_infra.logs import KEEP, log_group
from settings import CpuArchitecture, ServiceSettings

KEPT_RELEASES = 50
"""How many released images the repository keeps, for a return to an older one: weeks of deliveries
for a team that delivers twice a day."""

KEPT_BUILDS = 20
"""How many builds the repository keeps until they are released. While a build waits for approval,
up to a week, newer builds must not push it out. Builds share layers, so each one costs only the
storage of its changes."""

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
"""The actions of a client that pulls an image: those of AmazonEC2ContainerRegistryPullOnly.
https://docs.aws.amazon.com/AmazonECR/latest/userguide/security-iam-awsmanpol.html"""


class ImageRepositories(Construct):
    """Two repositories: ``released`` for the images of the service, ``builds`` to push builds to.

    ``released`` has one immutable tag per release and the movable tag ``live``. It keeps the image
    tagged ``live`` and the newest ``KEPT_RELEASES`` images. ``builds`` has one immutable tag per
    build, and keeps the newest ``KEPT_BUILDS`` images. Both scan images on push, so approvers can
    see the findings, and are emptied and deleted with the stack, unless ``keep_images`` is set.
    """

    def __init__(self, scope: Construct, construct_id: str, *, service: ServiceSettings) -> None:
        super().__init__(scope, construct_id)
        self.released = ecr.Repository(
            self,
            "Released",
            repository_name=service.ecr_repository_name,
            image_scan_on_push=True,
            image_tag_mutability=ecr.TagMutability.IMMUTABLE_WITH_EXCLUSION,
            image_tag_mutability_exclusion_filters=[
                ecr.ImageTagMutabilityExclusionFilter.wildcard(LIVE_TAG)
            ],
            removal_policy=RemovalPolicy.DESTROY,
            empty_on_delete=True,
            lifecycle_rules=[
                # ECR never expires an image by a rule if a rule of higher priority matches it. The
                # first rule can expire nothing, so it protects the image in service.
                # https://docs.aws.amazon.com/AmazonECR/latest/userguide/LifecyclePolicies.html
                ecr.LifecycleRule(
                    rule_priority=1,
                    description="The image in service stays",
                    tag_status=ecr.TagStatus.TAGGED,
                    tag_pattern_list=[LIVE_TAG],
                    max_image_count=1,
                ),
                _newest_stay(KEPT_RELEASES, priority=2),
            ],
        )
        self.builds = ecr.Repository(
            self,
            "Builds",
            repository_name=service.builds_repository_name,
            image_scan_on_push=True,
            image_tag_mutability=ecr.TagMutability.IMMUTABLE,
            removal_policy=RemovalPolicy.DESTROY,
            empty_on_delete=True,
            lifecycle_rules=[_newest_stay(KEPT_BUILDS)],
        )
        if service.keep_images:
            for repository in (self.released, self.builds):
                # empty_on_delete stays: ECR deletes only an empty repository when CloudFormation
                # rolls the creation of the stack back.
                repository.apply_removal_policy(KEEP)


def _newest_stay(count: int, priority: int | None = None) -> ecr.LifecycleRule:
    return ecr.LifecycleRule(
        rule_priority=priority,
        description=f"The newest {count} builds stay",
        tag_status=ecr.TagStatus.ANY,
        max_image_count=count,
    )


class SeedImage(Construct):
    """Copies ``seed_image`` to the tag ``live`` when CloudFormation creates the stack.

    Without this first image, the first deploy would wait for tasks whose image does not exist. If
    the image is for several architectures, only the service's own is copied. The settings check
    that the copy can read the image. Anything that needs the image must depend on this construct.

    The image and the architecture are stack parameters. The CDK CLI deploys with a parameter's
    previous value, so a later change of these settings does not copy again and does not take the
    tag away from the image that the pipeline promoted.

    Creates a role, a log group and the copy's custom resource. Its Lambda function runs outside the
    VPC, so it needs no NAT gateway.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        service: ServiceSettings,
        repositories: ImageRepositories,
    ) -> None:
        super().__init__(scope, construct_id)
        image = self._parameter(
            "SeedImage",
            service.seed_image,
            "Image that the service runs until the pipeline has delivered one",
        )
        architecture = self._parameter(
            "SeedArchitecture",
            "arm64" if service.cpu_architecture is CpuArchitecture.ARM64 else "amd64",
            "Which of its images is copied",
        )
        copy_log_group = log_group(self, "LogGroup", settings=service)
        role = iam.Role(
            self,
            "Role",
            assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"),
            description="Copies the seed image into one ECR repository",
        )
        copy_log_group.grant_write(role)
        repositories.released.grant(role, *PUSH)
        role.add_to_policy(
            iam.PolicyStatement(
                actions=[
                    "ecr-public:GetAuthorizationToken",
                    "ecr:GetAuthorizationToken",
                    "sts:GetServiceBearerToken",
                ],
                # These actions have no resource-level permissions; they only sign in to the
                # registries.
                resources=["*"],
            )
        )
        if service.seed_repository_arn:
            role.add_to_policy(
                iam.PolicyStatement(actions=list(PULL), resources=[service.seed_repository_arn])
            )
        deployment = ECRDeployment(
            self,
            # A new repository name makes a new copy. An update of this one, or the rollback of such
            # an update, would copy the seed over the image that was promoted last.
            f"CopyTo-{service.ecr_repository_name}",
            # Any change of these properties repeats the copy, over the image that was promoted
            # last. For this reason retry_configs stays unset (decision 1).
            src=DockerImageName(image),
            dest=DockerImageName(repositories.released.repository_uri_for_tag(LIVE_TAG)),
            # Without this role the construct would grant itself rights on every repository and
            # bucket.
            role=role.without_policy_updates(),
            image_arch=[architecture],
        )
        # The role's policy is a child of the role: without it the copy may start too early.
        deployment.node.add_dependency(role)
        self._log_to(copy_log_group)

    def _parameter(self, name: str, default: str, description: str) -> str:
        parameter = CfnParameter(self, name, default=default, description=description)
        parameter.override_logical_id(name)
        return parameter.value_as_string

    def _log_to(self, copy_log_group: logs.ILogGroup) -> None:
        # ECRDeployment has no option for the log group. It puts its function, one for all copies of
        # a stack, beside the constructs of the stack.
        function = next(
            child
            for child in Stack.of(self).node.children
            if isinstance(child, lambda_.Function)
            and child.node.id.startswith("Custom::CDKECRDeployment")
        )
        # CDK's own log group for the function would outlive the stack.
        function.node.try_remove_child("LogGroup")
        cast("lambda_.CfnFunction", function.node.default_child).add_property_override(
            "LoggingConfig.LogGroup", copy_log_group.log_group_name
        )
