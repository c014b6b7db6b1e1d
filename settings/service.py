"""The service: what runs, how large, and how it is found."""

from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, ValidationInfo, field_validator

from backend_service.names import full_name

from .aws_name import EcrRepositoryName, EcsName
from .container_variables import ContainerEnvironment, ContainerSecrets
from .dns_name import DnsLabel
from .fargate_size import TaskCpu, TaskMemory, require_fargate_size
from .group import NoneIfEmpty, SettingsGroup
from .image_reference import ImageReference, require_able_seed
from .problems import UnfitError
from .whole_number import DnsTtl, LogRetentionDays, Port, StopTimeout, TaskCount
from .yes_no import YesNo

_LONGEST_COMMAND = 4096  # ECS takes task definitions of 64 KiB; no health check is near that
# ECS stops a task without waiting until its name has expired; the rest is for open requests.
_SECONDS_TO_DRAIN = 20

_LONGEST_FULL_NAME = 100  # of a pipeline, the shortest limit of all that is named so


class CpuArchitecture(StrEnum):
    """The processor that the service runs on, and its image is built on."""

    X86_64 = "X86_64"
    ARM64 = "ARM64"


def _cpu_architecture(value: object) -> CpuArchitecture:
    try:
        return CpuArchitecture(str(value).upper())
    except ValueError:
        raise UnfitError(f"expected {' or '.join(CpuArchitecture)}") from None


def _command(text: str) -> str:
    if len(text) > _LONGEST_COMMAND:
        raise UnfitError(f"expected at most {_LONGEST_COMMAND} characters")
    return text


class ServiceSettings(SettingsGroup):
    """What the backend service is made of.

    `health_check_command` is run by the container's shell; None means no check.
    `ecs_cluster_name` and `namespace_name` (the full name) tell where the service lives: on the
    core stack of this deployment, or on the existing platform.
    """

    ecs_cluster_name: str
    namespace_name: str
    service_name: DnsLabel
    container_name: EcsName
    container_port: Port
    task_cpu: TaskCpu
    task_memory: TaskMemory
    desired_count: TaskCount
    max_count: TaskCount
    cpu_architecture: Annotated[CpuArchitecture, BeforeValidator(_cpu_architecture)]
    health_check_command: Annotated[Annotated[str, AfterValidator(_command)] | None, NoneIfEmpty]
    container_environment: ContainerEnvironment
    container_secrets: ContainerSecrets
    enable_execute_command: YesNo
    dns_ttl_seconds: DnsTtl
    stop_timeout_seconds: StopTimeout
    log_retention_days: LogRetentionDays
    ecr_repository_name: EcrRepositoryName
    seed_image: ImageReference

    @field_validator("service_name")
    @classmethod
    def _makes_a_full_name_that_fits(cls, service_name: str, info: ValidationInfo) -> str:
        cluster = info.data.get("ecs_cluster_name", "")
        if len(full_name(cluster, service_name)) > _LONGEST_FULL_NAME:
            raise UnfitError(
                f"expected at most {_LONGEST_FULL_NAME} characters together with "
                f'ecs_cluster_name="{cluster}": the pipeline is named after both'
            )
        return service_name

    @field_validator("task_memory")
    @classmethod
    def _is_offered_with_the_cpu(cls, memory: int, info: ValidationInfo) -> int:
        if "task_cpu" in info.data:
            require_fargate_size(info.data["task_cpu"], memory)
        return memory

    @field_validator("max_count")
    @classmethod
    def _is_not_below_desired_count(cls, max_count: int, info: ValidationInfo) -> int:
        desired = info.data.get("desired_count", 0)
        if max_count < desired:
            raise UnfitError(f'expected at least desired_count="{desired}"')
        return max_count

    @field_validator("container_secrets")
    @classmethod
    def _shares_no_name_with_environment(
        cls, secrets: ContainerSecrets, info: ValidationInfo
    ) -> ContainerSecrets:
        shared = sorted(secrets.keys() & info.data.get("container_environment", {}).keys())
        if shared:
            raise UnfitError(f"{', '.join(shared)} is in container_environment too; keep one")
        return secrets

    @field_validator("stop_timeout_seconds")
    @classmethod
    def _outlasts_the_dns_ttl(cls, timeout: int, info: ValidationInfo) -> int:
        ttl = info.data.get("dns_ttl_seconds", 0)
        if timeout < ttl + _SECONDS_TO_DRAIN:
            raise UnfitError(
                f"expected {ttl + _SECONDS_TO_DRAIN} to 120: a stopping task is still called until "
                f'dns_ttl_seconds="{ttl}" is over, and then needs {_SECONDS_TO_DRAIN} to finish'
            )
        return timeout

    @field_validator("seed_image")
    @classmethod
    def _fits_port_and_architecture(cls, image: str, info: ValidationInfo) -> str:
        require_able_seed(
            image,
            port=info.data.get("container_port"),
            is_arm=info.data.get("cpu_architecture") is CpuArchitecture.ARM64,
        )
        return image

    @property
    def full_name(self) -> str:
        """The name of everything of the service that has to be unique in the account and region."""
        return full_name(self.ecs_cluster_name, self.service_name)

    @property
    def endpoint_services(self) -> frozenset[str]:
        """The AWS services, beyond those that every task needs, that must be reachable without NAT.

        Under the short names of their VPC endpoints: the stores of `container_secrets`, and the
        message channels of ECS Exec.
        """
        stores = {arn.split(":")[2] for arn in self.container_secrets.values()}
        return frozenset(stores | ({"ssmmessages"} if self.enable_execute_command else set()))
