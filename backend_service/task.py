"""The task of a service: its definition, its secrets, and the role with which ECS starts it."""

from collections.abc import Sequence
from typing import cast

from aws_cdk import Duration, Names, Stack
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from constructs import Construct, IDependable

from backend_service.image_repository import PULL, ImageRepositories
from backend_service.names import LIVE_TAG, task_log_group_name
from core_infra.logs import log_group
from core_infra.trust import for_this_account_only
from settings import ServiceSettings

FINISH_SECONDS = 15
"""The part of the stop timeout that a task keeps for requests that have begun.

During the rest it serves as before: when ECS sends SIGTERM, callers and DNS still know the task's
address, and ECS does not wait for them to forget it."""

_HEALTH_INTERVAL = Duration.seconds(10)
"""ECS's default is 30 seconds. With three failures in a row ECS replaces a hung task after half a
minute."""

_HEALTH_TIMEOUT = Duration.seconds(5)
_HEALTH_RETRIES = 3
"""Both are ECS's defaults.
https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_HealthCheck.html"""


class BackendTask(Construct):
    """A Fargate task definition with one container, which runs the image tagged ``live``.

    Creates the log group of the container, a task role that has the policies
    ``task_role_policy_arns`` and no more, and an execution role that may start the tasks of this
    service and no others. If the settings name an execution role, that role gets the same
    permissions instead. Besides ``container_environment`` the container gets three variables, which
    win over variables of the same name: ``SERVICE_NAME``, ``SERVICE_PORT`` and ``DRAIN_SECONDS``,
    the time for which it should go on serving after SIGTERM.

    Exposes ``definition``, ``log_group``, ``execution_role``, and ``start_permissions``, which the
    service must wait for. Grants to ``execution_role`` have no effect.
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
        self.log_group = log_group(
            self,
            "LogGroup",
            name=task_log_group_name(service.ecs_cluster_name, service.service_name),
            settings=service,
        )
        statements = start_task_statements(
            self, repository=repositories.released, log_group=self.log_group, service=service
        )
        self.execution_role: iam.IRole
        self.start_permissions: IDependable
        if arn := service.ecs_task_execution_role_arn:
            self.execution_role = iam.Role.from_role_arn(self, "NamedRole", arn, mutable=False)
            self.start_permissions = start_task_policy(self, self.execution_role, statements)
        else:
            role = iam.Role(
                self,
                "ExecutionRole",
                assumed_by=iam.ServicePrincipal("ecs-tasks.amazonaws.com"),
                description="Lets ECS pull the image, read the secrets and write the log of a task",
            )
            for statement in statements:
                role.add_to_policy(statement)
            # Without this CDK would add broader rights for the log and the secrets.
            self.execution_role, self.start_permissions = role.without_policy_updates(), role
        self.definition = ecs.FargateTaskDefinition(
            self,
            "Definition",
            family=service.full_name,
            cpu=service.task_cpu,
            memory_limit_mib=service.task_memory,
            runtime_platform=ecs.RuntimePlatform(
                cpu_architecture=ecs.CpuArchitecture.of(service.cpu_architecture.value),
                operating_system_family=ecs.OperatingSystemFamily.LINUX,
            ),
            execution_role=self.execution_role,
        )
        # https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-iam-roles.html
        # AWS's page of the execution role shows no such condition, so that role has none.
        for_this_account_only(self.definition.task_role)
        for arn in service.task_role_policy_arns:
            self.definition.task_role.add_managed_policy(
                iam.ManagedPolicy.from_managed_policy_arn(self, f"Policy{arn}", arn)
            )
        self.definition.add_container(
            "Container",
            container_name=service.container_name,
            # Each task resolves the tag when it starts. By default ECS may go on with the digest
            # that the tag had at an older deployment (decision 2).
            version_consistency=ecs.VersionConsistency.DISABLED,
            # By name: with from_ecr_repository a repository policy would admit the role if the
            # settings name it. start_task_statements has all that the role needs.
            image=ecs.ContainerImage.from_registry(
                repositories.released.repository_uri_for_tag(LIVE_TAG)
            ),
            port_mappings=[ecs.PortMapping(container_port=service.container_port)],
            environment={
                **service.container_environment,
                "SERVICE_NAME": service.service_name,
                "SERVICE_PORT": str(service.container_port),
                "DRAIN_SECONDS": str(service.stop_timeout_seconds - FINISH_SECONDS),
            },
            health_check=_health_check(service),
            stop_timeout=Duration.seconds(service.stop_timeout_seconds),
            logging=ecs.LogDrivers.aws_logs(
                stream_prefix=service.container_name, log_group=self.log_group
            ),
            # The SSM agent of ECS Exec leaves zombie processes; an init process removes them.
            linux_parameters=ecs.LinuxParameters(self, "LinuxParameters", init_process_enabled=True)
            if service.enable_execute_command
            else None,
        )
        if secrets := service.container_secrets:
            # ECS takes the references in the form of the settings.
            cast("ecs.CfnTaskDefinition", self.definition.node.default_child).add_property_override(
                "ContainerDefinitions.0.Secrets",
                [{"Name": name, "ValueFrom": reference} for name, reference in secrets.items()],
            )


def _health_check(service: ServiceSettings) -> ecs.HealthCheck | None:
    if service.health_check_command is None:
        return None
    return ecs.HealthCheck(
        command=list(service.health_check_command),
        interval=_HEALTH_INTERVAL,
        timeout=_HEALTH_TIMEOUT,
        retries=_HEALTH_RETRIES,
        start_period=Duration.seconds(service.start_period_seconds),
    )


_READ = {"secretsmanager": "secretsmanager:GetSecretValue", "ssm": "ssm:GetParameters"}


def start_task_statements(
    scope: Construct,
    *,
    repository: ecr.IRepository,
    log_group: logs.ILogGroup,
    service: ServiceSettings,
) -> list[iam.PolicyStatement]:
    """Return what a role needs to start tasks: pull the image, write the log, read the secrets.

    If a secret or parameter is encrypted with a customer managed key, the role needs the right to
    decrypt with it: ``container_secrets_kms_keys``. The policy of such a key must let the account's
    policies decide, as the policy of a new key does.
    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task_execution_IAM_role.html
    """
    # GuardDuty adds a container to each task, for which ECS uses the same role.
    # https://docs.aws.amazon.com/guardduty/latest/ug/prereq-runtime-monitoring-ecs-support.html
    images = (repository.repository_arn, service.guardduty_agent_arn)
    statements = [
        iam.PolicyStatement(
            actions=["ecr:GetAuthorizationToken"],
            # The action has no resource-level permissions; it only signs in to ECR.
            resources=["*"],
        ),
        iam.PolicyStatement(
            actions=["ecr:BatchCheckLayerAvailability", *PULL],
            resources=[arn for arn in images if arn],
        ),
        iam.PolicyStatement(
            actions=["logs:CreateLogStream", "logs:PutLogEvents"],
            resources=[log_group.log_group_arn],
        ),
    ]
    # The policy names each secret once, without its JSON key, version stage and version id.
    secrets = {":".join(text.split(":")[:7]) for text in service.container_secrets.values()}
    stack = Stack.of(scope)
    via = []  # the services through which ECS reads the secrets
    for store, action in _READ.items():
        if arns := sorted(arn for arn in secrets if arn.split(":")[2] == store):
            via.append(f"{store}.{stack.region}.{stack.url_suffix}")
            statements.append(iam.PolicyStatement(actions=[action], resources=arns))
    if via and (keys := sorted(service.container_secrets_kms_keys)):
        statements.append(
            iam.PolicyStatement(
                actions=["kms:Decrypt"],
                resources=keys,
                # The condition excludes everything else that is encrypted with the key.
                conditions={"StringEquals": {"kms:ViaService": via}},
            )
        )
    return statements


def start_task_policy(
    scope: Construct, role: iam.IRole, statements: Sequence[iam.PolicyStatement]
) -> iam.Policy:
    """Let an existing role start tasks of one service, by an inline policy with ``statements``.

    It is an explicit policy, and not a grant: services that share the role have one policy each,
    and the service must be able to wait for exactly this one.
    """
    # The name that CDK makes does not contain the stack and the region: on a shared role the
    # policies of two services would overwrite each other. IAM takes 128 characters, and the longest
    # name of a region has 14.
    name = f"{Names.unique_resource_name(scope, max_length=100)}-{Stack.of(scope).region}"
    return iam.Policy(
        scope, "StartTask", policy_name=name, roles=[role], statements=list(statements)
    )
