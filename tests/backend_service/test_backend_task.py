"""The task definition, and what the container is told."""

from collections.abc import Mapping
from typing import Any

import pytest
from aws_cdk import Duration
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs

from backend_service.backend_task import BackendTask
from backend_service.cpu_architecture import CpuArchitecture
from rehearsal.sample_settings import ACCOUNT
from tests.synthesis import SECRET, empty_stack, template_of

EXECUTION_ROLE = f"arn:aws:iam::{ACCOUNT}:role/shared/TaskExecution"
DEFINITION = "AWS::ECS::TaskDefinition"


def task(
    *,
    health_check_command: str | None = None,
    environment: Mapping[str, str] | None = None,
    secrets: Mapping[str, str] | None = None,
    init_process: bool = False,
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
        cpu_architecture=CpuArchitecture.ARM64,
        container_name="web",
        container_port=8080,
        health_check_command=health_check_command,
        environment=environment or {},
        secrets=secrets or {},
        dns_ttl=Duration.seconds(30),
        stop_timeout=Duration.seconds(90),
        init_process=init_process,
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
        "DRAIN_SECONDS": "35",  # the TTL of 30, and 5 until Cloud Map has told DNS
    }


def test_variables_of_the_settings_are_added() -> None:
    told = environment(task(environment={"LOG_LEVEL": "debug"}))
    assert told["LOG_LEVEL"] == "debug"
    assert told["SERVICE_PORT"] == "8080"


def test_secrets_are_references_and_never_plain_variables() -> None:
    resources = task(secrets={"DB_PASSWORD": SECRET})
    assert container(resources)["Secrets"] == [{"Name": "DB_PASSWORD", "ValueFrom": SECRET}]
    assert "DB_PASSWORD" not in environment(resources)


def test_the_health_check_runs_in_the_shell_of_the_container() -> None:
    check = container(task(health_check_command="curl localhost || exit 1"))["HealthCheck"]
    assert check["Command"] == ["CMD-SHELL", "curl localhost || exit 1"]


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
