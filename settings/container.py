"""What a container finds in its environment: plain values, and secrets by their ARN.

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
# The task definition sets these itself.
_RESERVED = frozenset({"SERVICE_NAME", "SERVICE_PORT", "DRAIN_SECONDS"})

_IN_SECRETS_MANAGER = (
    r"secret:[A-Za-z0-9/_+=.@-]+-[A-Za-z0-9]{6}"  # a name ends with six random characters
    r"(?::[^:,]*:[^:,]*:[^:,]*)?"  # JSON key, version stage, version id
)
_IN_PARAMETER_STORE = r"parameter/[A-Za-z0-9_.-]+(?:/[A-Za-z0-9_.-]+)*"


def _pairs(text: str) -> dict[str, str]:
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
        if name in _RESERVED:
            raise InvalidValueError(f"{name} is set by the task definition; leave it out")
        pairs[name] = value
    return pairs


def _environment(value: object) -> Mapping[str, str]:
    pairs = _pairs(str(value))
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


def _secrets(value: object, info: ValidationInfo) -> Mapping[str, str]:
    pairs = _pairs(str(value))
    for name, arn in pairs.items():
        is_parameter = arn.startswith("arn:") and ":ssm:" in arn
        try:
            require_arn(
                arn,
                AwsEnvironment.of(info),
                services=("ssm",) if is_parameter else ("secretsmanager",),
                resource=_IN_PARAMETER_STORE if is_parameter else _IN_SECRETS_MANAGER,
                expected="the complete ARN of a Secrets Manager secret (with its six last "
                "characters) or of an SSM parameter",
            )
        except InvalidValueError as error:
            raise InvalidValueError(f"{name}: {error}") from None
    return MappingProxyType(pairs)


ContainerEnvironment = Annotated[Mapping[str, str], PlainValidator(_environment)]
ContainerSecrets = Annotated[Mapping[str, str], PlainValidator(_secrets)]
