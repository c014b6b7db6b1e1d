"""The CodeBuild project that builds and pushes the image."""

from collections.abc import Mapping
from typing import cast

from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_codebuild as codebuild
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from constructs import Construct

from backend_service.buildspec import own_buildspec
from backend_service.names import LIVE_TAG, build_log_group_name

BUILD_TIMEOUT = Duration.minutes(30)
"""A cold build with dependencies takes minutes; half an hour means that it hangs."""

_SECRET_ARN_PARTS = 7  # what follows them says which key and version

_LAYER_CACHE = codebuild.Cache.local(codebuild.LocalCacheMode.DOCKER_LAYER)


class ImageBuild(Construct):
    """Builds the image as a buildspec says, natively for ``arm64`` or x86-64.

    ``buildspec_path`` is that of the source, relative to its root; None means ``own_buildspec``,
    which then is a part of the project. The buildspec is told, by environment variables:
    ``REPO_URL`` (to push to; no tag), ``LIVE_REPO_URL`` and ``LIVE_TAG`` (the image in service,
    whose layers may be taken), ``CONTAINER_NAME``, ``SERVICE_PORT``, ``FOLDER_PATH`` (the
    application folder) and ``DOCKERFILE_PATH``, both relative to the source's root. Besides it
    finds each of ``secrets``: the value of a Secrets Manager secret, by its complete ARN
    (optionally followed by ``:json-key:version-stage:version-id``), under the name of a variable.
    It hands on its image as the exported variable ``IMAGE_VARIABLE``, and no artifact.

    Creates the project, its role and its log group (deleted with the stack). The project may pull
    from and push to ``builds``, pull from ``repository``, and read ``secrets``, of each kind no
    others. Exposes ``project``.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        project_name: str,
        builds: ecr.IRepository,
        repository: ecr.IRepository,
        container_name: str,
        container_port: int,
        arm64: bool,
        folder_path: str,
        dockerfile_path: str,
        buildspec_path: str | None,
        secrets: Mapping[str, str],
        log_retention: logs.RetentionDays,
    ) -> None:
        super().__init__(scope, construct_id)
        log_group = logs.LogGroup(
            self,
            "LogGroup",
            # CodeBuild's own name for it, which CDK's default policy of the project allows.
            log_group_name=build_log_group_name(project_name),
            retention=log_retention,
            removal_policy=RemovalPolicy.DESTROY,
        )
        variables = {
            "REPO_URL": builds.repository_uri,
            "LIVE_REPO_URL": repository.repository_uri,
            "LIVE_TAG": LIVE_TAG,
            "CONTAINER_NAME": container_name,
            "SERVICE_PORT": str(container_port),
            "FOLDER_PATH": folder_path,
            "DOCKERFILE_PATH": dockerfile_path,
        }
        self.project = codebuild.PipelineProject(
            self,
            "Project",
            project_name=project_name,
            description=f"Builds the image of {container_name}",
            build_spec=(
                codebuild.BuildSpec.from_source_filename(buildspec_path)
                if buildspec_path
                else codebuild.BuildSpec.from_object(own_buildspec(secrets))
            ),
            environment=codebuild.BuildEnvironment(
                build_image=(
                    codebuild.LinuxArmBuildImage.AMAZON_LINUX_2023_STANDARD_4_0
                    if arm64
                    else codebuild.LinuxBuildImage.AMAZON_LINUX_2023_6
                ),
                compute_type=codebuild.ComputeType.SMALL,
                privileged=True,  # The Docker daemon of the build needs it.
            ),
            environment_variables={
                name: codebuild.BuildEnvironmentVariable(value=value)
                for name, value in variables.items()
            },
            cache=_LAYER_CACHE,
            logging=codebuild.LoggingOptions(
                cloud_watch=codebuild.CloudWatchLoggingOptions(log_group=log_group)
            ),
            timeout=BUILD_TIMEOUT,
            grant_report_group_permissions=False,
        )
        builds.grant_pull_push(self.project)
        # Who may push there may move the live tag: IAM does not tell tags apart.
        repository.grant_pull(self.project)
        if secrets:
            self._add_secrets(secrets, first=len(variables))
        # The project's own statement about logs lets it make the group as well: a build that ends
        # after a destroy would, and the next deploy would fail. It is there before the project.
        policy = cast("iam.Role", self.project.role).node.find_child("DefaultPolicy")
        cast("iam.CfnPolicy", policy.node.default_child).add_property_override(
            "PolicyDocument.Statement.1.Action", ["logs:CreateLogStream", "logs:PutLogEvents"]
        )

    def _add_secrets(self, secrets: Mapping[str, str], *, first: int) -> None:
        # Not as variables of the construct: it would grant every secret whose name goes on.
        resource = cast("codebuild.CfnProject", self.project.node.default_child)
        for index, (name, arn) in enumerate(secrets.items(), start=first):
            resource.add_property_override(
                f"Environment.EnvironmentVariables.{index}",
                {"Name": name, "Type": "SECRETS_MANAGER", "Value": arn},
            )
        arns = {":".join(arn.split(":")[:_SECRET_ARN_PARTS]) for arn in secrets.values()}
        self.project.add_to_role_policy(
            iam.PolicyStatement(actions=["secretsmanager:GetSecretValue"], resources=sorted(arns))
        )
