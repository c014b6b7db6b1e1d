"""The task definition of a backend service."""

from collections.abc import Mapping

from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from constructs import Construct

from backend_service.container_secrets import ContainerSecrets
from backend_service.cpu_architecture import CpuArchitecture
from backend_service.image_repository import LIVE_TAG
from backend_service.start_task_policy import StartTaskPolicy

DRAIN_MARGIN_SECONDS = 5
"""How much longer than the DNS TTL a stopping task serves: Cloud Map has to tell DNS first. The
settings keep another 15 seconds until the stop timeout, for requests that have begun by then."""


_HEALTH_INTERVAL = Duration.seconds(10)
_HEALTH_TIMEOUT = Duration.seconds(5)
_START_PERIOD = Duration.seconds(30)


class BackendTask(Construct):
    """A Fargate task definition with one container, which runs ``repository:live``.

    Creates the log group (deleted with the stack), an empty task role and the policy with which
    ECS starts the tasks. The container is told ``SERVICE_NAME``, ``SERVICE_PORT`` and
    ``DRAIN_SECONDS``, the time that it should go on serving after SIGTERM. Exposes
    ``definition``, ``container``, ``log_group`` and ``start_task_policy`` (which a service must
    wait for).

    ``cpu`` is in CPU units (1024 are one vCPU), ``memory_mib`` in MiB; ``health_check_command``
    runs in a shell inside the container, None means no health check.
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
        cpu_architecture: CpuArchitecture,
        container_name: str,
        container_port: int,
        health_check_command: str | None,
        environment: Mapping[str, str],
        secrets: Mapping[str, str],
        dns_ttl: Duration,
        stop_timeout: Duration,
        init_process: bool,
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
        )
        self.definition = ecs.FargateTaskDefinition(
            self,
            "Definition",
            family=family,
            cpu=cpu,
            memory_limit_mib=memory_mib,
            runtime_platform=ecs.RuntimePlatform(
                cpu_architecture=cpu_architecture.runtime,
                operating_system_family=ecs.OperatingSystemFamily.LINUX,
            ),
            execution_role=self.start_task_policy.role,
        )
        self.container = self.definition.add_container(
            "Container",
            container_name=container_name,
            # By name: from_ecr_repository would let the role of another stack in by a policy of the
            # repository. What the role needs is in start_task_policy.
            image=ecs.ContainerImage.from_registry(repository.repository_uri_for_tag(LIVE_TAG)),
            port_mappings=[ecs.PortMapping(container_port=container_port)],
            environment={
                **environment,
                "SERVICE_NAME": service_name,
                "SERVICE_PORT": str(container_port),
                "DRAIN_SECONDS": str(int(dns_ttl.to_seconds()) + DRAIN_MARGIN_SECONDS),
            },
            secrets=container_secrets.by_name,
            health_check=_health_check(health_check_command),
            stop_timeout=stop_timeout,
            logging=ecs.LogDrivers.aws_logs(stream_prefix=container_name, log_group=self.log_group),
            linux_parameters=_init_process(self) if init_process else None,
        )


def _health_check(command: str | None) -> ecs.HealthCheck | None:
    if command is None:
        return None
    return ecs.HealthCheck(
        command=["CMD-SHELL", command],
        interval=_HEALTH_INTERVAL,
        timeout=_HEALTH_TIMEOUT,
        retries=3,
        start_period=_START_PERIOD,
    )


def _init_process(scope: Construct) -> ecs.LinuxParameters:
    # The SSM agent of ECS Exec leaves zombie processes behind, which an init process reaps.
    return ecs.LinuxParameters(scope, "LinuxParameters", init_process_enabled=True)
