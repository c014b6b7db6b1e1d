"""What tasks start and run with: an execution role that is there, secrets, and managed policies."""

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
    """Whether what an environment variable is filled from exists; its value is not read.

    `setting` is the key that names it.
    """

    variable: str
    arn: str
    setting: str = "container_secrets"

    @property
    def what(self) -> str:
        """See `Check`."""
        return f"secret of {self.variable}"

    def examine(self, context: Context) -> Result:
        """Look for the secret or the parameter."""
        if self.arn.split(":")[2] == "ssm":
            name = self.arn.partition(":parameter")[2]
            filters = [{"Key": "Name", "Values": [name, name.removeprefix("/")]}]
            reply = context.aws.client("ssm").describe_parameters(ParameterFilters=filters)
            there = bool(reply["Parameters"])
        else:
            there = self._is_secret(context)
        if there:
            return ok("is there")
        return problem(f"there is no {self.arn}", f"create it, or correct {self.setting}")

    def _is_secret(self, context: Context) -> bool:
        arn = ":".join(self.arn.split(":")[:7])
        try:
            secret = context.aws.client("secretsmanager").describe_secret(SecretId=arn)
        except ClientError as error:
            if code_of(error) != "ResourceNotFoundException":
                raise
            return False
        return "DeletedDate" not in secret


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
