"""The task of a service: its definition, its secrets, and the right to start it."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from aws_cdk import App, CfnResource, Duration, Stack
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs

from backend_service.task import BackendTask, ContainerSecrets, StartTaskPolicy
from settings.examples import ACCOUNT
from tests.synthesis import (
    EXISTING,
    ISOLATED,
    KEY,
    PARAMETER,
    SECRET,
    empty_stack,
    properties_of,
    synthesise,
    template_of,
)

EXECUTION_ROLE = f"arn:aws:iam::{ACCOUNT}:role/shared/TaskExecution"
DEFINITION = "AWS::ECS::TaskDefinition"


def task(
    *,
    health_check_command: Sequence[str] | None = None,
    environment: Mapping[str, str] | None = None,
    secrets: Mapping[str, str] | None = None,
    init_process: bool = False,
    role_policy_arns: Sequence[str] = (),
) -> dict[str, dict[str, Any]]:
    """Return the resources of a task by type."""
    stack = empty_stack()
    BackendTask(
        stack,
        "Task",
        family="cluster-shop",
        service_name="shop",
        execution_role=iam.Role.from_role_arn(stack, "Role", EXECUTION_ROLE, mutable=False),
        repository=ecr.Repository(stack, "Repository", repository_name="images"),
        cpu=512,
        memory_mib=2048,
        arm64=True,
        container_name="web",
        container_port=8080,
        health_check_command=health_check_command,
        environment=environment or {},
        secrets=secrets or {},
        stop_timeout=Duration.seconds(90),
        init_process=init_process,
        role_policy_arns=role_policy_arns,
        log_group_name="/ecs/cluster/shop",
        log_retention=logs.RetentionDays.ONE_WEEK,
    )
    return {resource["Type"]: resource for resource in template_of(stack)["Resources"].values()}


@pytest.fixture(scope="module")
def plain() -> dict[str, dict[str, Any]]:
    return task()


def definition(resources: dict[str, dict[str, Any]]) -> dict[str, Any]:
    return dict(resources[DEFINITION]["Properties"])


def container(resources: dict[str, dict[str, Any]]) -> dict[str, Any]:
    (only,) = definition(resources)["ContainerDefinitions"]
    return dict(only)


def environment(resources: dict[str, dict[str, Any]]) -> dict[str, str]:
    return {item["Name"]: item["Value"] for item in container(resources)["Environment"]}


def test_the_container_always_runs_the_image_that_is_tagged_live(plain: dict[str, Any]) -> None:
    assert container(plain)["Image"]["Fn::Join"][1][-1] == ":live"


def test_the_task_has_the_size_and_processor_that_was_asked_for(plain: dict[str, Any]) -> None:
    task_definition = definition(plain)
    assert task_definition["RequiresCompatibilities"] == ["FARGATE"]
    assert (task_definition["Cpu"], task_definition["Memory"]) == ("512", "2048")
    assert task_definition["RuntimePlatform"] == {
        "CpuArchitecture": "ARM64",
        "OperatingSystemFamily": "LINUX",
    }


def test_the_container_listens_on_the_port(plain: dict[str, Any]) -> None:
    assert container(plain)["Name"] == "web"
    assert container(plain)["PortMappings"] == [{"ContainerPort": 8080, "Protocol": "tcp"}]


def test_the_container_is_told_who_it_is_where_it_listens_and_how_long_it_drains(
    plain: dict[str, Any],
) -> None:
    assert environment(plain) == {
        "SERVICE_NAME": "shop",
        "SERVICE_PORT": "8080",
        "DRAIN_SECONDS": "75",  # of the stop timeout of 90, all but 15 for what has begun by then
    }


def test_variables_of_the_settings_are_added() -> None:
    told = environment(task(environment={"LOG_LEVEL": "debug"}))
    assert told["LOG_LEVEL"] == "debug"
    assert told["SERVICE_PORT"] == "8080"


def test_secrets_are_references_and_never_plain_variables() -> None:
    resources = task(secrets={"DB_PASSWORD": SECRET})
    assert container(resources)["Secrets"] == [{"Name": "DB_PASSWORD", "ValueFrom": SECRET}]
    assert "DB_PASSWORD" not in environment(resources)


@pytest.mark.parametrize("command", [["CMD-SHELL", "curl localhost || exit 1"], ["CMD", "/check"]])
def test_the_health_check_runs_as_it_is_given(command: list[str]) -> None:
    assert container(task(health_check_command=command))["HealthCheck"]["Command"] == command


def test_without_a_command_there_is_no_health_check(plain: dict[str, Any]) -> None:
    assert "HealthCheck" not in container(plain)


def test_a_stopping_task_gets_the_time_to_drain(plain: dict[str, Any]) -> None:
    assert container(plain)["StopTimeout"] == 90


def test_the_log_has_a_retention_and_is_deleted_with_the_stack(plain: dict[str, Any]) -> None:
    log_group = plain["AWS::Logs::LogGroup"]
    assert log_group["Properties"] == {"LogGroupName": "/ecs/cluster/shop", "RetentionInDays": 7}
    assert log_group["DeletionPolicy"] == "Delete"


def test_the_container_logs_to_the_log_group_of_the_stack(plain: dict[str, Any]) -> None:
    log = container(plain)["LogConfiguration"]
    assert log["LogDriver"] == "awslogs"
    assert log["Options"]["awslogs-group"]["Ref"].startswith("TaskLogGroup")


def test_the_task_role_has_the_policies_that_are_given() -> None:
    arn = f"arn:aws:iam::{ACCOUNT}:policy/shop/orders-table"
    resources = task(role_policy_arns=[arn])
    assert resources["AWS::IAM::Role"]["Properties"]["ManagedPolicyArns"] == [arn]
    assert resources["AWS::IAM::Policy"]["Properties"]["Roles"] == ["TaskExecution"]


def test_the_task_role_is_its_own_and_may_do_nothing(plain: dict[str, Any]) -> None:
    # One policy is there, and it is attached to the execution role.
    assert set(plain["AWS::IAM::Role"]["Properties"]) == {"AssumeRolePolicyDocument"}
    assert plain["AWS::IAM::Policy"]["Properties"]["Roles"] == ["TaskExecution"]
    assert "Fn::GetAtt" in definition(plain)["TaskRoleArn"]


def test_tasks_are_started_with_the_role_of_the_platform(plain: dict[str, Any]) -> None:
    assert definition(plain)["ExecutionRoleArn"] == EXECUTION_ROLE


@pytest.mark.parametrize("wanted", [True, False])
def test_an_init_process_runs_for_ecs_exec_only(wanted: bool) -> None:
    parameters = container(task(init_process=wanted)).get("LinuxParameters", {})
    assert parameters.get("InitProcessEnabled", False) is wanted


def container_secrets(**arns: str) -> ContainerSecrets:
    return ContainerSecrets(empty_stack(), "Secrets", arns=arns)


@pytest.mark.parametrize(
    "value_from",
    [
        f"{SECRET}:password::",
        f"{SECRET}:password:AWSPREVIOUS:",
        f"{SECRET}::AWSPREVIOUS:",
        SECRET,
        PARAMETER,
    ],
)
def test_the_reference_reaches_the_container_as_it_was_written(value_from: str) -> None:
    stack = empty_stack()
    definition = ecs.FargateTaskDefinition(stack, "Definition")
    definition.add_container(
        "Container",
        image=ecs.ContainerImage.from_registry("shop"),
        secrets=ContainerSecrets(stack, "Secrets", arns={"A": value_from}).by_name,
    )
    assert secrets_of(template_of(stack)) == [{"Name": "A", "ValueFrom": value_from}]


def test_the_role_reads_the_secret_whatever_key_of_it_is_used() -> None:
    secrets = container_secrets(A=f"{SECRET}:user::", B=f"{SECRET}:password::")
    assert (secrets.secret_arns, secrets.parameter_arns) == ({SECRET}, set())


def test_parameters_are_told_from_secrets() -> None:
    secrets = container_secrets(A=PARAMETER)
    assert (secrets.secret_arns, secrets.parameter_arns) == (set(), {PARAMETER})


def test_references_to_secrets_create_nothing() -> None:
    stack = empty_stack()
    ContainerSecrets(stack, "Secrets", arns={"A": SECRET, "B": PARAMETER})
    assert not any(CfnResource.is_cfn_resource(child) for child in stack.node.find_all())


def secrets_of(template: dict[str, Any]) -> Any:
    (definition,) = (
        resource["Properties"]
        for resource in template["Resources"].values()
        if resource["Type"] == "AWS::ECS::TaskDefinition"
    )
    return definition["ContainerDefinitions"][0]["Secrets"]


SERVICE = "BackendServiceStack"
POLICY = "AWS::IAM::Policy"
SHARED_ROLE = f"arn:aws:iam::{ACCOUNT}:role/team/shared/TaskExecution"


def attach(
    stack: Stack,
    *,
    secrets: tuple[str, ...] = (),
    parameters: tuple[str, ...] = (),
    keys: tuple[str, ...] = (),
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
        kms_key_arns=keys,
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


def test_with_the_policy_a_role_may_pull_from_the_repository_and_write_to_the_log_group_only() -> (
    None
):
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


def test_with_the_policy_a_role_may_read_exactly_the_secrets_that_the_container_uses() -> None:
    policy = start_task_policy(empty_stack(), secrets=(SECRET, SECRET), parameters=(PARAMETER,))
    assert policy["PolicyDocument"]["Statement"][3:] == [
        {"Action": "secretsmanager:GetSecretValue", "Effect": "Allow", "Resource": SECRET},
        {"Action": "ssm:GetParameters", "Effect": "Allow", "Resource": PARAMETER},
    ]


@pytest.mark.parametrize(
    ("named", "stores"),
    [
        ({"secrets": (SECRET,)}, ["secretsmanager"]),
        ({"parameters": (PARAMETER,)}, ["ssm"]),
        ({"secrets": (SECRET,), "parameters": (PARAMETER,)}, ["secretsmanager", "ssm"]),
    ],
)
def test_with_a_key_a_role_may_decrypt_what_the_stores_hand_out_and_nothing_else(
    named: dict[str, tuple[str, ...]], stores: list[str]
) -> None:
    policy = start_task_policy(empty_stack(), **named, keys=(KEY, KEY))
    statement = policy["PolicyDocument"]["Statement"][-1]
    assert (statement["Action"], statement["Resource"]) == ("kms:Decrypt", KEY)
    via = statement["Condition"]["StringEquals"]["kms:ViaService"]
    suffix = {"Ref": "AWS::URLSuffix"}
    assert (via if isinstance(via, list) else [via]) == [
        {"Fn::Join": ["", [f"{store}.eu-west-1.", suffix]]} for store in stores
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
