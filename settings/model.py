"""The settings: each is one typed field, with its default, what it is for, and an example.

This is the only place that knows a setting. Keys and defaults are read from the fields; sample.env
and docs/settings.md are written from them (`python -m settings`). A rule between two keys is a
validator of the later one.
"""

import json
import posixpath
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, ClassVar, TypeVar

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
)
from pydantic.fields import FieldInfo

from .aws_types import (
    LONGEST_DNS_NAME,
    AccountNumber,
    Architecture,
    AwsEnvironment,
    AwsRegion,
    ClusterName,
    ConnectionArn,
    ContainerName,
    CpuArchitecture,
    DnsLabel,
    DnsTtl,
    EcrRepositoryName,
    KmsKeyArns,
    LogRetentionDays,
    NamespaceArn,
    NamespaceId,
    NamespaceLabels,
    NamespaceName,
    PolicyArns,
    Port,
    RoleArn,
    StackPrefix,
    StopTimeout,
    TaskCount,
    TaskCpu,
    TaskMemory,
    VpcCidr,
    VpcName,
    ZoneCount,
    availability_zone,
    partition_of,
    require_fargate_size,
    require_room_for_subnets,
)
from .container import (
    BuildSecrets,
    ContainerEnvironment,
    ContainerSecrets,
    require_room_in_task_definition,
    size_of_start_policy,
)
from .names import full_name, namespace_name
from .parsing import Bool, Items, NoneIfEmpty, has_placeholder
from .redaction import has_credential
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


class InDoubt(Enum):
    """Stands for a value that the file does not say properly, which has been reported already."""

    VALUE = "in doubt"


IN_DOUBT = InDoubt.VALUE

_LONGEST_VALUE = 65_536  # of a whole task definition (Amazon ECS service quotas)
_LONGEST_COMMAND = 4096  # no health check is near that
# What begins with these is a reference for CDK or CloudFormation: they replace it with something
# that the file does not say, or refuse the template (cfn-lint E1029, one of CDK's default rules).
_REFERENCES = ("${", "#{Token[", "{{resolve:")
# ECS stops a task without waiting until its name has expired; the rest is for open requests.
_SECONDS_TO_DRAIN = 20
_LONGEST_FULL_NAME = 100  # of a pipeline, the shortest limit of all that is named so


def setting(
    description: str,
    *,
    comment: str,
    example: str,
    default: str | None = None,
    placeholder: str | None = None,
    private: bool = False,
) -> Any:
    """Return the field of a setting.

    `description` is its row in docs/settings.md, `comment` what sample.env says above it (empty if
    what is above the key before it is about both); an indented line of it continues the one before.
    `default` is the text that a file without the key means; without
    a default the key must be there. sample.env shows the `placeholder`, else the default, else the
    `example`. A `private` value is repeated in no report.
    """
    return Field(
        ... if default is None else default,
        validate_default=True,
        description=description,
        examples=[example],
        json_schema_extra={"comment": comment, "placeholder": placeholder, "private": private},
    )


class ValidatedModel(BaseModel):
    """Values that belong together: frozen, and made of validated parts only.

    A validator of a later field finds an earlier one in `info.data` if that is valid by itself,
    so one pass finds every problem and none twice.
    """

    model_config = ConfigDict(
        frozen=True,
        extra="ignore",
        # A traceback or a log of the original error must not tell a secret.
        hide_input_in_errors=True,
    )

    @classmethod
    def missing(cls) -> str:
        """Say what to do about a value that is not there."""
        return "is missing"


M = TypeVar("M", bound=ValidatedModel)


def validated(
    model: type[M], values: Mapping[str, object], environment: AwsEnvironment
) -> tuple[M | None, dict[str, str]]:
    """Return the model of the values, or None together with what is expected, by key."""
    try:
        return model.model_validate(values, context=environment), {}
    except ValidationError as error:
        details = error.errors(include_url=False, include_input=False)
    invalid: dict[str, str] = {}
    for detail in details:
        is_missing = detail["type"] == "missing"
        message = model.missing() if is_missing else str(detail["ctx"]["error"])
        # One message per key: the items of a list mostly fail for the same reason.
        invalid.setdefault(str(detail["loc"][0]), message)
    return None, {key: message for key, message in invalid.items() if message}


class Section(ValidatedModel):
    """A section of the settings: fields with a key each, and such as follow from other sections."""

    _needed_for: ClassVar[str] = ""

    @field_validator("*", mode="before")
    @classmethod
    def _is_usable(cls, value: object, info: ValidationInfo) -> object:
        """Refuse what no key takes, whatever it means."""
        if value is IN_DOUBT:
            raise InvalidValueError("")  # nothing more is to be said
        name = str(info.field_name)
        if isinstance(value, str) and (message := cls._objection(name, value)):
            raise InvalidValueError(message)
        return value

    @classmethod
    def _objection(cls, name: str, text: str) -> str | None:
        if not text:
            is_required = SETTINGS.get(name, cls.model_fields[name]).is_required()
            return f"is empty; fill it in{cls._needed_for}" if is_required else None
        if has_placeholder(text):
            return f"is still a placeholder; fill it in{cls._needed_for}"
        return _misplaced(name, text)

    @classmethod
    def missing(cls) -> str:
        """Say what to do about a key that is not in the file."""
        return f"is missing{cls._needed_for or '; see sample.env'}"


def _misplaced(name: str, text: str) -> str | None:
    """Say what is in the text that no key takes, if anything."""
    if len(text) > _LONGEST_VALUE:
        return f"is longer than {_LONGEST_VALUE} characters, which nothing takes"
    if not text.isprintable():
        return "has an invisible character; write the value anew"
    # An ARN is judged by its form, which no secret has, and a private value by its type.
    if not (name.endswith(("_arn", "_arns")) or name in PRIVATE_KEYS) and has_credential(text):
        return "looks like a credential, which belongs in Secrets Manager; no key takes one"
    if mark := next((mark for mark in _REFERENCES if mark in text), None):
        instead = "write $NAME" if mark == "${" else "leave it out"
        return f"CDK and CloudFormation take {mark} for a reference; {instead}"
    return None


class Target(Section):
    """Where a deployment goes, and under which names."""

    account_number: AccountNumber = setting(
        "AWS account",
        comment="The AWS account (12 digits) and region that everything is deployed to.",
        placeholder="<ACCOUNT_NUMBER>",
        example="123456789012",
    )
    aws_region: AwsRegion = setting(
        "AWS region", comment="", placeholder="<REGION>", example="eu-west-1"
    )
    deploy_core_stack: Bool = setting(
        "`True`: create the core; `False`: use one that is there",
        comment="""
            True: create VPC, cluster, namespaces and execution role (part 2), and put the service
              on them.
            False: put the service on infrastructure that is already there (part 3).""",
        example="True",
    )
    stack_prefix: StackPrefix = setting(
        "what the names of the stacks begin with",
        comment="""
            Optional. Begins the names of the stacks. A second service or environment in the same
              account and region needs one of its own, such as "orders-", or it replaces the
              first.""",
        default="",
        example="orders-",
    )


def _health_check(value: object) -> tuple[str, ...] | None:
    text = str(value)
    if len(text) > _LONGEST_COMMAND:
        raise InvalidValueError(f"expected at most {_LONGEST_COMMAND} characters")
    try:
        words = json.loads(text)
    except (ValueError, RecursionError):
        words = None
    if isinstance(words, list) and words and all(isinstance(word, str) for word in words):
        return ("CMD", *words)
    # `[ -e file ]` is a command of the shell, which needs the space.
    if re.match(r"\[\s*\]|\[[\"']", text):
        raise InvalidValueError('expected words in double quotes, such as ["/app", "check"]')
    return ("CMD-SHELL", text) if text else None


class ServiceSettings(Section):
    """What the backend service is made of.

    `health_check_command` is as ECS has it, with CMD or CMD-SHELL before it; None means no check.
    `ecs_cluster_name` and `namespace_name` (the full name) follow from the platform: they tell
    where the service lives.
    """

    ecs_cluster_name: str
    namespace_name: str
    service_name: DnsLabel = setting(
        "name in ECS and in DNS",
        comment="""
            Other services call it at <service_name>.<namespace>:<container_port>, for instance
            ecsdemo-backend.default.ecs-blueprint-infra.local:3000""",
        example="ecsdemo-backend",
    )
    container_name: ContainerName = setting(
        "name of the container", comment="", example="ecsdemo-backend"
    )
    container_port: Port = setting(
        "port that the container listens on",
        comment="""
            The port that the container listens on. It finds the number in the environment variable
              SERVICE_PORT.""",
        example="3000",
    )
    task_cpu: TaskCpu = setting(
        "size of a task, in CPU units",
        comment="""
            CPU units (1024 = one vCPU) and memory (MiB) of a task, in a pair that Fargate offers:
            256 with 512, 1024 or 2048; 512 with 1024 to 4096; 1024 with 2048 to 8192; and so
              on.""",
        example="256",
    )
    task_memory: TaskMemory = setting("memory, in MiB", comment="", example="512")
    desired_count: TaskCount = setting(
        "fewest tasks",
        comment="""
            Auto scaling keeps the number of tasks between these two. max_count is optional.""",
        example="3",
    )
    max_count: TaskCount = setting("most tasks", comment="", default="10", example="20")
    cpu_architecture: Architecture = setting(
        "`X86_64` or `ARM64`",
        comment="""
            Optional. X86_64 or ARM64; the image is built on the same. ARM64 needs a seed_image of
              its own.
            For the lifetime of a service: its first image is copied for one of them.""",
        default=CpuArchitecture.X86_64.value,
        example="ARM64",
    )
    health_check_command: Annotated[tuple[str, ...] | None, BeforeValidator(_health_check)] = (
        setting(
            'run in the container\'s shell; `["a", "b"]`: without one; empty: none',
            comment="""
            Optional. A command for the shell inside the container, which also fills in
              $SERVICE_PORT; when it keeps failing, ECS replaces the task. The image must have the
              program that it calls, here curl.
            For an image without a shell, words that are run as they are: ["/app", "healthcheck"]
            Empty: no check. Then a task is healthy while it runs: one that never answers is
              delivered, and one that hangs is kept. (ECS ignores a HEALTHCHECK of the
              Dockerfile.)""",
            # The task definition sets SERVICE_PORT, so the check follows container_port.
            default="curl --fail --silent http://localhost:$SERVICE_PORT/health || exit 1",
            example="wget -q -O /dev/null http://localhost:$SERVICE_PORT/healthz",
        )
    )
    container_environment: ContainerEnvironment = setting(
        "`NAME=value,...`",
        comment="""
            Optional. Environment variables: NAME=value,NAME=value. Not for secrets, and no commas
              in values.""",
        default="",
        example="LOG_LEVEL=info,STAGE=prod",
        private=True,
    )
    container_secrets: ContainerSecrets = setting(
        "`NAME=<ARN>,...`",
        comment="""
            Optional. Environment variables with a secret in them, by the complete ARN of a Secrets
              Manager secret (a key of a JSON secret: <ARN>:<key>::) or an SSM parameter:
              NAME=<ARN>,NAME=<ARN>""",
        default="",
        example="API_KEY=arn:aws:ssm:eu-west-1:123456789012:parameter/shop/key",
        private=True,
    )
    container_secrets_kms_keys: KmsKeyArns = setting(
        "customer managed keys of the secrets",
        comment="""
            Optional. If any of these secrets or parameters is encrypted with a customer managed key
              of KMS (and not with the one of AWS), the ARNs of the keys, comma-separated. Without
              them no task starts. make doctor knows them.""",
        default="",
        example="arn:aws:kms:eu-west-1:123456789012:key/01234567-89ab-cdef-0123-456789abcdef",
        private=True,
    )
    task_role_policy_arns: PolicyArns = setting(
        "managed policies of the task role",
        comment="""
            Optional. What the service itself may do in AWS: the ARNs of managed policies,
              with commas between them. Without any its role may do nothing.""",
        default="",
        example="arn:aws:iam::123456789012:policy/orders-table",
    )
    enable_execute_command: Bool = setting(
        "whether ECS Exec may open a shell in a task",
        comment="""
            Optional. True: aws ecs execute-command opens a shell in a running task (ECS Exec).
              Tasks may log the session to /ecs-exec/<ecs_cluster_name>, where clusters made by this
              project log it.""",
        default="False",
        example="True",
    )
    dns_ttl_seconds: DnsTtl = setting(
        "how long callers remember an address",
        comment="""
            Optional. How long callers remember the address of a task, and how long a stopping task
              may take.
            ECS waits neither for callers nor for DNS, which may need 60 s to forget an address: a
              stopping task serves on for stop_timeout_seconds - 15. dns_ttl_seconds + 80 is enough,
              dns_ttl_seconds + 20 the least, 120 the most.""",
        default="10",
        example="5",
    )
    stop_timeout_seconds: StopTimeout = setting(
        "how long a stopping task may take", comment="", default="90", example="120"
    )
    log_retention_days: LogRetentionDays = setting(
        "days that the logs are kept",
        comment="""
            Optional. How long CloudWatch keeps logs: 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180,
              365, ...""",
        default="30",
        example="365",
    )
    ecr_repository_name: EcrRepositoryName = setting(
        "ECR repository that is created",
        comment="""
            The ECR repository that is created for the service's images; builds get a second one,
              with /builds after the name. Its first image is a copy of seed_image (optional), which
              runs until the first delivery: from a registry that needs no sign-in, from
              public.ecr.aws (in no other partition than aws), or from a private ECR (one of another
              account must let this account pull). The default one answers on port 3000 at /health
              and is built for X86_64 alone. Later changes of seed_image have no effect; another
              repository starts with the seed again.""",
        example="ecsdemo-backend",
    )
    seed_image: ImageReference = setting(
        "image that runs until the first delivery",
        comment="",
        default="public.ecr.aws/aws-containers/ecsdemo-nodejs:c3e96da",
        example="public.ecr.aws/nginx/nginx:1.29",
    )

    @field_validator("service_name")
    @classmethod
    def _makes_a_full_name_that_fits(cls, service_name: str, info: ValidationInfo) -> str:
        cluster = info.data.get("ecs_cluster_name", "")
        if len(full_name(cluster, service_name)) > _LONGEST_FULL_NAME:
            raise InvalidValueError(
                f"expected at most {_LONGEST_FULL_NAME} characters together with "
                f'ecs_cluster_name="{cluster}": the pipeline is named after both'
            )
        namespace = info.data.get("namespace_name", "")
        if len(f"{service_name}.{namespace}") > LONGEST_DNS_NAME:
            raise InvalidValueError(
                f"expected at most {LONGEST_DNS_NAME} characters together with the namespace "
                f"{namespace}: that is the name in DNS"
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
            raise InvalidValueError(f'expected at least desired_count="{desired}"')
        return max_count

    @field_validator("container_secrets")
    @classmethod
    def _shares_no_name_with_environment(
        cls, secrets: ContainerSecrets, info: ValidationInfo
    ) -> ContainerSecrets:
        both = sorted(secrets.keys() & info.data.get("container_environment", {}).keys())
        if both:
            raise InvalidValueError(f"{', '.join(both)} is in container_environment too; keep one")
        return secrets

    @field_validator("container_environment")
    @classmethod
    def _fits_into_the_task_definition(
        cls, environment: ContainerEnvironment, info: ValidationInfo
    ) -> ContainerEnvironment:
        command = info.data.get("health_check_command")
        require_room_in_task_definition(environment, {}, command)
        return environment

    @field_validator("container_secrets")
    @classmethod
    def _fit_into_the_task_definition(
        cls, secrets: ContainerSecrets, info: ValidationInfo
    ) -> ContainerSecrets:
        environment = info.data.get("container_environment", {})
        command = info.data.get("health_check_command")
        require_room_in_task_definition(environment, secrets, command)
        return secrets

    @field_validator("container_secrets_kms_keys")
    @classmethod
    def _are_the_keys_of_secrets(cls, keys: KmsKeyArns, info: ValidationInfo) -> KmsKeyArns:
        if keys and info.data.get("container_secrets") == {}:
            raise InvalidValueError("are keys of no secret, for container_secrets is empty")
        return keys

    @field_validator("stop_timeout_seconds")
    @classmethod
    def _outlasts_the_dns_ttl(cls, timeout: int, info: ValidationInfo) -> int:
        ttl = info.data.get("dns_ttl_seconds", 0)
        if timeout < ttl + _SECONDS_TO_DRAIN:
            raise InvalidValueError(
                f"expected {ttl + _SECONDS_TO_DRAIN} to 120: a stopping task is still called until "
                f'dns_ttl_seconds="{ttl}" is over, and then needs {_SECONDS_TO_DRAIN} to finish'
            )
        return timeout

    @field_validator("seed_image")
    @classmethod
    def _fits_port_and_architecture(cls, image: str, info: ValidationInfo) -> str:
        require_fitting_seed(
            image,
            port=info.data.get("container_port"),
            is_arm=info.data.get("cpu_architecture") is CpuArchitecture.ARM64,
        )
        require_readable_seed(image, AwsEnvironment.of(info))
        return image

    @property
    def full_name(self) -> str:
        """The name of everything of the service that has to be unique in the account and region."""
        return full_name(self.ecs_cluster_name, self.service_name)

    @property
    def seed_repository_arn(self) -> str | None:
        """The private ECR repository that `seed_image` is in, if it is in one."""
        return ecr_repository_arn(self.seed_image)

    @property
    def endpoint_services(self) -> frozenset[str]:
        """The AWS services, beyond those that every task needs, that must be reachable without NAT.

        Under the short names of their VPC endpoints: the stores of `container_secrets`, and the
        message channels of ECS Exec.
        """
        stores = {arn.split(":")[2] for arn in self.container_secrets.values()}
        return frozenset(stores | ({"ssmmessages"} if self.enable_execute_command else set()))


class DeliverySettings(Section):
    """How a commit becomes a running service.

    Exactly one of `connection_arn` and `github_token_secret_name` is set: the way in to GitHub.
    Paths are relative to the top of the repository and normalised; a `folder_path` of `.` is the
    whole repository.
    """

    repository_owner: Owner = setting(
        "GitHub owner of the repository",
        comment="The user or organisation on GitHub that owns the repository of the service.",
        placeholder="<REPO_OWNER>",
        example="acme",
    )
    repository_name: Repository = setting(
        "GitHub repository",
        comment="""
            The repository (its name alone) and the branch whose commits are built and rolled
              out.""",
        example="ecs-backend-service-blueprint",
    )
    repository_branch: Branch = setting("branch that is delivered", comment="", example="main")
    folder_path: FolderPath = setting(
        "folder of the application",
        comment="""
            The folder of the application, from the top of the repository: all that its Dockerfile
              may copy.""",
        example="./application-code/ecsdemo-backend/.",
    )
    dockerfile_path: Annotated[FilePath | None, NoneIfEmpty] = setting(
        "Dockerfile of the application; empty: the one at the top of its folder",
        comment="""
            Optional. The Dockerfile, from the top of the repository, if it is not the file
              Dockerfile at the top of folder_path.""",
        default="",
        example="./application-code/ecsdemo-backend/Dockerfile",
    )
    buildspec_path: Annotated[FilePath | None, NoneIfEmpty] = setting(
        "buildspec of the application; empty: the blueprint's own",
        comment="""
            Optional. The buildspec, from the top of the repository. Empty: the blueprint's own,
              which takes any Dockerfile as it is; the repository needs none.""",
        default="./application-code/ecsdemo-backend/templates/buildspec.yml",
        example="./templates/buildspec.yml",
    )
    build_secrets: BuildSecrets = setting(
        "`NAME=<ARN>,...`, for the build",
        comment="""
            Optional. Environment variables of the build with a secret in them, by the complete ARN
              of a Secrets Manager secret (a key of a JSON secret: <ARN>:<key>::):
              NAME=<ARN>,NAME=<ARN>
            With the blueprint's own buildspec a Dockerfile reads one by RUN
              --mount=type=secret,id=NAME.""",
        default="",
        example="NPM_TOKEN=arn:aws:secretsmanager:eu-west-1:123456789012:secret:npm-AbCdEf",
        private=True,
    )
    github_token_secret_name: SecretName | None = setting(
        "secret with the GitHub token",
        comment="""
            The way in to GitHub: the name (not the token itself) of a plain-text secret in Secrets
              Manager, in the same account and region, which must be there before the first
              deploy.""",
        example="ecs-github-token",
        private=True,
    )
    connection_arn: Annotated[ConnectionArn | None, NoneIfEmpty] = setting(
        "connection that is used instead of the token",
        comment="""
            Optional, and what AWS recommends instead of a token: the ARN of a CodeConnections
              connection. When set, it is used, the token is not, and only commits that touch
              folder_path are built.""",
        default="",
        example="arn:aws:codeconnections:eu-west-1:123456789012:connection/"
        "01234567-89ab-cdef-0123-456789abcdef",
    )
    manual_approval: Bool = setting(
        "a person approves each delivery",
        comment="""
            Optional. True: each delivery waits for a person's approval before it reaches the
              service.""",
        default="False",
        example="True",
    )
    notification_email: Annotated[EmailAddress | None, NoneIfEmpty] = setting(
        "who is told of failures",
        comment="""
            Optional. The e-mail address that alarms and failures are sent to (AWS asks it to
              confirm once).""",
        default="",
        example="team@example.com",
    )

    @field_validator("dockerfile_path")
    @classmethod
    def _is_in_the_folder(cls, path: str | None, info: ValidationInfo) -> str | None:
        folder = info.data.get("folder_path", ".")
        if path and folder != "." and not path.startswith(f"{folder}/"):
            raise InvalidValueError(f'is outside of folder_path="{folder}"')
        return path

    @property
    def dockerfile(self) -> str:
        """The path of the Dockerfile, from the top of the repository."""
        return self.dockerfile_path or posixpath.normpath(f"{self.folder_path}/Dockerfile")


class CoreSettings(Section):
    """What the core stack is made of.

    An empty `availability_zones` means the first `az_count` zones that AWS lists; otherwise it
    has exactly `az_count` zones. `namespaces` are short names, see `namespace_names`.
    """

    ecs_cluster_name: DnsLabel = setting(
        "name of the ECS cluster",
        comment="""
            The ECS cluster, and the namespaces for service discovery (comma-separated). A
              namespace's full name is <namespace>.<ecs_cluster_name>.local; the service lives in
              the first one.""",
        example="ecs-blueprint-infra",
    )
    namespaces: NamespaceLabels = setting(
        "short names of the namespaces; services live in the first", comment="", example="default"
    )
    enable_nat_gw: Bool = setting(
        "NAT gateway, or VPC endpoints",
        comment="""
            True: one NAT gateway lets private subnets reach the internet. False: none, and they
              reach AWS alone, through VPC endpoints. (Both have a price per hour.)""",
        example="True",
    )
    az_count: ZoneCount = setting(
        "how many zones", comment="How many availability zones to use, 1 to 6.", example="3"
    )
    availability_zones: Annotated[tuple[str, ...], Items] = setting(
        "which zones, by name",
        comment="""
            Optional. The zones by name, exactly az_count of them:
              "eu-central-1a,eu-central-1b,eu-central-1c"
            Empty: the first az_count that AWS lists. Name them for everything that is to live long:
              AWS may list them in another order when it adds a zone, which would replace subnets,
              and Fargate is not in every zone (not in use1-az3, for instance).""",
        default="",
        example="eu-west-1a,eu-west-1b,eu-west-1c",
    )
    vpc_cidr: VpcCidr = setting(
        "address range, /16 to /28",
        comment="""
            The address range of the VPC, from /16 to /28. Each zone gets a public and a private
              subnet.""",
        example="10.0.0.0/16",
    )
    log_retention_days: LogRetentionDays

    @property
    def namespace_names(self) -> tuple[str, ...]:
        """The full names of the namespaces, in the order of `namespaces`."""
        return tuple(namespace_name(label, self.ecs_cluster_name) for label in self.namespaces)

    @field_validator("availability_zones")
    @classmethod
    def _are_zones_of_the_region(
        cls, zones: tuple[str, ...], info: ValidationInfo
    ) -> tuple[str, ...]:
        for zone in zones:
            availability_zone(zone, info)
        az_count = info.data.get("az_count")
        if zones and az_count not in (None, len(zones)):
            raise InvalidValueError(
                f'expected {az_count} zones, as az_count="{az_count}" says, or none'
            )
        return zones

    @field_validator("vpc_cidr")
    @classmethod
    def _has_room_for_the_subnets(cls, cidr: str, info: ValidationInfo) -> str:
        if "az_count" in info.data:
            require_room_for_subnets(cidr, info.data["az_count"])
        return cidr


class SharedCoreSettings(Section):
    """Which core stack of this deployment, by its cluster, and which of its namespaces."""

    ecs_cluster_name: str
    namespace_name: NamespaceName


class CoreOutputsSettings(Section):
    """Where the outputs of an earlier deploy are, if an existing platform is one of ours."""

    core_outputs_file: Annotated[str | None, NoneIfEmpty] = setting(
        "`output.json` of the deploy that made the core",
        comment="""
            Optional. The output.json of an earlier deploy with --outputs-file; a relative path
              starts at the folder of this file. It replaces everything below, and AWS need not be
              asked for anything. Then:
            - the service lives in the first of namespaces (part 2), or in namespace_name if you
              fill it in;
            - ecs_cluster_name (part 2) must be the cluster of the outputs, or empty;
            - each key below that you do fill in wins over the file.""",
        default="",
        example="output.json",
    )


class NamespaceChoice(Section):
    """The namespaces, of which a service on a core that is not its own takes the first."""

    namespaces: NamespaceLabels


@dataclass(frozen=True, slots=True)
class VpcAttributes:
    """Everything that is needed to use a VPC without looking it up.

    The three tuples have the same length and order: one public and one private subnet per zone.
    """

    vpc_id: str
    vpc_cidr: str
    availability_zones: tuple[str, ...]
    public_subnet_ids: tuple[str, ...]
    private_subnet_ids: tuple[str, ...]


class ExistingPlatformSettings(Section):
    """What is imported, and how it is found.

    Exactly one of `vpc_name` (look the VPC up) and `vpc` (all is known already) is set.
    """

    _needed_for = ', as deploy_core_stack="False" needs it; or name a core_outputs_file'

    vpc_name: VpcName | None = setting(
        "Name tag of the VPC",
        comment="""
            Without core_outputs_file fill in all of these, and ecs_cluster_name in part 2.
            The VPC is looked up by its Name tag, which needs AWS credentials.""",
        placeholder="<VPC_NAME>",
        example="platform",
    )
    vpc: VpcAttributes | None
    ecs_cluster_name: ClusterName
    namespace_name: NamespaceName = setting(
        "full name of the namespace",
        comment="""
            The Cloud Map namespace that the service lives in: its full name
              (default.my-cluster.local), its ARN and its id (ns-...).""",
        placeholder="<NAMESPACE_NAME>",
        example="default.my-cluster.local",
    )
    namespace_id: NamespaceId = setting(
        "id of the namespace",
        comment="",
        placeholder="<NAMESPACE_ID>",
        example="ns-0123456789abcdef",
    )
    namespace_arn: NamespaceArn = setting(
        "ARN of the namespace",
        comment="",
        placeholder="<NAMESPACE_ARN>",
        example="arn:aws:servicediscovery:eu-west-1:123456789012:namespace/ns-0123456789abcdef",
    )
    ecs_task_execution_role_arn: RoleArn = setting(
        "role that starts tasks",
        comment="""
            The role with which ECS starts tasks. The right to this service's image, logs and
              secrets is added.""",
        placeholder="<TASK_EXECUTION_ROLE_ARN>",
        example="arn:aws:iam::123456789012:role/platform-execution",
    )

    @field_validator("namespace_arn")
    @classmethod
    def _is_the_arn_of_the_id(cls, arn: str, info: ValidationInfo) -> str:
        namespace_id = info.data.get("namespace_id")
        if namespace_id is not None and arn.rpartition("/")[2] != namespace_id:
            raise InvalidValueError(f'is of another namespace than namespace_id="{namespace_id}"')
        return arn


Platform = CoreSettings | SharedCoreSettings | ExistingPlatformSettings
"""What a service runs on: a core to create, one that another file creates, or what is there."""


class Settings(ValidatedModel):
    """Everything that a deployment is told, from one file."""

    env_file: Path
    account_number: str
    aws_region: str
    stack_prefix: str
    platform: Platform
    service: ServiceSettings
    delivery: DeliverySettings

    @property
    def core(self) -> CoreSettings | None:
        """What the core stack is made of, if it is created."""
        return self.platform if isinstance(self.platform, CoreSettings) else None

    @property
    def existing_platform(self) -> ExistingPlatformSettings | None:
        """What the service runs on, if it is there already."""
        return self.platform if isinstance(self.platform, ExistingPlatformSettings) else None

    @property
    def size_of_start_policy(self) -> int:
        """How long the policy is at most with which ECS starts the tasks, as IAM counts it."""
        service = self.service
        names = (service.ecr_repository_name, service.ecs_cluster_name, service.service_name)
        place = (self.aws_region, partition_of(self.aws_region).name)
        secrets = {":".join(arn.split(":")[:7]) for arn in service.container_secrets.values()}
        return size_of_start_policy(
            (*names, *place, *place), {*secrets, *service.container_secrets_kms_keys}
        )

    @property
    def core_stack_name(self) -> str:
        """The name of the stack with the core infrastructure."""
        return f"{self.stack_prefix}CoreInfraStack"

    @property
    def service_stack_name(self) -> str:
        """The name of the stack with the service and its pipeline."""
        return f"{self.stack_prefix}BackendServiceStack"


SECTIONS: tuple[type[Section], ...] = (
    Target,
    ServiceSettings,
    DeliverySettings,
    CoreSettings,
    CoreOutputsSettings,
    ExistingPlatformSettings,
)


def settings_in(section: type[Section]) -> Iterator[tuple[str, FieldInfo]]:
    """Yield the settings of a section: its fields that are not known from elsewhere."""
    for key, field in section.model_fields.items():
        if field.description is not None:
            yield key, field


SETTINGS: Mapping[str, FieldInfo] = MappingProxyType(
    {key: field for section in SECTIONS for key, field in settings_in(section)}
)
ALL_KEYS = tuple(SETTINGS)
DEFAULTS: Mapping[str, str] = MappingProxyType(
    {key: field.default for key, field in SETTINGS.items() if not field.is_required()}
)
"""What an absent key means, as it would stand in the file."""
PRIVATE_KEYS = frozenset(
    key
    for key, field in SETTINGS.items()
    if isinstance(field.json_schema_extra, dict) and field.json_schema_extra["private"]
)
"""Keys whose values no report repeats."""
