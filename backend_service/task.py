"""The task of a service: its definition, its secrets, and the right to start it."""

from collections.abc import Iterable, Mapping, Sequence

from aws_cdk import Duration, Names, RemovalPolicy, Stack
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from aws_cdk import aws_secretsmanager as secretsmanager
from aws_cdk import aws_ssm as ssm
from constructs import Construct

from backend_service.names import LIVE_TAG

FINISH_SECONDS = 15
"""What a stopping task keeps of its stop timeout for requests that have begun. All the rest it
serves on: ECS sends SIGTERM while callers and DNS know its address, and waits for neither."""

_HEALTH_INTERVAL = Duration.seconds(10)
"""ECS's default is 30. With three failures in a row a hung task is replaced after half a minute."""

_HEALTH_TIMEOUT = Duration.seconds(5)
_HEALTH_RETRIES = 3
"""Both are ECS's defaults.
https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_HealthCheck.html"""

_START_PERIOD = Duration.seconds(30)
"""While it lasts failures do not count: a runtime with a slow start is not killed for it."""


class BackendTask(Construct):
    """A Fargate task definition with one container, which runs ``repository:live``.

    Creates the log group (deleted with the stack), a task role that has the managed policies
    ``role_policy_arns`` and no more, and the policy with which ECS starts the tasks, attached to
    ``execution_role``. The container is told ``SERVICE_NAME``, ``SERVICE_PORT`` and
    ``DRAIN_SECONDS``, the time that it should go on serving after SIGTERM, besides
    ``environment``, in which these three are overwritten. Exposes ``definition``, ``container``,
    ``log_group`` and ``start_task_policy`` (which a service must wait for).

    ``cpu`` is in CPU units (1024 are one vCPU), ``memory_mib`` in MiB, together one of the sizes of
    Fargate; ``arm64`` means Graviton, else x86-64; ``health_check_command`` is as ECS has it: the
    first word says whether a shell runs the rest, and None means no health check; ``secrets`` see
    ``ContainerSecrets``, ``kms_key_arns`` are the customer managed keys that they are encrypted
    with; ``stop_timeout`` is longer than ``FINISH_SECONDS``, and at most 120 seconds on Fargate;
    ``init_process`` is for ECS Exec.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        family: str,
        service_name: str,
        execution_role: iam.IRole,
        repository: ecr.IRepository,
        cpu: int,
        memory_mib: int,
        arm64: bool,
        container_name: str,
        container_port: int,
        health_check_command: Sequence[str] | None,
        environment: Mapping[str, str],
        secrets: Mapping[str, str],
        kms_key_arns: Iterable[str] = (),
        stop_timeout: Duration,
        init_process: bool,
        role_policy_arns: Sequence[str],
        log_group_name: str,
        log_retention: logs.RetentionDays,
    ) -> None:
        super().__init__(scope, construct_id)
        self.log_group = logs.LogGroup(
            self,
            "LogGroup",
            log_group_name=log_group_name,
            retention=log_retention,
            removal_policy=RemovalPolicy.DESTROY,
        )
        container_secrets = ContainerSecrets(self, "Secrets", arns=secrets)
        self.start_task_policy = StartTaskPolicy(
            self,
            "StartTask",
            role=execution_role,
            repository=repository,
            log_group=self.log_group,
            secret_arns=container_secrets.secret_arns,
            parameter_arns=container_secrets.parameter_arns,
            kms_key_arns=kms_key_arns,
        )
        self.definition = ecs.FargateTaskDefinition(
            self,
            "Definition",
            family=family,
            cpu=cpu,
            memory_limit_mib=memory_mib,
            runtime_platform=ecs.RuntimePlatform(
                cpu_architecture=(
                    ecs.CpuArchitecture.ARM64 if arm64 else ecs.CpuArchitecture.X86_64
                ),
                operating_system_family=ecs.OperatingSystemFamily.LINUX,
            ),
            execution_role=self.start_task_policy.role,
        )
        for arn in role_policy_arns:
            self.definition.task_role.add_managed_policy(
                iam.ManagedPolicy.from_managed_policy_arn(self, f"Policy{arn}", arn)
            )
        self.container = self.definition.add_container(
            "Container",
            container_name=container_name,
            # By name: from_ecr_repository would let the role of another stack in by a policy of the
            # repository. What the role needs is in StartTaskPolicy.
            image=ecs.ContainerImage.from_registry(repository.repository_uri_for_tag(LIVE_TAG)),
            port_mappings=[ecs.PortMapping(container_port=container_port)],
            environment={
                **environment,
                "SERVICE_NAME": service_name,
                "SERVICE_PORT": str(container_port),
                "DRAIN_SECONDS": str(int(stop_timeout.to_seconds()) - FINISH_SECONDS),
            },
            secrets=container_secrets.by_name,
            health_check=_health_check(health_check_command),
            stop_timeout=stop_timeout,
            logging=ecs.LogDrivers.aws_logs(stream_prefix=container_name, log_group=self.log_group),
            linux_parameters=_init_process(self) if init_process else None,
        )


def _health_check(command: Sequence[str] | None) -> ecs.HealthCheck | None:
    if command is None:
        return None
    return ecs.HealthCheck(
        command=list(command),
        interval=_HEALTH_INTERVAL,
        timeout=_HEALTH_TIMEOUT,
        retries=_HEALTH_RETRIES,
        start_period=_START_PERIOD,
    )


def _init_process(scope: Construct) -> ecs.LinuxParameters:
    # The SSM agent of ECS Exec leaves zombie processes behind, which an init process reaps.
    return ecs.LinuxParameters(scope, "LinuxParameters", init_process_enabled=True)


class ContainerSecrets(Construct):
    """Existing secrets that ECS injects into a container as environment variables.

    Creates references only, and reads no value at synthesis. ``arns`` maps the variable to the ARN
    of a Secrets Manager secret (optionally followed by ``:json-key:version-stage:version-id``, as
    ECS writes it) or of an SSM parameter; whether they are well formed is for the caller to know.
    Exposes ``by_name`` for the container, and ``secret_arns`` (without what follows the ARN) and
    ``parameter_arns`` for the policy of the role that reads them.
    """

    def __init__(self, scope: Construct, construct_id: str, *, arns: Mapping[str, str]) -> None:
        super().__init__(scope, construct_id)
        self.by_name: dict[str, ecs.Secret] = {}
        self.secret_arns: set[str] = set()
        self.parameter_arns: set[str] = set()
        for name, arn in arns.items():
            if arn.split(":")[2] == "ssm":
                self.by_name[name] = self._parameter(name, arn)
            else:
                self.by_name[name] = self._secret(name, arn)

    def _parameter(self, name: str, arn: str) -> ecs.Secret:
        self.parameter_arns.add(arn)
        return ecs.Secret.from_ssm_parameter(
            ssm.StringParameter.from_string_parameter_arn(self, name, arn)
        )

    def _secret(self, name: str, arn: str) -> ecs.Secret:
        parts = arn.split(":")
        secret_arn = ":".join(parts[:7])
        field, stage, version = (*parts[7:], "", "", "")[:3]
        self.secret_arns.add(secret_arn)
        secret = secretsmanager.Secret.from_secret_complete_arn(self, name, secret_arn)
        if stage or version:
            return ecs.Secret.from_secrets_manager_version(
                secret,
                ecs.SecretVersionInfo(version_stage=stage or None, version_id=version or None),
                field or None,
            )
        return ecs.Secret.from_secrets_manager(secret, field or None)


class StartTaskPolicy(Construct):
    """Lets ``role`` start tasks: pull from ``repository``, write to ``log_group``, read secrets.

    Creates one inline policy on the role. Secrets and parameters that are encrypted with a
    customer managed key need the right to decrypt with it, for which ``kms_key_arns`` are; the
    policy of such a key has to let the account's policies decide, as that of a new key does.
    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task_execution_IAM_role.html

    An explicit policy of the service's own stack, although grants would be shorter: the role may
    belong to another stack (a grant would make the two stacks depend on each other) or to nobody
    here, and the service must be able to wait for exactly this policy. Two services that share
    the role have one policy each. Exposes ``role``, to be used in task definitions; grants to it
    do nothing.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        role: iam.IRole,
        repository: ecr.IRepository,
        log_group: logs.ILogGroup,
        secret_arns: Iterable[str],
        parameter_arns: Iterable[str],
        kms_key_arns: Iterable[str] = (),
    ) -> None:
        super().__init__(scope, construct_id)
        self.role = iam.Role.from_role_arn(self, "Role", role.role_arn, mutable=False)
        statements = [
            iam.PolicyStatement(
                actions=["ecr:GetAuthorizationToken"],
                # The action has no resource-level permissions; it only signs in to ECR.
                resources=["*"],
            ),
            iam.PolicyStatement(
                actions=[
                    "ecr:BatchCheckLayerAvailability",
                    "ecr:BatchGetImage",
                    "ecr:GetDownloadUrlForLayer",
                ],
                resources=[repository.repository_arn],
            ),
            iam.PolicyStatement(
                actions=["logs:CreateLogStream", "logs:PutLogEvents"],
                resources=[log_group.log_group_arn],
            ),
        ]
        if secrets := sorted(set(secret_arns)):
            statements.append(
                iam.PolicyStatement(actions=["secretsmanager:GetSecretValue"], resources=secrets)
            )
        if parameters := sorted(set(parameter_arns)):
            statements.append(
                iam.PolicyStatement(actions=["ssm:GetParameters"], resources=parameters)
            )
        if keys := sorted(set(kms_key_arns)):
            stores = [*(["secretsmanager"] if secrets else []), *(["ssm"] if parameters else [])]
            stack = Stack.of(self)
            statements.append(
                iam.PolicyStatement(
                    actions=["kms:Decrypt"],
                    resources=keys,
                    # Not what else is encrypted with the key.
                    conditions={
                        "StringEquals": {
                            "kms:ViaService": [
                                f"{store}.{stack.region}.{stack.url_suffix}" for store in stores
                            ]
                        }
                    },
                )
            )
        # CDK's own name says nothing of stack and region: on a shared role the policies of two
        # services would overwrite each other. IAM takes 128 characters; the longest region has 14.
        name = f"{Names.unique_resource_name(self, max_length=100)}-{Stack.of(self).region}"
        iam.Policy(self, "Policy", policy_name=name, roles=[self.role], statements=statements)
