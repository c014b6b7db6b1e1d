"""What a container or a build finds in its environment: plain values, and secrets by their ARN.

No message here repeats a value: an entry is named by its name, or by its position if even its
name may be a piece of a value (a comma inside a password splits it in two).
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Annotated

from pydantic import PlainValidator, ValidationInfo

from .aws_types import AwsEnvironment, require_arn
from .parsing import has_placeholder, items_of
from .redaction import is_credential_variable
from .report import InvalidValueError

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_OF_THE_TASK = re.compile(r"SERVICE_NAME|SERVICE_PORT|DRAIN_SECONDS")
# Also what the tools of a build take from their environment.
_OF_THE_BUILD = re.compile(
    r"(?:LIVE_)?REPO_URL|LIVE_TAG|CONTAINER_NAME|SERVICE_PORT|FOLDER_PATH|DOCKERFILE_PATH"
    r"|TAGGED|IMAGE|PATH|HOME|(?:AWS|BUILDX|CODEBUILD|DOCKER)_.*"
)

_IN_SECRETS_MANAGER = (
    r"secret:[A-Za-z0-9/_+=.@-]+-[A-Za-z0-9]{6}"  # a name ends with six random characters
    r"(?::[^:,]*:[^:,]*:[^:,]*)?"  # JSON key, version stage, version id
)
_IN_PARAMETER_STORE = r"parameter/[A-Za-z0-9_.-]+(?:/[A-Za-z0-9_.-]+)*"


def _pairs(text: str, reserved: re.Pattern[str], reserved_by: str) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for position, item in enumerate(items_of(text), start=1):
        name, equals, value = (part.strip() for part in item.partition("="))
        if not equals or not _NAME.fullmatch(name):
            raise InvalidValueError(
                f"entry {position} is not of the form NAME=value (values cannot contain commas; "
                "names are letters, digits and underscores)"
            )
        if name in pairs:
            raise InvalidValueError(f"{name} is there twice; keep one")
        if reserved.fullmatch(name):
            raise InvalidValueError(f"{name} is set by {reserved_by}; leave it out")
        pairs[name] = value
    return pairs


def _environment(value: object) -> Mapping[str, str]:
    pairs = _pairs(str(value), _OF_THE_TASK, "the task definition")
    credentials = [name for name, text in pairs.items() if is_credential_variable(name, text)]
    if credentials:
        raise InvalidValueError(
            f"{', '.join(credentials)}: looks like a credential, which everyone who may read "
            "the template would see; store it in Secrets Manager and name its ARN in "
            "container_secrets"
        )
    for name, text in pairs.items():
        if has_placeholder(text):
            raise InvalidValueError(f"{name} is still a placeholder; fill it in")
    return MappingProxyType(pairs)


def _container_secrets(value: object, info: ValidationInfo) -> Mapping[str, str]:
    pairs = _pairs(str(value), _OF_THE_TASK, "the task definition")
    return _with_arns(pairs, info, parameters=True)


def _build_secrets(value: object, info: ValidationInfo) -> Mapping[str, str]:
    secrets = _with_arns(_pairs(str(value), _OF_THE_BUILD, "the build"), info, parameters=False)
    arns = {":".join(arn.split(":")[:7]) for arn in secrets.values()}  # what follows says which key
    size = sum(len(arn) + len('"",') for arn in arns)
    most = LARGEST_ROLE_POLICIES - _LARGEST_REST_OF_BUILD
    if size > most:
        raise InvalidValueError(
            f"the role of the build would need {size} characters for their ARNs in its policy; "
            f"expected at most {most} of the {LARGEST_ROLE_POLICIES} that IAM allows a role"
        )
    return secrets


def _with_arns(
    pairs: Mapping[str, str], info: ValidationInfo, *, parameters: bool
) -> Mapping[str, str]:
    for name, arn in pairs.items():
        is_parameter = parameters and arn.startswith("arn:") and ":ssm:" in arn
        try:
            require_arn(
                arn,
                AwsEnvironment.of(info),
                services=("ssm",) if is_parameter else ("secretsmanager",),
                resource=_IN_PARAMETER_STORE if is_parameter else _IN_SECRETS_MANAGER,
                expected="the complete ARN of a Secrets Manager secret (with its six last "
                "characters)" + " or of an SSM parameter" * parameters,
            )
        except InvalidValueError as error:
            raise InvalidValueError(f"{name}: {error}") from None
    return MappingProxyType(pairs)


# Amazon ECS service quotas: a task definition has at most 64 KiB. What else is in ours, names and
# ARNs above all, takes less than 6 of them.
# https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-quotas.html
_LARGEST_DEFINITION = 65_536
_LARGEST_REST = 6144


def require_room_in_task_definition(
    environment: Mapping[str, str],
    secrets: Mapping[str, str],
    health_check_command: Sequence[str] | None,
) -> None:
    """Raise an error unless ECS takes a task definition that has all of this in it."""
    texts: list[object] = [{"name": name, "value": text} for name, text in environment.items()]
    texts += [{"name": name, "valueFrom": arn} for name, arn in secrets.items()]
    size = len(json.dumps([*texts, health_check_command or ()], ensure_ascii=False).encode())
    most = _LARGEST_DEFINITION - _LARGEST_REST
    if size > most:
        raise InvalidValueError(
            f"container_environment, container_secrets and health_check_command take {size} bytes "
            f"of the task definition; expected at most {most}"
        )


LARGEST_ROLE_POLICIES = 10_240
"""What the inline policies of a role may have together, in characters without white space.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html"""

_LARGEST_REST_OF_BUILD = 2740
"""Room for what else is in the policy of the role that builds."""

_POLICY_TEXT = 400
"""How long the policy is with which ECS starts tasks, without the names in it."""
_TEXT_OF_STATEMENT = {"secretsmanager": 77, "ssm": 65, "kms": 196}
"""How much longer it gets by a statement about secrets, parameters or keys, without their ARNs."""


def size_of_start_policy(names: Iterable[str], arns: Iterable[str]) -> int:
    """Return how long the policy is at most with which ECS starts tasks, as IAM counts it.

    `names` are those in its ARNs of the repository and the log group, `arns` those of secrets,
    parameters and keys, of which each counts once.
    """
    distinct = set(arns)
    stores = {arn.split(":")[2] for arn in distinct}
    return (
        _POLICY_TEXT
        + sum(map(len, names))
        + sum(_TEXT_OF_STATEMENT[store] for store in stores)
        + sum(len(arn) + len('"",') for arn in distinct)
    )


ContainerEnvironment = Annotated[Mapping[str, str], PlainValidator(_environment)]
ContainerSecrets = Annotated[Mapping[str, str], PlainValidator(_container_secrets)]
BuildSecrets = Annotated[Mapping[str, str], PlainValidator(_build_secrets)]
