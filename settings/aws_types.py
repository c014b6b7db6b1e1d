"""What AWS calls things: accounts, regions, ARNs, ids, names, and the sizes that it offers.

Each type says in its message what is expected. ARNs and zones must also be of the account and
region of the deployment, which a validation gets as its context.
"""

import ipaddress
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo

from .names import builds_repository_name
from .parsing import Items, matching, whole_number
from .report import InvalidValueError

# --- Account and region ---------------------------------------------------------------------------

# A list of regions would be out of date soon; their form has never changed.
_REGION = re.compile(
    r"(?:[a-z]{2}|us-gov|us-iso[a-z]?|eu-iso[a-z]|eusc-[a-z]{2})"
    r"-(?:north|south|east|west|central|northeast|northwest|southeast|southwest)-[1-9]"
)

# By the schemas of CloudFormation in cfn-lint 1.58, with which a test compares these lists. Regions
# without builds have no webhooks either.
WITHOUT_BUILDS = frozenset({"ap-east-2", "ca-west-1", "mx-central-1"})
WITHOUT_WEBHOOKS = frozenset({"ap-southeast-5", "ap-southeast-7"})

# The regions that are not on the internet.
_ISOLATED = ("us-iso", "eu-iso")

_PARTITIONS = {"us-gov-": "aws-us-gov", "eusc-": "aws-eusc", "cn-": "aws-cn", "": "aws"}


def partition_of(region: str) -> str:
    """Return the partition that a region belongs to: the second part of every ARN in it."""
    return next(name for start, name in _PARTITIONS.items() if region.startswith(start))


@dataclass(frozen=True, slots=True)
class AwsEnvironment:
    """The account and region of a deployment; None for what the file does not say clearly."""

    account_number: str | None = None
    aws_region: str | None = None

    @property
    def partition(self) -> str | None:
        """The partition that the region belongs to."""
        return None if self.aws_region is None else partition_of(self.aws_region)

    @classmethod
    def of(cls, info: ValidationInfo) -> "AwsEnvironment":
        """Return the environment that a value is validated for."""
        return info.context if isinstance(info.context, cls) else cls()


def _aws_region(text: str) -> str:
    if not _REGION.fullmatch(text):
        raise InvalidValueError("no AWS region has such a name; expected one like eu-central-1")
    if text.startswith(_ISOLATED):
        raise InvalidValueError("an isolated region has no way to GitHub or to public registries")
    return text


def _availability_zone(name: str, info: ValidationInfo) -> str:
    """Check the name of a zone of the region (not of a local or wavelength zone)."""
    region = AwsEnvironment.of(info).aws_region
    if region is not None and not re.fullmatch(re.escape(region) + "[a-z]", name):
        raise InvalidValueError(f"expected a zone of {region}, such as {region}a")
    return name


AccountNumber = Annotated[str, matching(r"[0-9]{12}", "the 12 digits of an AWS account", 12)]
AccountNumbers = Annotated[tuple[AccountNumber, ...], Items]
AwsRegion = Annotated[str, AfterValidator(_aws_region)]
Zones = Annotated[tuple[Annotated[str, AfterValidator(_availability_zone)], ...], Items]

# --- ARNs -----------------------------------------------------------------------------------------

_ARN = re.compile(
    rf"arn:(?P<partition>aws(?:-[a-z]+)*):(?P<service>[a-z-]+):(?P<region>(?:{_REGION.pattern})?)"
    # AWS itself owns managed policies.
    r":(?P<account>[0-9]{12}|aws(?=:policy/)):(?P<resource>.+)"
)


@dataclass(frozen=True, slots=True)
class ArnForm:
    """The ARNs of one kind of resource, in the account and region of the deployment.

    ``resource`` is a regular expression for the service, a colon, and what follows the account.
    ``expected`` says in words what the ARN should be of. ``any_account`` and ``any_region`` also
    accept a resource of another account or of another region.
    """

    resource: str
    expected: str
    any_account: bool = False
    any_region: bool = False

    def require(self, text: str, info: ValidationInfo) -> str:
        """Return the ARN if it has this form, or raise an error.

        The message repeats parts of the ARN only if its form is right, and so no pasted secret.
        """
        arn = _ARN.fullmatch(text)
        if (
            arn is None
            or not re.fullmatch(self.resource, f"{arn['service']}:{arn['resource']}")
            or (arn["region"] == "") != (arn["service"] == "iam")
        ):
            raise InvalidValueError(f"expected {self.expected}")
        environment = AwsEnvironment.of(info)
        partition, region, account = arn["partition"], arn["region"], arn["account"]
        wrong = []
        accepts_any_account = self.any_account or account == "aws"
        if not accepts_any_account and environment.account_number not in (None, account):
            wrong.append(f"account {account}, but account_number is {environment.account_number}")
        if region and not self.any_region and environment.aws_region not in (None, region):
            wrong.append(f"region {region}, but aws_region is {environment.aws_region}")
        if not wrong and environment.partition not in (None, partition):
            wrong.append(f"partition {partition}, but aws_region is in {environment.partition}")
        if wrong:
            raise InvalidValueError(f"this ARN belongs to {' and to '.join(wrong)}")
        return text


_ROLE = ArnForm(
    resource=r"iam:role/(?:[!-.0-~]+/)*[A-Za-z0-9+=,.@_-]{1,64}",
    expected="the ARN of a role: arn:aws:iam::<account>:role/<name>",
)
_POLICIES = ArnForm(
    resource=r"iam:policy/(?:[!-.0-~]+/)*[A-Za-z0-9+=,.@_-]{1,128}",
    expected="ARNs of managed policies: arn:aws:iam::<account>:policy/<name>, or "
    "arn:aws:iam::aws:policy/<name>",
)
_NAMESPACE = ArnForm(
    resource=r"servicediscovery:namespace/ns-[a-z0-9]+",
    expected="the ARN of a Cloud Map namespace: "
    "arn:aws:servicediscovery:<region>:<account>:namespace/ns-<id>",
)
_CONNECTION = ArnForm(
    resource=r"(?:codeconnections|codestar-connections):connection/[A-Za-z0-9-]+",
    expected="the ARN of a connection: arn:aws:codeconnections:<region>:<account>:connection/<id>",
    # A connection can be used in every region; its ARN says where it was made.
    # https://docs.aws.amazon.com/dtconsole/latest/userguide/welcome-connections-how-it-works-global.html
    any_region=True,
)
_GUARDDUTY_AGENT = ArnForm(
    resource="ecr:repository/aws-guardduty-agent-fargate",
    expected="arn:aws:ecr:<region>:<account of GuardDuty>:repository/aws-guardduty-agent-fargate",
    any_account=True,
)
_KMS_KEYS = ArnForm(
    # IAM allows the use of a key by its own ARN only.
    resource=r"kms:key/[A-Za-z0-9-]{1,128}",
    expected="ARNs of KMS keys (not of aliases): arn:aws:kms:<region>:<account>:key/<id>",
    any_account=True,
)
_QUEUE = ArnForm(
    resource=r"sqs:(?:[A-Za-z0-9_-]{1,80}|[A-Za-z0-9_-]{1,75}\.fifo)",
    expected="the ARN of an SQS queue: arn:aws:sqs:<region>:<account>:<name>",
)
_ECR_REPOSITORY = ArnForm(
    resource=r"ecr:repository/[a-z0-9][a-z0-9._/-]+",
    expected="the ARN of an ECR repository: arn:aws:ecr:<region>:<account>:repository/<name>",
    any_account=True,
    any_region=True,
)

RoleArn = Annotated[str, AfterValidator(_ROLE.require)]
# IAM attaches ten managed policies to a role, or 20 in an account with a raised quota.
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
PolicyArns = Annotated[
    tuple[Annotated[str, AfterValidator(_POLICIES.require)], ...], Items, Field(max_length=20)
]
NamespaceArn = Annotated[str, AfterValidator(_NAMESPACE.require)]
ConnectionArn = Annotated[str, AfterValidator(_CONNECTION.require)]
# Application Auto Scaling reads the metrics of its own account and region only.
QueueArn = Annotated[str, AfterValidator(_QUEUE.require)]
GuardDutyAgentArn = Annotated[str, AfterValidator(_GUARDDUTY_AGENT.require)]
EcrRepositoryArn = Annotated[str, AfterValidator(_ECR_REPOSITORY.require)]
EcrRepositoryArns = Annotated[tuple[EcrRepositoryArn, ...], Items]
KmsKeyArns = Annotated[tuple[Annotated[str, AfterValidator(_KMS_KEYS.require)], ...], Items]

# --- Names and ids --------------------------------------------------------------------------------

_LONGEST_PREFIX = 128 - len("BackendServiceStack")  # CloudFormation limits names to 128 characters
# CDK accepts single separators only, though ECR would accept "__" and any number of hyphens.
_ECR_PART = r"[a-z0-9]+(?:[._-][a-z0-9]+)*"
_LONGEST_REPOSITORY = 256 - len(builds_repository_name(""))  # ECR limits names to 256 characters

StackPrefix = Annotated[
    str,
    matching(
        r"(?:[A-Za-z][A-Za-z0-9-]*)?",
        "nothing, or a letter followed by letters, digits and hyphens, "
        f"at most {_LONGEST_PREFIX} in all",
        _LONGEST_PREFIX,
    ),
]
ContainerName = Annotated[
    str,
    # ECS allows 255, but the description of the build project (255 characters) contains the name,
    # and the name of every log stream (512) contains it twice.
    matching(r"[A-Za-z0-9_-]+", "letters, digits, hyphens and underscores, at most 235", 235),
]
ClusterName = Annotated[
    str,
    # A build project has the name of the cluster, and cannot begin with a hyphen or underscore.
    # https://docs.aws.amazon.com/codebuild/latest/APIReference/API_CreateProject.html
    matching(
        r"[A-Za-z0-9][A-Za-z0-9_-]*",
        "letters, digits, hyphens and underscores, a letter or digit first, at most 255",
        255,
    ),
]
EcrRepositoryName = Annotated[
    str,
    matching(
        rf"(?=.{{2}}){_ECR_PART}(?:/{_ECR_PART})*",
        f"2 to {_LONGEST_REPOSITORY} lower-case letters and digits, with single . _ - / between "
        "them",
        _LONGEST_REPOSITORY,
    ),
]
NamespaceId = Annotated[
    str, matching(r"ns-[a-z0-9]+", "the id of a namespace, such as ns-abc123", 64)
]
VpcId = Annotated[str, matching(r"vpc-[0-9a-z]+", "the id of a VPC, such as vpc-0abc123", 64)]
SubnetId = Annotated[
    str, matching(r"subnet-[0-9a-z]+", "ids of subnets, such as subnet-0abc123", 64)
]
# AWS has made ids of 8 and of 17 digits. CDK refuses shorter and longer ones.
SecurityGroupId = Annotated[
    str, matching(r"sg-[0-9a-f]{8,17}", "ids of security groups, such as sg-0123abcd", 20)
]
SecurityGroupIds = Annotated[tuple[SecurityGroupId, ...], Items]
VpcName = Annotated[str, matching(r"[^*?]+", "the Name tag of one VPC, without wildcards", 256)]

# --- Names in DNS ---------------------------------------------------------------------------------

_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_EXPECTED_LABEL = (
    "lower-case letters, digits and hyphens, at most 63, "
    "with a letter or digit at both ends (it becomes part of a DNS name)"
)
# Cloud Map allows more than host names do, and the namespace of another owner may use it.
_NAMESPACE_PART = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"


def _without_dot(label: str) -> str:
    if "." in label:
        raise InvalidValueError(
            "expected the first part of the name only, because .<ecs_cluster_name>.local is added"
        )
    return label


DnsLabel = Annotated[str, matching(_LABEL, _EXPECTED_LABEL, 63)]
NamespaceLabels = Annotated[tuple[Annotated[DnsLabel, BeforeValidator(_without_dot)], ...], Items]
NamespaceName = Annotated[
    str,
    matching(
        rf"{_NAMESPACE_PART}(?:\.{_NAMESPACE_PART})*",
        "the full name of a namespace, such as default.my-cluster.local",
        253,  # RFC 1035
    ),
]

# --- Address ranges -------------------------------------------------------------------------------

VPC_RANGE = "vpc"
"""Stands for the primary address range of the VPC, among the ranges of callers."""

MOST_ZONES = 6
"""us-east-1 has six availability zones, and no region has more.
https://docs.aws.amazon.com/global-infrastructure/latest/regions/aws-availability-zones.html"""

SMALLEST_BLOCK = 28
"""The smallest VPC and the smallest subnet have 16 addresses.
https://docs.aws.amazon.com/vpc/latest/userguide/subnet-sizing.html"""


def zones_with_room(vpc_cidr: str) -> int:
    """Return for how many zones, with two subnets each, the block has room.

    The network is always divided for this number of zones. So when ``az_count`` grows, the subnets
    of the other zones keep their address ranges, and CloudFormation does not replace them.
    """
    smallest_subnets = 1 << (SMALLEST_BLOCK - int(vpc_cidr.partition("/")[2]))
    return min(MOST_ZONES, smallest_subnets // 2)


def _ipv4_block(text: str, largest: int, smallest: int, expected: str) -> str:
    try:
        block = ipaddress.IPv4Network(text, strict=False)
    except ValueError:
        raise InvalidValueError(f"expected {expected}") from None
    if not largest <= block.prefixlen <= smallest:
        raise InvalidValueError(f"expected {expected}")
    # IPv4Network also accepts netmasks, single addresses, and the address of a host in the block.
    if text != str(block):
        raise InvalidValueError(f"expected {block}: the first address of the block and its length")
    return text


def _caller(text: str) -> str:
    expected = f"{VPC_RANGE}, or IPv4 blocks such as 10.1.0.0/16, from /1 to /32"
    return text if text == VPC_RANGE else _ipv4_block(text, 1, 32, expected)


def _vpc_cidr(text: str) -> str:
    return _ipv4_block(
        text, 16, SMALLEST_BLOCK, "an IPv4 block such as 10.0.0.0/16, from /16 to /28"
    )


VpcCidr = Annotated[str, AfterValidator(_vpc_cidr)]
IngressCidrs = Annotated[tuple[Annotated[str, AfterValidator(_caller)], ...], Items]

# --- What Fargate, ECS and CloudWatch Logs offer --------------------------------------------------

# Amazon ECS developer guide, "Troubleshoot Amazon ECS task definition invalid CPU or memory errors"
# (task-cpu-memory-error.html), and for 32 vCPU the table of cfn-lint 1.58
# (fargate_cpu_memory.json).
_MEMORY_BY_CPU: dict[int, Sequence[int]] = {
    256: (512, 1024, 2048),
    512: range(1024, 4096 + 1, 1024),
    1024: range(2048, 8192 + 1, 1024),
    2048: range(4096, 16384 + 1, 1024),
    4096: range(8192, 30720 + 1, 1024),
    8192: range(16384, 61440 + 1, 4096),
    16384: range(32768, 122880 + 1, 8192),
    32768: (61440, 122880, 249856),
}

# https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html
LOG_RETENTION_DAYS = (
    *(1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731),
    *(1096, 1827, 2192, 2557, 2922, 3288, 3653),
)


class CpuArchitecture(StrEnum):
    """The processor that builds and tasks of the service run on."""

    X86_64 = "X86_64"
    ARM64 = "ARM64"


def _one_of(choices: Iterable[object], unit: str) -> BeforeValidator:
    by_text = {str(choice): choice for choice in choices}

    def parse(value: object) -> object:
        if (text := str(value).upper()) not in by_text:
            raise InvalidValueError(f"expected one of {', '.join(by_text)}{unit}")
        return by_text[text]

    return BeforeValidator(parse)


def require_fargate_size(cpu: int | None, memory: int) -> None:
    """Raise an error unless Fargate offers this memory with this CPU, or with any CPU for None."""
    if cpu is None:
        if any(memory in sizes for sizes in _MEMORY_BY_CPU.values()):
            return
        raise InvalidValueError("expected 512 or a multiple of 1024 (MiB) that Fargate offers")
    sizes = _MEMORY_BY_CPU[cpu]
    if memory in sizes:
        return
    if isinstance(sizes, range):
        choice = f"{sizes[0]} to {sizes[-1]} in steps of {sizes.step}"
    else:
        choice = f"one of {', '.join(map(str, sizes))}"
    raise InvalidValueError(f'expected {choice} (MiB) with task_cpu="{cpu}"')


TaskCpu = Annotated[int, _one_of(_MEMORY_BY_CPU, " (CPU units)")]
TaskMemory = Annotated[int, whole_number(512, 249_856, " (MiB)")]
Architecture = Annotated[CpuArchitecture, _one_of(CpuArchitecture, "")]
LogRetentionDays = Annotated[int, _one_of(LOG_RETENTION_DAYS, " (days)")]
Port = Annotated[int, whole_number(1, 65535)]
# The sizes of on-demand builds, with CDK's names: x86 and ARM machines have the same.
# https://docs.aws.amazon.com/codebuild/latest/userguide/build-env-ref-compute-types.html
BuildComputeType = Annotated[str, _one_of(("SMALL", "MEDIUM", "LARGE", "X_LARGE", "X2_LARGE"), "")]
# From CodeBuild's least to the time after which CodePipeline ends a build action.
# https://docs.aws.amazon.com/codebuild/latest/APIReference/API_CreateProject.html
# https://docs.aws.amazon.com/codepipeline/latest/userguide/limits.html
BuildTimeout = Annotated[int, whole_number(5, 480, " (minutes)")]
ZoneCount = Annotated[int, whole_number(1, MOST_ZONES)]
# Cloud Map limits an ECS service with service discovery to 1000 tasks.
# https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-quotas.html
TaskCount = Annotated[int, whole_number(1, 1000)]
# An idle task uses some percent too. Above 95 there is no room for the alarm, which is between the
# target and 100 (alarms.py).
TargetPercent = Annotated[int, whole_number(10, 95, " (percent), or nothing")]
MessageCount = Annotated[int, whole_number(1, 1_000_000)]
# Fargate stops a container after two minutes at the latest. By then the name must have expired:
# see the rule in model.py.
DnsTtl = Annotated[int, whole_number(0, 100, " (seconds)")]
StopTimeout = Annotated[int, whole_number(20, 120, " (seconds)")]
# https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_HealthCheck.html
StartPeriod = Annotated[int, whole_number(0, 300, " (seconds)")]
