"""What ECS starts tasks with: an execution role that is there already, and containers' secrets."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from settings import ExistingPlatformSettings
from tools.doctor.aws import code_of
from tools.doctor.check import Context, Result, ok, problem

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
class ContainerSecret:
    """Whether what an environment variable is filled from exists, and can be decrypted.

    Its value is not read. `kms_keys` are the customer managed keys that the settings name: ECS may
    decrypt with these only.
    """

    variable: str
    arn: str
    kms_keys: Collection[str]

    @property
    def what(self) -> str:
        """See `Check`."""
        return f"secret of {self.variable}"

    def examine(self, context: Context) -> Result:
        """Look for the secret or the parameter, and whose key it has."""
        is_parameter = self.arn.split(":")[2] == "ssm"
        found = self._parameter(context) if is_parameter else self._secret(context)
        if found is None:
            return problem(f"there is no {self.arn}", "create it, or correct container_secrets")
        key = found.get("KeyId" if is_parameter else "KmsKeyId")
        if not key or key.startswith("alias/aws/"):
            return ok("is there")  # encrypted with the key of AWS, or not at all
        metadata = context.aws.client("kms").describe_key(KeyId=key)["KeyMetadata"]
        if metadata["KeyManager"] == "AWS":
            return ok("is there")
        if metadata["Arn"] in self.kms_keys:
            return ok("is there, and so is its key")
        return problem(
            f"is encrypted with {metadata['Arn']}, with which ECS may not decrypt",
            "add that to container_secrets_kms_keys",
        )

    def _parameter(self, context: Context) -> Mapping[str, Any] | None:
        name = self.arn.partition(":parameter")[2]
        filters = [{"Key": "Name", "Values": [name, name.removeprefix("/")]}]
        reply = context.aws.client("ssm").describe_parameters(ParameterFilters=filters)
        return next(iter(reply["Parameters"]), None)

    def _secret(self, context: Context) -> Mapping[str, Any] | None:
        arn = ":".join(self.arn.split(":")[:7])
        try:
            secret = context.aws.client("secretsmanager").describe_secret(SecretId=arn)
        except ClientError as error:
            if code_of(error) != "ResourceNotFoundException":
                raise
            return None
        return None if "DeletedDate" in secret else dict(secret)
