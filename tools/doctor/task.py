"""What tasks start and run with: an execution role that is there, secrets, and managed policies."""

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from botocore.exceptions import ClientError

from settings import ExistingPlatformSettings
from tools.doctor.aws import code_of
from tools.doctor.check import Context, Result, note, ok, problem

_ECS = "ecs-tasks.amazonaws.com"
_ASSUME = frozenset({"sts:AssumeRole", "sts:*", "*"})


@dataclass(frozen=True)
class ExistingExecutionRole:
    """Whether ECS can start tasks with the role; the stack adds the permissions."""

    platform: ExistingPlatformSettings
    what = "existing execution role"

    def examine(self, context: Context) -> Result:
        """Read whom the role trusts."""
        arn = self.platform.ecs_task_execution_role_arn
        name = arn.rpartition("/")[2]
        try:
            role = context.aws.client("iam").get_role(RoleName=name)["Role"]
        except ClientError as error:
            if code_of(error) not in ("NoSuchEntity", "NoSuchEntityException"):
                raise
            return problem(f"there is no role {name}", "correct ecs_task_execution_role_arn")
        if role["Arn"] != arn:
            return problem(
                f"the ARN of the role is {role['Arn']}", "correct ecs_task_execution_role_arn"
            )
        if not any(_trusts_ecs(s) for s in _listed(role["AssumeRolePolicyDocument"]["Statement"])):
            return problem(
                f"{name} does not trust {_ECS}",
                "let it be assumed by that service, or take another",
            )
        return ok(name)


def _trusts_ecs(statement: dict[str, Any]) -> bool:
    principal = statement.get("Principal", {})
    services = _listed(principal.get("Service", [])) if isinstance(principal, dict) else []
    actions = set(_listed(statement.get("Action", [])))
    return statement.get("Effect") == "Allow" and _ECS in services and bool(actions & _ASSUME)


def _listed(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list) else [value]


@dataclass(frozen=True)
class _Secret(ABC):
    """Whether what an environment variable is filled from exists, and whose key it has.

    Its value is not read.
    """

    variable: str
    arn: str
    setting: ClassVar[str]

    @property
    def what(self) -> str:
        """See `Check`."""
        return f"secret of {self.variable}"

    def examine(self, context: Context) -> Result:
        """Look for the secret or the parameter, and whose key it has."""
        found = _stored(self.arn, context)
        if found is None:
            return problem(f"there is no {self.arn}", f"create it, or correct {self.setting}")
        key = _customer_key(found, context)
        return ok("is there") if key is None else self._encrypted_with(key)

    @abstractmethod
    def _encrypted_with(self, key: str) -> Result:
        """Judge a customer managed key."""


@dataclass(frozen=True)
class ContainerSecret(_Secret):
    """One of a container; ``kms_keys`` are the keys with which ECS may decrypt."""

    kms_keys: Collection[str]
    setting = "container_secrets"

    def _encrypted_with(self, key: str) -> Result:
        if key in self.kms_keys:
            return ok("is there, and so is its key")
        return problem(
            f"is encrypted with {key}, with which ECS may not decrypt",
            "add that to container_secrets_kms_keys",
        )


@dataclass(frozen=True)
class BuildSecret(_Secret):
    """One of the build."""

    setting = "build_secrets"

    def _encrypted_with(self, key: str) -> Result:
        # The policy of the key may let the role decrypt nevertheless.
        return note(
            f"is encrypted with {key}, with which the settings let no build decrypt",
            "encrypt it with aws/secretsmanager",
        )


def _stored(arn: str, context: Context) -> Mapping[str, Any] | None:
    """Return what Secrets Manager or Parameter Store tell of it; None if it is not there."""
    if arn.split(":")[2] == "ssm":
        name = arn.partition(":parameter")[2]
        filters = [{"Key": "Name", "Values": [name, name.removeprefix("/")]}]
        reply = context.aws.client("ssm").describe_parameters(ParameterFilters=filters)
        return next(iter(reply["Parameters"]), None)
    try:
        secret = context.aws.client("secretsmanager").describe_secret(
            SecretId=":".join(arn.split(":")[:7])
        )
    except ClientError as error:
        if code_of(error) != "ResourceNotFoundException":
            raise
        return None
    return None if "DeletedDate" in secret else dict(secret)


def _customer_key(stored: Mapping[str, Any], context: Context) -> str | None:
    """Return the key that it is encrypted with; None if that is one of AWS, or there is none."""
    key = stored.get("KmsKeyId") or stored.get("KeyId")
    if not key or key.startswith("alias/aws/"):
        return None
    metadata = context.aws.client("kms").describe_key(KeyId=key)["KeyMetadata"]
    return None if metadata["KeyManager"] == "AWS" else str(metadata["Arn"])


@dataclass(frozen=True)
class ManagedPolicy:
    """Whether a policy that the task role is to have exists."""

    arn: str

    @property
    def what(self) -> str:
        """See `Check`."""
        return f"policy {self.arn.rpartition('/')[2]}"

    def examine(self, context: Context) -> Result:
        """Look for the policy."""
        try:
            context.aws.client("iam").get_policy(PolicyArn=self.arn)
        except ClientError as error:
            if code_of(error) not in ("NoSuchEntity", "NoSuchEntityException"):
                raise
            return problem(f"there is no {self.arn}", "create it, or correct task_role_policy_arns")
        return ok("is there")
