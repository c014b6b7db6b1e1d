"""What a container or a build finds in its environment: plain values, and secrets by their ARN.

No message here repeats a value: an entry is named by its name, or by its position if even its
name may be a piece of a value (a comma inside a password splits it in two).
"""

import re
from collections.abc import Mapping
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
    r"|IMAGE_DEFINITIONS_FILE|IMAGE|PATH|HOME|(?:AWS|BUILDX|CODEBUILD|DOCKER)_.*"
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
    pairs = _pairs(str(value), _OF_THE_BUILD, "the build")
    return _with_arns(pairs, info, parameters=False)


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


ContainerEnvironment = Annotated[Mapping[str, str], PlainValidator(_environment)]
ContainerSecrets = Annotated[Mapping[str, str], PlainValidator(_container_secrets)]
BuildSecrets = Annotated[Mapping[str, str], PlainValidator(_build_secrets)]
