"""What the container and the build are given: commands, variables, and secrets by their ARN.

The report does not repeat the values of variables. A message names an entry by its name, or by its
position if it has no proper name (a comma inside a password splits it into two entries).
"""

import json
import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated

from pydantic import BeforeValidator, PlainValidator, ValidationInfo

from .aws_types import ArnForm
from .parsing import items_of, require_usable
from .redaction import has_credential, is_credential_variable
from .report import InvalidValueError

VARIABLE_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_SET_BY_TASK = re.compile(r"SERVICE_NAME|SERVICE_PORT|DRAIN_SECONDS")
# The build project sets some of these; the tools of a build read the others.
_SET_BY_BUILD = re.compile(
    r"(?:LIVE_)?REPO_URL|LIVE_TAG|CONTAINER_NAME|SERVICE_PORT|FOLDER_PATH|DOCKERFILE_PATH"
    r"|TAGGED|IMAGE|PATH|HOME|(?:AWS|BUILDX|CODEBUILD|DOCKER)_.*"
)

_BUILD_SECRET = ArnForm(
    resource=r"secretsmanager:secret:[A-Za-z0-9/_+=.@-]+-[A-Za-z0-9]{6}"  # AWS adds the six
    r"(?::[^:,]*:[^:,]*:[^:,]*)?",  # JSON key, version stage, version id
    expected="the complete ARN of a Secrets Manager secret (with its six last characters)",
)
_CONTAINER_SECRET = ArnForm(
    resource=rf"{_BUILD_SECRET.resource}|ssm:parameter/[A-Za-z0-9_.-]+(?:/[A-Za-z0-9_.-]+)*",
    expected=f"{_BUILD_SECRET.expected} or of an SSM parameter",
)

# ECS accepts task definitions of 64 KiB. 20 KiB remain for the secrets, the health check, and the
# rest. https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-quotas.html
_LARGEST_ENVIRONMENT = 45_056

# IAM limits the characters of all inline policies of a role, without white space.
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
_LARGEST_POLICIES = 10_240
# How long the two policies can be at most without the ARNs of secrets and parameters: the policy
# to start tasks (with the ARNs of four KMS keys and of GuardDuty's agent), and that of the build.
_START_POLICY_TEXT = 1_600
_BUILD_POLICY_TEXT = 1_900


def _command(value: object) -> tuple[str, ...] | None:
    text = str(value)
    if has_credential(text):
        raise InvalidValueError(
            "seems to contain a credential, which everyone who may read the template would see; "
            "name its ARN in container_secrets, and write $NAME here"
        )
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


def _pairs(text: str, reserved: re.Pattern[str], reserved_by: str) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for position, item in enumerate(items_of(text), start=1):
        name, equals, value = (part.strip() for part in item.partition("="))
        if not equals or not VARIABLE_NAME.fullmatch(name):
            raise InvalidValueError(
                f"entry {position} is not of the form NAME=value (values cannot contain commas; "
                "names are letters, digits and underscores)"
            )
        if name in pairs:
            raise InvalidValueError(f"{name} appears twice; keep one")
        if reserved.fullmatch(name):
            raise InvalidValueError(f"{name} is set by {reserved_by}; leave it out")
        pairs[name] = value
    return pairs


def _container_environment(value: object, info: ValidationInfo) -> Mapping[str, str]:
    pairs = _pairs(str(value), _SET_BY_TASK, "the task definition")
    in_file = info.data.get("container_environment_file", {})
    wrong = [f"{name} {why}" for name, text in pairs.items() if (why := objection_to(name, text))]
    wrong += [
        f"{name} is in container_environment_file too; keep one" for name in pairs.keys() & in_file
    ]
    if wrong:
        raise InvalidValueError(". ".join(sorted(wrong)))
    pairs |= in_file
    entries = [{"name": name, "value": text} for name, text in pairs.items()]
    size = len(json.dumps(entries, ensure_ascii=False).encode())
    if size > _LARGEST_ENVIRONMENT:
        raise InvalidValueError(
            f"needs {size} bytes of the task definition; expected at most {_LARGEST_ENVIRONMENT}"
        )
    return MappingProxyType(pairs)


def objection_to(name: str, text: str) -> str | None:
    """Say why the container cannot have a variable in plain text, or return None if it can."""
    if _SET_BY_TASK.fullmatch(name):
        return "is set by the task definition; leave it out"
    if is_credential_variable(name, text):
        return (
            "looks like a credential, which everyone who may read the template would see; store "
            "it in Secrets Manager and name its ARN in container_secrets"
        )
    try:
        # Only a file can give a value several lines, and there they are meant.
        require_usable(text.replace("\n", " ").replace("\t", " "))
    except InvalidValueError as error:
        return str(error)
    return None


def _secrets(
    form: ArnForm, other_text: int, reserved: re.Pattern[str], reserved_by: str
) -> PlainValidator:
    """Return a parser of secrets: all are ARNs of the form, and one policy has room for them."""

    def parse(value: object, info: ValidationInfo) -> Mapping[str, str]:
        pairs = _pairs(str(value), reserved, reserved_by)
        for name, arn in pairs.items():
            try:
                form.require(arn, info)
            except InvalidValueError as error:
                raise InvalidValueError(f"{name}: {error}") from None
        # The policy names each secret once, without its JSON key, version stage and version id.
        arns = {":".join(arn.split(":")[:7]) for arn in pairs.values()}
        size = sum(len(arn) + len('"",') for arn in arns)
        most = _LARGEST_POLICIES - other_text
        if size > most:
            raise InvalidValueError(
                f"the policy of the role needs {size} characters for the ARNs; expected at most "
                f"{most}: put several values into one JSON secret"
            )
        return MappingProxyType(pairs)

    return PlainValidator(parse)


ContainerCommand = Annotated[tuple[str, ...] | None, BeforeValidator(_command)]
VariablesOfFile = Annotated[Mapping[str, str], PlainValidator(lambda v: MappingProxyType(dict(v)))]
ContainerEnvironment = Annotated[Mapping[str, str], PlainValidator(_container_environment)]
ContainerSecrets = Annotated[
    Mapping[str, str],
    _secrets(_CONTAINER_SECRET, _START_POLICY_TEXT, _SET_BY_TASK, "the task definition"),
]
BuildSecrets = Annotated[
    Mapping[str, str], _secrets(_BUILD_SECRET, _BUILD_POLICY_TEXT, _SET_BY_BUILD, "the build")
]
