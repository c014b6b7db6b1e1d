"""The settings: each is one typed field, with its default, and the rules between the fields.

sample.env explains what each setting is for. A rule between two keys is a validator of the later
one. Defaults are text, as the file would say them.
"""

import posixpath
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, ClassVar, TypeVar

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
)

from . import aws_types as aws
from .container import (
    BuildSecrets,
    ContainerCommand,
    ContainerEnvironment,
    ContainerSecrets,
    VariablesOfFile,
)
from .endpoints import EndpointServices, start_task_services
from .names import CoreOutput, builds_repository_name, namespace_name
from .parsing import Bool, EmptyIfNone, Items, NoneIfEmpty, require_usable
from .redaction import shown_item
from .report import InvalidValueError
from .source_types import (
    Branch,
    EmailAddress,
    FilePath,
    FolderPath,
    ImageReference,
    Owner,
    Repository,
    SecretName,
    ecr_repository_arn,
    require_fitting_seed,
    require_readable_seed,
)
from .tags import Tags

REPORTED = object()
"""Stands for a value that cannot be used and that a problem has reported already."""

# ECS stops a task without waiting until its name has expired. A task needs these seconds after
# that to answer the open requests.
_SECONDS_TO_DRAIN = 20
_LONGEST_FULL_NAME = 100  # of a pipeline; the other resources with this name may be longer


def _default(text: str) -> Any:
    """Return a field that means the text if the file does not have its key."""
    return Field(default=text, validate_default=True)


class Section(BaseModel):
    """Settings that belong together: frozen, and made of validated values only.

    A validator of a later field finds an earlier one in ``info.data`` if that one is valid, so one
    validation finds every problem, and none twice.
    """

    model_config = ConfigDict(
        frozen=True,
        extra="ignore",
        # A traceback or a log of the original error must not contain a secret.
        hide_input_in_errors=True,
    )
    where_needed: ClassVar[str] = ""
    """Ends the advice to fill in a key that is empty or not in the file."""

    @field_validator("*", mode="before")
    @classmethod
    def _is_usable(cls, value: object, info: ValidationInfo) -> object:
        """Refuse what no key accepts."""
        if value is REPORTED:
            raise InvalidValueError("")  # a problem has been reported already
        if isinstance(value, str):
            if not value and cls.model_fields[str(info.field_name)].is_required():
                raise InvalidValueError(f"is empty; fill it in{cls.where_needed}")
            require_usable(value, cls.where_needed)
        return value


S = TypeVar("S", bound=Section)


def validated(
    section: type[S], values: Mapping[str, object], environment: aws.AwsEnvironment
) -> tuple[S | None, dict[str, str]]:
    """Return the section made of the values, or None and what is expected, by key."""
    try:
        return section.model_validate(values, context=environment), {}
    except ValidationError as error:
        details = error.errors(include_url=False)
    invalid: dict[str, str] = {}
    for detail in details:
        if detail["type"] == "missing":
            message = f"is missing{section.where_needed or '; see sample.env'}"
        elif detail["type"] == "too_long":
            message = f"expected at most {detail['ctx']['max_length']} items"
        else:
            message = str(detail.get("ctx", {}).get("error", detail["msg"]))
        key, *place_in_list = detail["loc"]
        if place_in_list:
            message = f"{shown_item(detail['input'])}: {message}"
        # One message per key: the items of a list mostly fail for the same reason.
        invalid.setdefault(str(key), message)
    return None, {key: message for key, message in invalid.items() if message}


class Target(Section):
    """Where a deployment goes, and under which names."""

    account_number: aws.AccountNumber
    aws_region: aws.AwsRegion
    deploy_core_stack: Bool
    stack_prefix: aws.StackPrefix = _default("")
    tags: Tags = _default("")


class ServiceSettings(Section):
    """What the backend service is made of.

    ``health_check_command`` has the form of ECS, with CMD or CMD-SHELL first; None means no check.
    ``ecs_cluster_name`` and ``namespace_name`` (the full name) say where the service runs. In
    ``ingress_cidrs`` the item ``VPC_RANGE`` stands for the primary range of the VPC. None as a
    target of auto scaling means no policy. ``container_environment_file`` are the variables in that
    file, and ``container_environment`` are those of both keys.
    """

    ecs_cluster_name: str
    namespace_name: str
    service_name: aws.DnsLabel
    container_name: aws.ContainerName
    container_port: aws.Port
    ingress_cidrs: aws.IngressCidrs = _default(aws.VPC_RANGE)
    ingress_security_groups: aws.SecurityGroupIds = _default("")
    task_cpu: aws.TaskCpu
    task_memory: aws.TaskMemory
    desired_count: aws.TaskCount
    max_count: aws.TaskCount = _default("10")
    cpu_target_percent: Annotated[aws.TargetPercent | None, NoneIfEmpty] = _default("60")
    memory_target_percent: Annotated[aws.TargetPercent | None, NoneIfEmpty] = _default("70")
    scaling_queue_arn: Annotated[aws.QueueArn | None, NoneIfEmpty] = _default("")
    messages_per_task: aws.MessageCount = _default("100")
    cpu_architecture: aws.Architecture = _default(aws.CpuArchitecture.X86_64.value)
    # The task definition sets SERVICE_PORT, so the check follows container_port.
    health_check_command: ContainerCommand = _default(
        "curl --fail --silent http://localhost:$SERVICE_PORT/health || exit 1"
    )
    start_period_seconds: aws.StartPeriod = _default("30")
    container_environment_file: VariablesOfFile = _default("")
    container_environment: ContainerEnvironment = _default("")
    container_secrets: ContainerSecrets = _default("")
    container_secrets_kms_keys: aws.KmsKeyArns = _default("")
    task_role_policy_arns: aws.PolicyArns = _default("")
    ecs_task_execution_role_arn: Annotated[aws.RoleArn | None, NoneIfEmpty] = _default("")
    guardduty_agent_arn: Annotated[aws.GuardDutyAgentArn | None, NoneIfEmpty] = _default("")
    enable_execute_command: Bool = _default("False")
    dns_ttl_seconds: aws.DnsTtl = _default("10")
    stop_timeout_seconds: aws.StopTimeout = _default("90")
    log_retention_days: aws.LogRetentionDays = _default("30")
    keep_logs: Bool = _default("False")
    ecr_repository_name: aws.EcrRepositoryName
    keep_images: Bool = _default("False")
    image_reader_accounts: aws.AccountNumbers = _default("")
    seed_image: ImageReference = _default("public.ecr.aws/aws-containers/ecsdemo-nodejs:c3e96da")

    @field_validator("service_name")
    @classmethod
    def _makes_a_full_name_that_fits(cls, service_name: str, info: ValidationInfo) -> str:
        cluster = info.data.get("ecs_cluster_name", "")
        if len(f"{cluster}-{service_name}") > _LONGEST_FULL_NAME:
            raise InvalidValueError(
                f"expected at most {_LONGEST_FULL_NAME} characters together with "
                f'ecs_cluster_name="{cluster}": the name of the pipeline contains both'
            )
        return service_name

    @field_validator("task_memory")
    @classmethod
    def _is_offered_with_the_cpu(cls, memory: int, info: ValidationInfo) -> int:
        aws.require_fargate_size(info.data.get("task_cpu"), memory)
        return memory

    @field_validator("max_count")
    @classmethod
    def _is_not_below_desired_count(cls, max_count: int, info: ValidationInfo) -> int:
        desired = info.data.get("desired_count", 0)
        if max_count < desired:
            raise InvalidValueError(f'expected at least desired_count="{desired}"')
        return max_count

    @field_validator("container_secrets")
    @classmethod
    def _shares_no_name_with_environment(
        cls, secrets: ContainerSecrets, info: ValidationInfo
    ) -> ContainerSecrets:
        both = sorted(secrets.keys() & info.data.get("container_environment", {}).keys())
        if both:
            where = "container_environment or in its file"
            raise InvalidValueError(f"{', '.join(both)} is in {where} too; keep one")
        return secrets

    @field_validator("ecs_task_execution_role_arn", mode="before")
    @classmethod
    def _is_none_by_the_old_placeholder(cls, arn: object) -> object:
        """Accept files made of an earlier sample.env, in which this was a key of a placeholder."""
        return "" if arn == "<TASK_EXECUTION_ROLE_ARN>" else arn

    @field_validator("stop_timeout_seconds")
    @classmethod
    def _outlasts_the_dns_ttl(cls, timeout: int, info: ValidationInfo) -> int:
        ttl = info.data.get("dns_ttl_seconds", 0)
        if timeout < ttl + _SECONDS_TO_DRAIN:
            raise InvalidValueError(
                f"expected {ttl + _SECONDS_TO_DRAIN} to 120: callers use a stopping task until "
                f'dns_ttl_seconds="{ttl}" is over, and it then needs {_SECONDS_TO_DRAIN} to finish'
            )
        return timeout

    @field_validator("seed_image")
    @classmethod
    def _fits_port_and_architecture(cls, image: str, info: ValidationInfo) -> str:
        require_fitting_seed(
            image,
            port=info.data.get("container_port"),
            is_arm=info.data.get("cpu_architecture") is aws.CpuArchitecture.ARM64,
        )
        require_readable_seed(image, aws.AwsEnvironment.of(info))
        return image

    @property
    def full_name(self) -> str:
        """The name of the pipeline, build project, dashboard and task definition family.

        It is unique in its account and region.
        """
        return f"{self.ecs_cluster_name}-{self.service_name}"

    @property
    def builds_repository_name(self) -> str:
        """The name of the ECR repository that builds push to."""
        return builds_repository_name(self.ecr_repository_name)

    @property
    def seed_repository_arn(self) -> str | None:
        """The private ECR repository that ``seed_image`` is in, if it is in one."""
        return ecr_repository_arn(self.seed_image)

    @property
    def endpoint_services(self) -> frozenset[str]:
        """The AWS services, beyond those that every task needs, that must be reachable without NAT.

        They have the short names of their VPC endpoints: the stores of ``container_secrets``, and
        the message channels of ECS Exec.
        """
        stores = {arn.split(":")[2] for arn in self.container_secrets.values()}
        return frozenset(stores | ({"ssmmessages"} if self.enable_execute_command else set()))


class DeliverySettings(Section):
    """How a commit, or an image, becomes a running service.

    Exactly one of ``image_source_repository_arn`` (then the first four keys are empty),
    ``connection_arn`` and ``github_token_secret_name`` is set. Paths are relative to the top of the
    repository and normalised; a ``folder_path`` of ``.`` is the whole repository.
    ``release_command`` has the form of ``health_check_command``.
    """

    repository_owner: Annotated[Owner, EmptyIfNone]
    repository_name: Annotated[Repository, EmptyIfNone]
    repository_branch: Annotated[Branch, EmptyIfNone]
    folder_path: Annotated[FolderPath, EmptyIfNone]
    dockerfile_path: Annotated[FilePath | None, NoneIfEmpty] = _default("")
    buildspec_path: Annotated[FilePath | None, NoneIfEmpty] = _default(
        "./application-code/ecsdemo-backend/templates/buildspec.yml"
    )
    image_source_repository_arn: Annotated[aws.EcrRepositoryArn | None, NoneIfEmpty] = _default("")
    build_secrets: BuildSecrets = _default("")
    base_image_repository_arns: aws.EcrRepositoryArns = _default("")
    build_role_policy_arns: aws.PolicyArns = _default("")
    build_compute_type: aws.BuildComputeType = _default("SMALL")
    # A cold build with dependencies takes minutes; after half an hour it hangs.
    build_timeout_minutes: aws.BuildTimeout = _default("30")
    github_token_secret_name: SecretName | None
    connection_arn: Annotated[aws.ConnectionArn | None, NoneIfEmpty] = _default("")
    release_command: ContainerCommand = _default("")
    manual_approval: Bool = _default("False")
    notification_email: Annotated[EmailAddress | None, NoneIfEmpty] = _default("")

    @field_validator("dockerfile_path")
    @classmethod
    def _is_in_the_folder(cls, path: str | None, info: ValidationInfo) -> str | None:
        folder = info.data.get("folder_path", ".")
        if path and folder != "." and not path.startswith(f"{folder}/"):
            raise InvalidValueError(f'is outside of folder_path="{folder}"')
        return path

    @field_validator("image_source_repository_arn")
    @classmethod
    def _replaces_a_missing_build(cls, arn: str | None, info: ValidationInfo) -> str | None:
        region = aws.AwsEnvironment.of(info).aws_region or ""
        if arn is None and (region in aws.WITHOUT_BUILDS or region.startswith("cn-")):
            raise InvalidValueError(f"fill it in: a pipeline in {region} cannot build from GitHub")
        return arn

    @field_validator("connection_arn")
    @classmethod
    def _replaces_a_missing_webhook(cls, arn: str | None, info: ValidationInfo) -> str | None:
        has_token = info.data.get("github_token_secret_name") is not None
        region = aws.AwsEnvironment.of(info).aws_region
        if has_token and arn is None and region in aws.WITHOUT_WEBHOOKS:
            raise InvalidValueError(
                "fill it in: a token needs a webhook, which this region does not have"
            )
        return arn

    @property
    def dockerfile(self) -> str:
        """The path of the Dockerfile, from the top of the repository."""
        return self.dockerfile_path or posixpath.normpath(f"{self.folder_path}/Dockerfile")


class CoreSettings(Section):
    """What the core stack is made of.

    An empty ``availability_zones`` means the first ``az_count`` zones that AWS lists; otherwise it
    has exactly ``az_count`` zones. ``namespaces`` are short names, see ``namespace_names``.
    """

    ecs_cluster_name: aws.DnsLabel
    namespaces: aws.NamespaceLabels
    enable_nat_gw: Bool
    vpc_endpoint_services: EndpointServices = _default("")
    az_count: aws.ZoneCount
    availability_zones: aws.Zones = _default("")
    vpc_cidr: aws.VpcCidr
    log_retention_days: aws.LogRetentionDays = _default("30")
    keep_logs: Bool = _default("False")

    @property
    def namespace_names(self) -> tuple[str, ...]:
        """The full names of the namespaces, in the order of ``namespaces``."""
        return tuple(namespace_name(label, self.ecs_cluster_name) for label in self.namespaces)

    @property
    def namespace_name(self) -> str:
        """The full name of the namespace of the service in the same file."""
        return self.namespace_names[0]

    @field_validator("vpc_endpoint_services")
    @classmethod
    def _are_not_made_already(cls, services: tuple[str, ...], info: ValidationInfo) -> object:
        region = aws.AwsEnvironment.of(info).aws_region
        has_nat_gw = info.data.get("enable_nat_gw", True)
        made = {"s3"} if has_nat_gw or region is None else start_task_services(region)
        if needless := sorted(made.intersection(services)):
            raise InvalidValueError(
                f"the VPC has an endpoint for {', '.join(needless)} already; leave it out"
            )
        return services

    @field_validator("availability_zones")
    @classmethod
    def _are_as_many_as_az_count(
        cls, zones: tuple[str, ...], info: ValidationInfo
    ) -> tuple[str, ...]:
        az_count = info.data.get("az_count")
        if zones and az_count not in (None, len(zones)):
            raise InvalidValueError(
                f'expected {az_count} zones, as az_count="{az_count}" says, or none'
            )
        return zones

    @field_validator("vpc_cidr")
    @classmethod
    def _has_room_for_the_subnets(cls, cidr: str, info: ValidationInfo) -> str:
        az_count, most = info.data.get("az_count", 0), aws.zones_with_room(cidr)
        if az_count > most:
            raise InvalidValueError(
                f"has room for {most} zones, each with two subnets of at least "
                f'/{aws.SMALLEST_BLOCK}; expected a larger block for az_count="{az_count}"'
            )
        return cidr


class SharedCoreSettings(Section):
    """A core stack that another file of the deployment creates, and one of its namespaces."""

    ecs_cluster_name: str
    namespace_name: aws.NamespaceName


class CoreOutputsSettings(Section):
    """The file with the outputs of an earlier deploy of a core stack, if there is one."""

    core_outputs_file: Annotated[str | None, NoneIfEmpty] = _default("")


class NamespaceChoice(Section):
    """The namespaces; a service on a core that its file does not create uses the first one."""

    namespaces: aws.NamespaceLabels


class VpcAttributes(Section):
    """Everything that is needed to use a VPC without looking it up, by the names of the outputs.

    The three tuples have the same length and order: one public and one private subnet per zone.
    """

    model_config = ConfigDict(alias_generator=lambda field: CoreOutput[field.upper()].value)

    vpc_id: aws.VpcId
    vpc_cidr: aws.VpcCidr
    availability_zones: aws.Zones
    public_subnet_ids: Annotated[tuple[aws.SubnetId, ...], Items]
    private_subnet_ids: Annotated[tuple[aws.SubnetId, ...], Items]


class ExistingPlatformSettings(Section):
    """What the service imports, and how CDK finds it.

    Exactly one of ``vpc_name`` (CDK looks the VPC up) and ``vpc`` (nothing is looked up) is set.
    """

    where_needed = ', as deploy_core_stack="False" needs it; or name a core_outputs_file'

    vpc_name: aws.VpcName | None
    vpc: VpcAttributes | None
    ecs_cluster_name: aws.ClusterName
    namespace_name: aws.NamespaceName
    namespace_id: aws.NamespaceId
    namespace_arn: aws.NamespaceArn

    @field_validator("namespace_arn")
    @classmethod
    def _is_the_arn_of_the_id(cls, arn: str, info: ValidationInfo) -> str:
        namespace_id = info.data.get("namespace_id")
        if namespace_id is not None and arn.rpartition("/")[2] != namespace_id:
            raise InvalidValueError(f'is of another namespace than namespace_id="{namespace_id}"')
        return arn


Platform = CoreSettings | SharedCoreSettings | ExistingPlatformSettings
"""What a service runs on: a core to create, one that another file creates, or an existing one."""


class Settings(BaseModel):
    """Everything that one file says about a deployment."""

    model_config = ConfigDict(frozen=True)

    env_file: Path
    account_number: str
    aws_region: str
    stack_prefix: str
    tags: Mapping[str, str]
    platform: Platform
    service: ServiceSettings
    delivery: DeliverySettings

    @property
    def core(self) -> CoreSettings | None:
        """What the core stack is made of, if this file creates one."""
        return self.platform if isinstance(self.platform, CoreSettings) else None

    @property
    def existing_platform(self) -> ExistingPlatformSettings | None:
        """What the service runs on, if it exists already."""
        return self.platform if isinstance(self.platform, ExistingPlatformSettings) else None

    @property
    def core_stack_name(self) -> str:
        """The name of the stack with the core infrastructure."""
        return f"{self.stack_prefix}CoreInfraStack"

    @property
    def service_stack_name(self) -> str:
        """The name of the stack with the service and its pipeline."""
        return f"{self.stack_prefix}BackendServiceStack"


_FIELDS = {
    key: field
    for section in (
        Target,
        ServiceSettings,
        DeliverySettings,
        CoreSettings,
        CoreOutputsSettings,
        ExistingPlatformSettings,
    )
    for key, field in section.model_fields.items()
    if key != "vpc"  # comes from the outputs file
}
ALL_KEYS = tuple(_FIELDS)
DEFAULTS: Mapping[str, str] = MappingProxyType(
    {key: field.default for key, field in _FIELDS.items() if not field.is_required()}
)
"""What an absent key means, as the file would say it."""
PRIVATE_KEYS = frozenset(
    {
        "health_check_command",
        "release_command",
        "container_environment",
        "container_secrets",
        "build_secrets",
        "github_token_secret_name",
    }
)
"""No report repeats the values of these keys: users paste secrets there."""
