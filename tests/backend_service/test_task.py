"""The task of a service: its definition, its secrets, and the right to start it."""

from collections.abc import Mapping
from functools import cache
from typing import Any

import pytest
from aws_cdk import Stack
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs

from backend_service.image_repository import ImageRepositories
from backend_service.task import (
    BackendTask,
    start_task_policy,
    start_task_statements,
)
from settings.examples import ACCOUNT, REGION
from tests.synthesis import (
    EXISTING,
    KEY,
    PARAMETER,
    SECRET,
    empty_stack,
    properties_of,
    settings_of,
    synthesise,
    template_of,
)

DEFINITION = "AWS::ECS::TaskDefinition"
POLICY = "AWS::IAM::Policy"
SERVICE = "BackendServiceStack"


@cache
def task(**changes: str) -> dict[str, dict[str, Any]]:
    """Return the resources of a task with an existing execution role, by type."""
    stack = empty_stack()
    settings = settings_of(**EXISTING, **changes)
    BackendTask(
        stack,
        "Task",
        service=settings.service,
        repositories=ImageRepositories(stack, "Repositories", service=settings.service),
    )
    return {resource["Type"]: resource for resource in template_of(stack)["Resources"].values()}


def definition(**changes: str) -> dict[str, Any]:
    return dict(task(**changes)[DEFINITION]["Properties"])


def container(**changes: str) -> dict[str, Any]:
    (only,) = definition(**changes)["ContainerDefinitions"]
    return dict(only)


def environment(**changes: str) -> dict[str, str]:
    return {item["Name"]: item["Value"] for item in container(**changes)["Environment"]}


def test_each_task_runs_the_image_that_is_tagged_live_when_it_starts() -> None:
    """ECS keeps no digest of an older deployment."""
    assert container()["Image"]["Fn::Join"][1][-1] == ":live"
    assert container()["VersionConsistency"] == "disabled"


def test_the_task_has_the_size_and_the_processor_of_the_settings() -> None:
    found = definition(
        task_cpu="512",
        task_memory="2048",
        cpu_architecture="ARM64",
        seed_image="registry.example.com/shop:1",
    )
    assert found["RequiresCompatibilities"] == ["FARGATE"]
    assert (found["Cpu"], found["Memory"]) == ("512", "2048")
    assert found["RuntimePlatform"] == {
        "CpuArchitecture": "ARM64",
        "OperatingSystemFamily": "LINUX",
    }


def test_the_container_listens_on_the_container_port() -> None:
    assert container()["Name"] == "ecsdemo-backend"
    assert container()["PortMappings"] == [{"ContainerPort": 3000, "Protocol": "tcp"}]


def test_the_container_gets_its_name_its_port_and_the_time_to_drain() -> None:
    assert environment() == {
        "SERVICE_NAME": "ecsdemo-backend",
        "SERVICE_PORT": "3000",
        "DRAIN_SECONDS": "75",  # The stop timeout is 90; 15 are for requests that have begun.
    }
    assert container()["StopTimeout"] == 90


def test_the_container_gets_the_variables_of_the_settings() -> None:
    variables = environment(container_environment="LOG_LEVEL=debug")
    assert variables["LOG_LEVEL"] == "debug"
    assert variables["SERVICE_PORT"] == "3000"


@pytest.mark.parametrize(
    "value_from", [SECRET, f"{SECRET}:password::", f"{SECRET}::AWSPREVIOUS:", PARAMETER]
)
def test_secrets_are_references_and_not_plain_variables(value_from: str) -> None:
    secrets = f"DB_PASSWORD={value_from}"
    assert container(container_secrets=secrets)["Secrets"] == [
        {"Name": "DB_PASSWORD", "ValueFrom": value_from}
    ]
    assert "DB_PASSWORD" not in environment(container_secrets=secrets)


@pytest.mark.parametrize(
    ("text", "command"),
    [
        ("curl localhost || exit 1", ["CMD-SHELL", "curl localhost || exit 1"]),
        ('["/check"]', ["CMD", "/check"]),
    ],
)
def test_the_health_check_runs_the_command_of_the_settings(text: str, command: list[str]) -> None:
    assert container(health_check_command=text)["HealthCheck"]["Command"] == command


@pytest.mark.parametrize(("changes", "seconds"), [({}, 30), ({"start_period_seconds": "0"}, 0)])
def test_failures_do_not_count_during_the_start_period(
    changes: dict[str, str], seconds: int
) -> None:
    assert container(**changes)["HealthCheck"]["StartPeriod"] == seconds


def test_without_a_command_there_is_no_health_check() -> None:
    assert "HealthCheck" not in container(health_check_command="")


def test_the_container_logs_to_the_log_group_of_the_stack() -> None:
    log = container()["LogConfiguration"]
    assert log["LogDriver"] == "awslogs"
    assert log["Options"]["awslogs-group"]["Ref"].startswith("TaskLogGroup")
    name = task()["AWS::Logs::LogGroup"]["Properties"]["LogGroupName"]
    assert name == "/ecs/ecs-blueprint-infra/ecsdemo-backend"


def test_the_task_role_has_only_the_policies_of_the_settings() -> None:
    arn = f"arn:aws:iam::{ACCOUNT}:policy/shop/orders-table"
    with_policy = task(task_role_policy_arns=arn)["AWS::IAM::Role"]["Properties"]
    assert with_policy["ManagedPolicyArns"] == [arn]
    assert set(task()["AWS::IAM::Role"]["Properties"]) == {"AssumeRolePolicyDocument"}
    assert "Fn::GetAtt" in definition()["TaskRoleArn"]


def test_ecs_starts_tasks_with_the_execution_role_that_the_settings_name() -> None:
    assert definition()["ExecutionRoleArn"] == EXISTING["ecs_task_execution_role_arn"]
    # IAM knows a role by its name, without its path.
    assert task()[POLICY]["Properties"]["Roles"] == ["TaskExecution"]


@pytest.mark.parametrize("enabled", ["True", "False"])
def test_an_init_process_runs_for_ecs_exec_only(enabled: str) -> None:
    parameters = container(enable_execute_command=enabled).get("LinuxParameters", {})
    assert parameters.get("InitProcessEnabled", False) is (enabled == "True")


SHARED_ROLE = f"arn:aws:iam::{ACCOUNT}:role/team/shared/TaskExecution"


def policy_for(stack: Stack, **changes: str) -> dict[str, Any]:
    """Attach the policy of a service to a shared role; return its properties."""
    statements = start_task_statements(
        stack,
        repository=ecr.Repository.from_repository_name(stack, "Images", "shop"),
        log_group=logs.LogGroup.from_log_group_name(stack, "Logs", "/ecs/shop"),
        service=settings_of(**changes).service,
    )
    start_task_policy(stack, iam.Role.from_role_arn(stack, "Role", SHARED_ROLE), statements)
    return properties_of(stack, POLICY)


def test_the_role_reads_whole_secrets_and_parameters_each_by_the_action_of_its_store() -> None:
    secrets = f"A={SECRET}:user::,B={SECRET}:password::,C={PARAMETER}"
    policy = policy_for(empty_stack(), container_secrets=secrets)
    assert [(s["Action"], s["Resource"]) for s in policy["PolicyDocument"]["Statement"][-2:]] == [
        ("secretsmanager:GetSecretValue", SECRET),
        ("ssm:GetParameters", PARAMETER),
    ]


def test_the_role_may_pull_the_agent_of_guardduty_from_its_repository_only() -> None:
    arn = f"arn:aws:ecr:{REGION}:694911143906:repository/aws-guardduty-agent-fargate"
    statements = task(guardduty_agent_arn=arn)[POLICY]["Properties"]["PolicyDocument"]["Statement"]
    (pull,) = (statement for statement in statements if arn in statement["Resource"])
    assert pull["Action"] == [
        "ecr:BatchCheckLayerAvailability",
        "ecr:BatchGetImage",
        "ecr:GetDownloadUrlForLayer",
    ]


@pytest.mark.parametrize(
    ("secrets", "stores"),
    [
        (f"A={SECRET}", ["secretsmanager"]),
        (f"B={PARAMETER}", ["ssm"]),
        (f"A={SECRET},B={PARAMETER}", ["secretsmanager", "ssm"]),
    ],
)
def test_the_role_may_decrypt_secrets_that_the_stores_return_and_nothing_else(
    secrets: str, stores: list[str]
) -> None:
    policy = policy_for(empty_stack(), container_secrets=secrets, container_secrets_kms_keys=KEY)
    statement = policy["PolicyDocument"]["Statement"][-1]
    assert (statement["Action"], statement["Resource"]) == ("kms:Decrypt", KEY)
    via = statement["Condition"]["StringEquals"]["kms:ViaService"]
    suffix = {"Ref": "AWS::URLSuffix"}
    assert (via if isinstance(via, list) else [via]) == [
        {"Fn::Join": ["", [f"{store}.eu-west-1.", suffix]]} for store in stores
    ]


def test_two_services_that_share_a_role_have_policies_with_different_names() -> None:
    one, two = (policy_for(empty_stack(name)) for name in ("One", "Two"))
    assert one["Roles"] == two["Roles"]
    assert one["PolicyName"] != two["PolicyName"]


def test_the_same_service_in_two_regions_has_policies_with_different_names() -> None:
    names = {
        policy_for(empty_stack(region=region))["PolicyName"]
        for region in ("eu-west-1", "eu-central-1")
    }
    assert len(names) == 2


def test_iam_accepts_the_longest_policy_name() -> None:
    assert len(policy_for(empty_stack("x" * 128))["PolicyName"]) <= 128


def policy_to_start(changes: Mapping[str, str]) -> dict[str, Any]:
    """Return the policy with which ECS starts the tasks of a whole service stack."""
    (policy,) = (
        policy["Properties"]
        for policy in synthesise(**changes).resources(SERVICE, POLICY).values()
        if policy["Properties"]["PolicyName"].startswith(("TaskExecutionRole", SERVICE))
    )
    return dict(policy)


def test_without_a_named_role_the_service_has_one_of_its_own() -> None:
    role = synthesise().only(SERVICE, DEFINITION)["ExecutionRoleArn"]["Fn::GetAtt"][0]
    assert policy_to_start({})["Roles"] == [{"Ref": role}]
    trust = synthesise().resources(SERVICE, "AWS::IAM::Role")[role]["Properties"]
    (statement,) = trust["AssumeRolePolicyDocument"]["Statement"]
    assert statement["Principal"] == {"Service": "ecs-tasks.amazonaws.com"}
    synthesise().core.resource_count_is(POLICY, 1)  # That is the policy of the flow logs.


def test_a_role_that_the_settings_name_gets_the_same_permissions_and_is_passed() -> None:
    own, named = policy_to_start({}), policy_to_start(EXISTING)
    assert named["PolicyDocument"] == own["PolicyDocument"]
    assert named["Roles"] == ["TaskExecution"]
    arn = EXISTING["ecs_task_execution_role_arn"]
    together = synthesise(ecs_task_execution_role_arn=arn)
    assert together.only(SERVICE, DEFINITION)["ExecutionRoleArn"] == arn
    (passed,) = (
        statement["Resource"]
        for policy in together.resources(SERVICE, POLICY).values()
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]
        if statement["Action"] == "iam:PassRole"
    )
    task_role = together.only(SERVICE, DEFINITION)["TaskRoleArn"]
    assert passed == [arn, task_role]
