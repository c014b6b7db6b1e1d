"""The first image of a service, which runs until the first delivery."""

from aws_cdk import CustomResource, Duration, Stack
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_iam as iam
from constructs import Construct

from backend_service.deploy_actions import ReleaseFunction
from backend_service.image_repository import OWNER_TAG, PULL, ImageRepositories
from settings import CpuArchitecture, ServiceSettings

_PATIENCE = Duration.minutes(20)
"""CloudFormation waits for three attempts of the function, and Lambda's pauses between them."""


class FirstImage(Construct):
    """Lets ``release`` give the repository an image with the tag ``live``, if it has none.

    A new stack gets ``seed_image``; of an image for several processors that of the service. If
    ``ecr_repository_name`` changes, the new repository gets the image that is live in the one
    before. No other change copies anything. The settings check that the function can read the
    image. The service must depend on this construct.

    Creates a custom resource, and adds to the rights of ``release``. The function runs outside the
    VPC, so it needs no NAT gateway.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        service: ServiceSettings,
        repositories: ImageRepositories,
        release: ReleaseFunction,
    ) -> None:
        super().__init__(scope, construct_id)
        release.role.add_to_policy(
            iam.PolicyStatement(
                actions=list(PULL),
                # The template does not know the name that the repository had before; ECR keeps the
                # tag that CloudFormation has given to it.
                resources=[
                    Stack.of(self).format_arn(
                        service="ecr", resource="repository", resource_name="*"
                    )
                ],
                conditions={"StringEquals": {f"aws:ResourceTag/{OWNER_TAG}": service.full_name}},
            )
        )
        if arn := service.seed_repository_arn:
            # This action has no resource-level permissions ("*"). It only signs in to ECR.
            ecr.AuthorizationToken.grant_read(release.role)
            release.role.add_to_policy(iam.PolicyStatement(actions=list(PULL), resources=[arn]))
        is_arm = service.cpu_architecture is CpuArchitecture.ARM64
        resource = CustomResource(
            self,
            "Resource",
            resource_type="Custom::FirstImage",
            service_token=release.function.function_arn,
            service_timeout=_PATIENCE,
            properties={
                "Repository": repositories.released.repository_uri,
                "Image": service.seed_image,
                "Architecture": "arm64" if is_arm else "amd64",
            },
        )
        resource.node.add_dependency(release)
