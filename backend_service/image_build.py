"""The CodeBuild project that builds and pushes the image."""

from aws_cdk import Duration
from aws_cdk import aws_codebuild as codebuild
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_iam as iam
from constructs import Construct

from backend_service.buildspec import own_buildspec
from backend_service.image_repository import PULL, PUSH, ImageRepositories
from backend_service.names import LIVE_TAG, build_log_group_name
from core_infra.logs import log_group
from core_infra.trust import for_this_account_only
from settings import CpuArchitecture, DeliverySettings, ServiceSettings


class ImageBuild(Construct):
    """Builds the image by a buildspec, on the processor architecture of the service.

    The buildspec is the file ``buildspec_path`` of the source, or ``own_buildspec`` if there is
    none. It gets these environment variables: ``REPO_URL`` (the repository to push to, without a
    tag), ``LIVE_REPO_URL`` and ``LIVE_TAG`` (the image in service, whose layers it may use),
    ``CONTAINER_NAME``, ``SERVICE_PORT``, ``FOLDER_PATH``, ``DOCKERFILE_PATH``, and the values of
    ``build_secrets``. It exports the image that it has pushed as ``IMAGE_VARIABLE``, and makes no
    artifact.

    Creates the project, its log group and its ``role``, which may push to ``builds``, pull from
    ``released`` and ``base_image_repository_arns``, and read ``build_secrets``. It also has the
    managed policies ``build_role_policy_arns``. The pipeline adds the right to read the source.
    Exposes ``project`` and ``role``.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        service: ServiceSettings,
        delivery: DeliverySettings,
        repositories: ImageRepositories,
    ) -> None:
        super().__init__(scope, construct_id)
        build_log_group = log_group(
            self,
            "LogGroup",
            name=build_log_group_name(service.full_name),
            settings=service,
        )
        self.role = iam.Role(
            self,
            "Role",
            assumed_by=iam.ServicePrincipal("codebuild.amazonaws.com"),
            description=f"Builds the image of {service.container_name}",
            managed_policies=[
                iam.ManagedPolicy.from_managed_policy_arn(self, f"Policy{arn}", arn)
                for arn in delivery.build_role_policy_arns
            ],
        )
        # https://docs.aws.amazon.com/codebuild/latest/userguide/setting-up-service-role.html
        for_this_account_only(self.role)
        build_log_group.grant_write(self.role)
        repositories.builds.grant(self.role, *PUSH)
        # A role that may push to this repository could move the live tag: IAM has no permission for
        # a single tag.
        repositories.released.grant(self.role, *PULL)
        # This action has no resource-level permissions ("*"). It only signs in to ECR.
        ecr.AuthorizationToken.grant_read(self.role)
        if base_images := delivery.base_image_repository_arns:
            self.role.add_to_policy(
                iam.PolicyStatement(actions=list(PULL), resources=list(base_images))
            )
        secrets = delivery.build_secrets
        if secrets:
            # The parts after the first seven select a key and a version of the secret.
            arns = {":".join(arn.split(":")[:7]) for arn in secrets.values()}
            self.role.add_to_policy(
                iam.PolicyStatement(
                    actions=["secretsmanager:GetSecretValue"], resources=sorted(arns)
                )
            )
        plain_variables = {
            "REPO_URL": repositories.builds.repository_uri,
            "LIVE_REPO_URL": repositories.released.repository_uri,
            "LIVE_TAG": LIVE_TAG,
            "CONTAINER_NAME": service.container_name,
            "SERVICE_PORT": str(service.container_port),
            "FOLDER_PATH": delivery.folder_path,
            "DOCKERFILE_PATH": delivery.dockerfile,
        }
        self.project = codebuild.PipelineProject(
            self,
            "Project",
            project_name=service.full_name,
            description=f"Builds the image of {service.container_name}",
            # Without this role CDK would grant the project rights to create log groups and to read
            # every secret whose name begins like one of build_secrets.
            role=self.role.without_policy_updates(),
            build_spec=(
                codebuild.BuildSpec.from_source_filename(delivery.buildspec_path)
                if delivery.buildspec_path
                else codebuild.BuildSpec.from_object(own_buildspec(secrets, base_images))
            ),
            environment=codebuild.BuildEnvironment(
                build_image=(
                    codebuild.LinuxArmBuildImage.AMAZON_LINUX_2023_STANDARD_4_0
                    if service.cpu_architecture is CpuArchitecture.ARM64
                    else codebuild.LinuxBuildImage.AMAZON_LINUX_2023_6
                ),
                compute_type=codebuild.ComputeType[delivery.build_compute_type],
                privileged=True,  # The Docker daemon of the build needs it.
            ),
            environment_variables={
                **{
                    name: codebuild.BuildEnvironmentVariable(value=value)
                    for name, value in plain_variables.items()
                },
                **{
                    name: codebuild.BuildEnvironmentVariable(
                        value=arn, type=codebuild.BuildEnvironmentVariableType.SECRETS_MANAGER
                    )
                    for name, arn in secrets.items()
                },
            },
            logging=codebuild.LoggingOptions(
                cloud_watch=codebuild.CloudWatchLoggingOptions(log_group=build_log_group)
            ),
            cache=codebuild.Cache.local(codebuild.LocalCacheMode.DOCKER_LAYER),
            timeout=Duration.minutes(delivery.build_timeout_minutes),
            grant_report_group_permissions=False,
        )
