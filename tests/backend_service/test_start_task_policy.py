"""The right to start the tasks of one service, on a role that may be shared."""

from collections.abc import Mapping
from typing import Any

import pytest
from aws_cdk import App, Stack
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs

from backend_service.start_task_policy import StartTaskPolicy
from rehearsal.sample_settings import ACCOUNT
from tests.synthesis import (
    EXISTING,
    ISOLATED,
    PARAMETER,
    SECRET,
    empty_stack,
    properties_of,
    synthesise,
)

SERVICE = "BackendServiceStack"
POLICY = "AWS::IAM::Policy"
SHARED_ROLE = f"arn:aws:iam::{ACCOUNT}:role/team/shared/TaskExecution"


def attach(
    stack: Stack, *, secrets: tuple[str, ...] = (), parameters: tuple[str, ...] = ()
) -> None:
    """Attach the policy of a service to the shared role."""
    StartTaskPolicy(
        stack,
        "StartTask",
        role=iam.Role.from_role_arn(stack, "Shared", SHARED_ROLE, mutable=False),
        repository=ecr.Repository.from_repository_name(stack, "Images", "shop"),
        log_group=logs.LogGroup.from_log_group_name(stack, "Logs", "/ecs/shop"),
        secret_arns=secrets,
        parameter_arns=parameters,
    )


def start_task_policy(stack: Stack, **named: tuple[str, ...]) -> dict[str, Any]:
    """Attach the policy of a service to the shared role; return its properties."""
    attach(stack, **named)
    return properties_of(stack, POLICY)


def own_policy(changes: Mapping[str, str]) -> dict[str, Any]:
    """Return the policy with which the tasks of a whole service stack start."""
    policies = [
        policy["Properties"]
        for policy in synthesise(**changes).resources(SERVICE, POLICY).values()
        if "StartTask" in policy["Properties"]["PolicyName"]
    ]
    (policy,) = policies
    return dict(policy)


def test_it_may_pull_from_the_repository_and_write_to_the_log_group_only() -> None:
    sign_in, pull, log = start_task_policy(empty_stack())["PolicyDocument"]["Statement"]
    assert sign_in["Action"] == "ecr:GetAuthorizationToken"
    assert pull["Action"] == [
        "ecr:BatchCheckLayerAvailability",
        "ecr:BatchGetImage",
        "ecr:GetDownloadUrlForLayer",
    ]
    assert pull["Resource"] == f"arn:aws:ecr:eu-west-1:{ACCOUNT}:repository/shop"
    assert log["Action"] == ["logs:CreateLogStream", "logs:PutLogEvents"]
    assert log["Resource"] == f"arn:aws:logs:eu-west-1:{ACCOUNT}:log-group:/ecs/shop:*"


def test_it_may_read_exactly_the_secrets_that_the_container_uses() -> None:
    policy = start_task_policy(empty_stack(), secrets=(SECRET, SECRET), parameters=(PARAMETER,))
    assert policy["PolicyDocument"]["Statement"][3:] == [
        {"Action": "secretsmanager:GetSecretValue", "Effect": "Allow", "Resource": SECRET},
        {"Action": "ssm:GetParameters", "Effect": "Allow", "Resource": PARAMETER},
    ]


def test_an_imported_role_is_named_without_its_path() -> None:
    assert start_task_policy(empty_stack())["Roles"] == ["TaskExecution"]


def test_two_services_that_share_a_role_do_not_overwrite_each_other() -> None:
    app = App(analytics_reporting=False)
    stacks = [empty_stack(name, scope=app) for name in ("One", "Two")]
    for stack in stacks:
        attach(stack)
    one, two = (properties_of(stack, POLICY) for stack in stacks)
    assert one["Roles"] == two["Roles"]
    assert one["PolicyName"] != two["PolicyName"]


def test_one_role_can_start_the_same_service_in_two_regions() -> None:
    names = {
        start_task_policy(empty_stack(region=region))["PolicyName"]
        for region in ("eu-west-1", "eu-central-1")
    }
    assert len(names) == 2


@pytest.mark.parametrize("name", ["BackendServiceStack", "x" * 128])
def test_the_policy_name_is_one_that_iam_takes(name: str) -> None:
    assert len(start_task_policy(empty_stack(name))["PolicyName"]) <= 128


def test_the_role_of_the_core_stack_gets_the_policy_from_the_stack_of_the_service() -> None:
    role = synthesise().only(SERVICE, "AWS::ECS::TaskDefinition")["ExecutionRoleArn"]
    (name,) = own_policy({})["Roles"]
    in_arn = name["Fn::Select"][1]["Fn::Split"][1]["Fn::Select"][1]["Fn::Split"][1]
    assert in_arn == role  # the name is cut out of the ARN that the task definition names
    synthesise().core.resource_count_is(POLICY, 1)  # of the flow logs


def test_with_an_imported_role_the_same_rights_are_there() -> None:
    own, imported = own_policy({}), own_policy(EXISTING)
    assert imported["PolicyDocument"] == own["PolicyDocument"]
    assert imported["Roles"] == ["TaskExecution"]


def test_the_secrets_of_the_settings_are_readable() -> None:
    statements = own_policy(ISOLATED)["PolicyDocument"]["Statement"]
    assert {"secretsmanager:GetSecretValue", "ssm:GetParameters"} <= {
        str(statement["Action"]) for statement in statements
    }
