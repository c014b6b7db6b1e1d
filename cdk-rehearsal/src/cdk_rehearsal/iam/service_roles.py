"""The calls that AWS's services make with the roles that were passed to them.

ECS assumes the roles of a task and makes calls that no client sees. The pages of AWS that are named
here list them. They need permissions like other calls, and fail as on AWS.
"""

import re
from collections.abc import Iterator
from typing import Any

from ministack.core.responses import get_account_id, get_region
from ministack.services import iam

from cdk_rehearsal.iam.calls import Check
from cdk_rehearsal.iam.judge import Refusal, require, trusts
from cdk_rehearsal.iam.policies import Caller
from cdk_rehearsal.iam.principals import Principal, policy_of_resource, principal_of_role

_TASKS = "ecs-tasks.amazonaws.com"
_OWN_IMAGE = re.compile(
    r"(?P<account>\d{12})\.dkr\.ecr\.(?P<region>[^.]+)\.amazonaws\.com/(?P<name>[^:@]+)"
)


class CannotAssumeError(Exception):
    """The role does not exist, or does not trust the service."""


def as_service(role_arn: str, service: str, session: str) -> Principal:
    """Return the principal of a service that has assumed a role."""
    role = iam._roles.get(role_arn.rpartition("/")[2])
    trust, _ = policy_of_resource("sts:AssumeRole", role_arn)
    if role is None or not trusts(trust, service, role_arn):
        raise CannotAssumeError(f"{service} is unable to assume the role '{role_arn}'")
    arn = f"arn:aws:sts::{get_account_id()}:assumed-role/{role['RoleName']}/{session}"
    return principal_of_role(role, Caller(account=get_account_id(), arn=arn, role=role["Arn"]))


def reason_not_to_start(definition: dict[str, Any], task: str) -> str:
    """Return why ECS cannot start a task with the roles of its definition; empty if it can.

    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task_execution_IAM_role.html
    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/resource-initialization-error.html
    """
    try:
        if role := definition.get("taskRoleArn"):
            as_service(role, _TASKS, task)
        if not (role := definition.get("executionRoleArn")):
            return ""
        principal = as_service(role, _TASKS, task)
    except CannotAssumeError as error:
        return f"ECS was {error}"
    for what, check in _before_the_task(definition, task):
        try:
            require(principal, check)
        except Refusal as refusal:
            return f"{what}: {refusal}"
    return ""


def _before_the_task(definition: dict[str, Any], task: str) -> Iterator[tuple[str, Check]]:
    for container in definition.get("containerDefinitions", []):
        yield from _pull(container["image"])
        for secret in container.get("secrets", []):
            yield _secret(secret["valueFrom"])
        yield from _log(container, task)


def _pull(image: str) -> Iterator[tuple[str, Check]]:
    """Yield the permissions for a pull from this account's registry; others need no role.

    https://docs.aws.amazon.com/AmazonECR/latest/userguide/ECR_on_ECS.html
    """
    own = _OWN_IMAGE.match(image)
    if not own or own["account"] != get_account_id():
        return
    unable = "ResourceInitializationError: unable to pull secrets or registry auth"
    yield unable, Check(action="ecr:GetAuthorizationToken", resource="*")
    arn = f"arn:aws:ecr:{own['region']}:{own['account']}:repository/{own['name']}"
    for action in ("ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"):
        yield f"CannotPullContainerError: {image}", Check(action=action, resource=arn)


def _secret(value_from: str) -> tuple[str, Check]:
    """Return the permission for a secret of Secrets Manager or a parameter.

    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/specifying-sensitive-data.html
    """
    unable = "ResourceInitializationError: unable to pull secrets or registry auth"
    if ":secretsmanager:" in value_from:
        # A key, a stage and a version may follow the ARN, which has seven parts.
        arn = ":".join(value_from.split(":")[:7])
        return unable, Check(action="secretsmanager:GetSecretValue", resource=arn)
    name = value_from.removeprefix("/")
    arn = f"arn:aws:ssm:{get_region()}:{get_account_id()}:parameter/{name}"
    resource = value_from if value_from.startswith("arn:") else arn
    return unable, Check(action="ssm:GetParameters", resource=resource)


def _log(container: dict[str, Any], task: str) -> Iterator[tuple[str, Check]]:
    """Yield the permissions of the awslogs driver.

    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/using_awslogs.html
    """
    configuration = container.get("logConfiguration", {})
    if configuration.get("logDriver") != "awslogs":
        return
    options = configuration["options"]
    stream = f"{options.get('awslogs-stream-prefix', '')}/{container['name']}/{task}"
    group = f"log-group:{options['awslogs-group']}:log-stream:{stream}"
    arn = f"arn:aws:logs:{options.get('awslogs-region', get_region())}:{get_account_id()}:{group}"
    unable = "ResourceInitializationError: failed to validate logger args"
    actions = ["logs:CreateLogStream", "logs:PutLogEvents"]
    if options.get("awslogs-create-group") == "true":
        actions.insert(0, "logs:CreateLogGroup")
    for action in actions:
        yield unable, Check(action=action, resource=arn)
