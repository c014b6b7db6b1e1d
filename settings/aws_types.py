"""What AWS calls things: accounts, regions, ARNs, ids, names, and the sizes that it offers.

Each type says in its message what is expected. ARNs and zones must also be of the account and
region of the deployment, which a validation gets as its context.
"""

import ipaddress
import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, ValidationInfo

from .names import LOG_RETENTION, builds_repository_name
from .parsing import distinct_items, matching, whole_number
from .redaction import shown_item
from .report import InvalidValueError

# --- Account and region ---------------------------------------------------------------------------

# A list of regions would be out of date soon; their form has never changed.
_REGION = re.compile(
    r"(?:[a-z]{2}|us-gov|us-iso[a-z]?|eu-iso[a-z]|eusc-[a-z]{2})"
    r"-(?:north|south|east|west|central|northeast|northwest|southeast|southwest)-[1-9]"
)


@dataclass(frozen=True, slots=True)
class Partition:
    """A part of AWS with accounts of its own: what its ARNs and its host names say."""

    name: str
    dns_suffix: str


COMMERCIAL = Partition("aws", "amazonaws.com")
_OTHER_PARTITIONS = {
    "cn-": Partition("aws-cn", "amazonaws.com.cn"),
    "us-gov-": Partition("aws-us-gov", "amazonaws.com"),
    "eusc-": Partition("aws-eusc", "amazonaws.eu"),
    "us-iso-": Partition("aws-iso", "c2s.ic.gov"),
    "us-isob-": Partition("aws-iso-b", "sc2s.sgov.gov"),
    "eu-isoe-": Partition("aws-iso-e", "cloud.adc-e.uk"),
    "us-isof-": Partition("aws-iso-f", "csp.hci.ic.gov"),
}


def partition_of(region: str) -> Partition:
    """Return the partition that a region belongs to."""
    found = (p for start, p in _OTHER_PARTITIONS.items() if region.startswith(start))
    return next(found, COMMERCIAL)


@dataclass(frozen=True, slots=True)
class AwsEnvironment:
    """The account and region of a deployment; None for what the file does not say properly."""

    account_number: str | None = None
    aws_region: str | None = None

    @property
    def partition(self) -> str | None:
        """The partition that the region belongs to, the second part of every ARN in it."""
        return None if self.aws_region is None else partition_of(self.aws_region).name

    @classmethod
    def of(cls, info: ValidationInfo) -> "AwsEnvironment":
        """Return the environment that a value is validated for."""
        return info.context if isinstance(info.context, cls) else cls()


def _aws_region(text: str) -> str:
    if not _REGION.fullmatch(text):
        raise InvalidValueError("no AWS region has such a name; expected one like eu-central-1")
    return text


def availability_zone(name: str, info: ValidationInfo) -> str:
    """Check the name of a zone of the region (not of a local or wavelength zone)."""
    region = AwsEnvironment.of(info).aws_region
    if region is not None and not re.fullmatch(re.escape(region) + "[a-z]", name):
        raise InvalidValueError(
            f"{shown_item(name)} is no zone of {region}; expected one like {region}a"
        )
    return name


AccountNumber = Annotated[
    str, AfterValidator(matching(r"[0-9]{12}", "the 12 digits of an AWS account", 12))
]
AwsRegion = Annotated[str, AfterValidator(_aws_region)]
Zone = Annotated[str, AfterValidator(availability_zone)]

# --- ARNs -----------------------------------------------------------------------------------------

_ARN_PARTS = 6  # arn, partition, service, region, account, resource
_SERVICE_WIDE = frozenset({"iam"})


def require_arn(
    text: str,
    environment: AwsEnvironment,
    *,
    services: tuple[str, ...],
    resource: str,
    expected: str,
    any_account: bool = False,
    any_region: bool = False,
) -> str:
    """Return the ARN if it names such a resource in this environment, or raise an error.

    `resource` is a regular expression for what follows the account; `expected` says in words what
    the ARN should be of; of `any_account` and `any_region` are resources that can be used from
    another one. The messages tell parts of the ARN only once its form is right, so that
    a secret pasted in its stead is not repeated.
    """
    parts = text.split(":", _ARN_PARTS - 1)
    if (
        len(parts) != _ARN_PARTS
        or parts[0] != "arn"
        or parts[2] not in services
        or not re.fullmatch(r"aws(?:-[a-z]+)*", parts[1])
        or not re.fullmatch(r"[0-9]{12}", parts[4])
        or not re.fullmatch(resource, parts[5])
    ):
        raise InvalidValueError(f"expected {expected}")
    _, partition, service, region, account, _ = parts
    wrong = []
    if not any_account and environment.account_number not in (None, account):
        wrong.append(f"account {account}, but account_number is {environment.account_number}")
    if service in _SERVICE_WIDE:
        if region:
            raise InvalidValueError(f"expected {expected}")
    elif any_region:
        if not _REGION.fullmatch(region):
            wrong.append("no region")
    elif environment.aws_region not in (None, region):
        # No word of a region of the wrong form: it could be anything.
        named = (
            f"region {region}" if re.fullmatch(r"[a-z]+(-[a-z]+)+-[0-9]", region) else "no region"
        )
        wrong.append(f"{named}, but aws_region is {environment.aws_region}")
    if environment.partition not in (None, partition) and not wrong:
        wrong.append(f"partition {partition}, but aws_region is in {environment.partition}")
    if wrong:
        raise InvalidValueError(f"this ARN is of {', and of '.join(wrong)}")
    return text


def _arn_of(
    *services: str, resource: str, expected: str, any_region: bool = False
) -> AfterValidator:
    def check(text: str, info: ValidationInfo) -> str:
        return require_arn(
            text,
            AwsEnvironment.of(info),
            services=services,
            resource=resource,
            expected=expected,
            any_region=any_region,
        )

    return AfterValidator(check)


RoleArn = Annotated[
    str,
    _arn_of(
        "iam",
        resource=r"role/(?:[!-.0-~]+/)*[A-Za-z0-9+=,.@_-]{1,64}",
        expected="the ARN of a role: arn:aws:iam::<account>:role/<name>",
    ),
]
# Customer managed policies can be attached within their account only, those of AWS anywhere.
_AWS_OWN = re.compile(r"(arn:aws[a-z-]*:iam::)aws(:policy/)")
# Ten, or as many as an account can ask for: knowledge center, "iam-increase-policy-size".
_MOST_POLICIES = 20


def _policy_arns(value: object, info: ValidationInfo) -> tuple[str, ...]:
    environment = AwsEnvironment.of(info)
    arns = distinct_items(str(value))
    if len(arns) > _MOST_POLICIES:
        raise InvalidValueError(f"IAM attaches at most {_MOST_POLICIES} policies to a role")
    for arn in arns:
        account = environment.account_number or "0" * 12
        require_arn(
            _AWS_OWN.sub(rf"\g<1>{account}\2", arn),
            environment,
            services=("iam",),
            resource=r"policy/(?:[!-.0-~]+/)*[A-Za-z0-9+=,.@_-]{1,128}",
            expected="ARNs of managed policies: arn:aws:iam::<account>:policy/<name>, or "
            "arn:aws:iam::aws:policy/<name>",
        )
    return arns


PolicyArns = Annotated[tuple[str, ...], BeforeValidator(_policy_arns)]
NamespaceArn = Annotated[
    str,
    _arn_of(
        "servicediscovery",
        resource=r"namespace/ns-[a-z0-9]+",
        expected="the ARN of a Cloud Map namespace: "
        "arn:aws:servicediscovery:<region>:<account>:namespace/ns-<id>",
    ),
]
ConnectionArn = Annotated[
    str,
    _arn_of(
        "codeconnections",
        "codestar-connections",
        resource=r"connection/[A-Za-z0-9-]+",
        expected="the ARN of a connection: "
        "arn:aws:codeconnections:<region>:<account>:connection/<id>",
        # A connection is in every region; its ARN says where it was made.
        # https://docs.aws.amazon.com/dtconsole/latest/userguide/welcome-connections-how-it-works-global.html
        any_region=True,
    ),
]


def _kms_keys(value: object, info: ValidationInfo) -> tuple[str, ...]:
    return tuple(
        require_arn(
            arn,
            AwsEnvironment.of(info),
            services=("kms",),
            resource=r"key/[A-Za-z0-9-]{1,128}",
            # IAM allows the use of a key by its own ARN only.
            expected="ARNs of KMS keys (not of aliases): arn:aws:kms:<region>:<account>:key/<id>",
            any_account=True,
        )
        for arn in distinct_items(str(value))
    )


KmsKeyArns = Annotated[tuple[str, ...], BeforeValidator(_kms_keys)]

# --- Names and ids --------------------------------------------------------------------------------

_LONGEST_PREFIX = 128 - len("BackendServiceStack")  # of a stack's name, CloudFormation takes 128
# CDK takes single separators only, though ECR would take "__" and any number of hyphens.
_ECR_PART = r"[a-z0-9]+(?:[._-][a-z0-9]+)*"


def _name(pattern: str, expected: str, longest: int) -> AfterValidator:
    return AfterValidator(matching(pattern, expected, longest))


StackPrefix = Annotated[
    str,
    _name(
        r"(?:[A-Za-z][A-Za-z0-9-]*)?",
        "nothing, or a letter followed by letters, digits and hyphens, "
        f"at most {_LONGEST_PREFIX} in all",
        _LONGEST_PREFIX,
    ),
]
ContainerName = Annotated[
    str,
    # The description of the build project (255 characters) has it, and the name of every log stream
    # (512) has it twice; ECS itself would take 255.
    _name(r"[A-Za-z0-9_-]+", "letters, digits, hyphens and underscores, at most 235", 235),
]
ClusterName = Annotated[
    str,
    # A build project, which is named after the cluster, cannot begin with a hyphen or underscore.
    # https://docs.aws.amazon.com/codebuild/latest/APIReference/API_CreateProject.html
    _name(
        r"[A-Za-z0-9][A-Za-z0-9_-]*",
        "letters, digits, hyphens and underscores, a letter or digit first, at most 255",
        255,
    ),
]
_LONGEST_REPOSITORY = 256 - len(builds_repository_name(""))  # of a name ECR takes 256
EcrRepositoryName = Annotated[
    str,
    _name(
        rf"(?=.{{2}}){_ECR_PART}(?:/{_ECR_PART})*",
        f"2 to {_LONGEST_REPOSITORY} lower-case letters and digits, with single . _ - / between "
        "them",
        _LONGEST_REPOSITORY,
    ),
]
NamespaceId = Annotated[str, _name(r"ns-[a-z0-9]+", "the id of a namespace, such as ns-abc123", 64)]
VpcId = Annotated[str, _name(r"vpc-[0-9a-z]+", "the id of a VPC, such as vpc-0abc123", 64)]
SubnetId = Annotated[str, _name(r"subnet-[0-9a-z]+", "ids of subnets, such as subnet-0abc123", 64)]
VpcName = Annotated[str, _name(r"[^*?]+", "the Name tag of one VPC, without wildcards", 256)]

# --- Names in the domain name system --------------------------------------------------------------

_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_EXPECTED_LABEL = (
    "lower-case letters, digits and hyphens, at most 63, "
    "with a letter or digit at both ends (it becomes part of a DNS name)"
)
_NAME_PART = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?")
LONGEST_DNS_NAME = 253  # RFC 1035, as text


def _namespace_labels(value: object) -> tuple[str, ...]:
    labels = distinct_items(str(value))
    if not labels:
        raise InvalidValueError("expected at least one name")
    for label in labels:
        if "." in label:
            raise InvalidValueError(
                f"{shown_item(label)} has a dot; expected the first part alone, for "
                ".<ecs_cluster_name>.local is added to it"
            )
        if not re.fullmatch(_LABEL, label):
            raise InvalidValueError(f"{shown_item(label)}: expected {_EXPECTED_LABEL}")
    return labels


def _namespace_name(text: str) -> str:
    # Cloud Map itself allows more than host names do, and a namespace may be older than we are.
    if len(text) > LONGEST_DNS_NAME or not all(
        _NAME_PART.fullmatch(part) for part in text.split(".")
    ):
        raise InvalidValueError(
            "expected the full name of a namespace, such as default.my-cluster.local"
        )
    return text


DnsLabel = Annotated[str, _name(_LABEL, _EXPECTED_LABEL, 63)]
NamespaceLabels = Annotated[tuple[str, ...], BeforeValidator(_namespace_labels)]
NamespaceName = Annotated[str, AfterValidator(_namespace_name)]

# --- The address range of a VPC -------------------------------------------------------------------

_SUBNETS_PER_ZONE = 2  # one public, one private
_LARGEST_VPC = 16
_SMALLEST_SUBNET = 28  # the limit of Amazon VPC, as for the VPC itself


def _vpc_cidr(text: str) -> str:
    expected = "expected an IPv4 block such as 10.0.0.0/16, from /16 to /28"
    # ip_network also takes netmasks and lone addresses.
    if not re.fullmatch(r"[0-9.]+/[0-9]{1,2}", text):
        raise InvalidValueError(expected)
    try:
        block = ipaddress.IPv4Network(text, strict=False)
    except ValueError:
        raise InvalidValueError(expected) from None
    if not _LARGEST_VPC <= block.prefixlen <= _SMALLEST_SUBNET:
        raise InvalidValueError(expected)
    if text.partition("/")[0] != str(block.network_address):
        raise InvalidValueError(f"the address has host bits set; expected {block}")
    first = block.network_address
    if (
        first.is_loopback
        or first.is_link_local
        or first.is_multicast
        or first.is_reserved
        or int(first) >> 24 == 0
    ):
        raise InvalidValueError("EC2 allows no VPC in this range; expected one such as 10.0.0.0/16")
    return text


def require_room_for_subnets(cidr: str, az_count: int) -> None:
    """Raise an error unless every zone gets a public and a private subnet of at least /28.

    CDK cuts the block into equal subnets whose size is a power of two.
    """
    subnets = _SUBNETS_PER_ZONE * az_count
    largest_prefix = _SMALLEST_SUBNET - math.ceil(math.log2(subnets))
    if int(cidr.partition("/")[2]) > largest_prefix:
        raise InvalidValueError(
            f'too small for the {subnets} subnets of az_count="{az_count}", each at least '
            f"/{_SMALLEST_SUBNET}; expected /{largest_prefix} or larger"
        )


VpcCidr = Annotated[str, AfterValidator(_vpc_cidr)]

# --- What Fargate and CloudWatch Logs offer -------------------------------------------------------

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
_MOST_LISTED = 5


class CpuArchitecture(StrEnum):
    """The processor that the service runs on, and its image is built on."""

    X86_64 = "X86_64"
    ARM64 = "ARM64"


def _cpu_architecture(value: object) -> CpuArchitecture:
    try:
        return CpuArchitecture(str(value).upper())
    except ValueError:
        raise InvalidValueError(f"expected {' or '.join(CpuArchitecture)}") from None


def _one_of(numbers: Sequence[int], unit: str) -> Callable[[object], int]:
    def parse(value: object) -> int:
        if str(value) not in map(str, numbers):
            raise InvalidValueError(f"expected one of {', '.join(map(str, numbers))} ({unit})")
        return int(str(value))

    return parse


def _task_memory(value: object) -> int:
    text = str(value)
    known = {str(memory) for sizes in _MEMORY_BY_CPU.values() for memory in sizes}
    if text not in known:
        raise InvalidValueError(
            "expected a memory size of Fargate in MiB, such as 512, 1024 or 2048"
        )
    return int(text)


def require_fargate_size(cpu: int, memory: int) -> None:
    """Raise an error unless Fargate offers this memory with this CPU."""
    sizes = _MEMORY_BY_CPU[cpu]
    if memory in sizes:
        return
    if isinstance(sizes, range) and len(sizes) > _MOST_LISTED:
        choice = f"{sizes[0]} to {sizes[-1]} in steps of {sizes.step}"
    else:
        choice = f"one of {', '.join(map(str, sizes))}"
    raise InvalidValueError(f'expected {choice} (MiB) with task_cpu="{cpu}"')


TaskCpu = Annotated[int, BeforeValidator(_one_of(tuple(_MEMORY_BY_CPU), "CPU units"))]
TaskMemory = Annotated[int, BeforeValidator(_task_memory)]
Architecture = Annotated[CpuArchitecture, BeforeValidator(_cpu_architecture)]
LogRetentionDays = Annotated[int, BeforeValidator(_one_of(tuple(LOG_RETENTION), "days"))]
Port = Annotated[int, BeforeValidator(whole_number(1, 65535))]
ZoneCount = Annotated[int, BeforeValidator(whole_number(1, 6))]
# With service discovery an ECS service runs at most 1000 tasks, as many as Cloud Map takes.
# https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-quotas.html
TaskCount = Annotated[int, BeforeValidator(whole_number(1, 1000))]
# Fargate stops a container after two minutes at the latest, and the name must have expired by
# then: see the rule in model.py.
DnsTtl = Annotated[int, BeforeValidator(whole_number(0, 100, " (seconds)"))]
StopTimeout = Annotated[int, BeforeValidator(whole_number(20, 120, " (seconds)"))]
