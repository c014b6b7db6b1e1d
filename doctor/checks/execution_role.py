"""The task execution role that is there already."""

from typing import Any

from botocore.exceptions import ClientError

from doctor.answer import Answer, not_checked, ok, problem
from doctor.check import Case
from doctor.refusal import code_of

_ECS = "ecs-tasks.amazonaws.com"
_ASSUME = frozenset({"sts:AssumeRole", "sts:*", "*"})


class ExecutionRole:
    """Whether ECS can start tasks with the role; the stack adds the permissions."""

    what = "existing execution role"

    def examine(self, case: Case) -> Answer:
        """Read whom the role trusts."""
        existing = case.settings.existing_platform
        if existing is None:
            return not_checked("there is no existing role")
        arn = existing.ecs_task_execution_role_arn
        name = arn.rpartition("/")[2]
        try:
            role = case.aws.client("iam").get_role(RoleName=name)["Role"]
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
