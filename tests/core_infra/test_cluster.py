"""The ECS cluster, and the role that starts tasks as the core stack leaves it."""

from core_infra.cluster import TaskExecutionRole
from tests.synthesis import empty_stack, synthesise, template_of

CORE = "CoreInfraStack"


def test_the_cluster_has_the_name_of_the_settings() -> None:
    assert synthesise().only(CORE, "AWS::ECS::Cluster")["ClusterName"] == "ecs-blueprint-infra"


def test_container_insights_are_on() -> None:
    settings = synthesise().only(CORE, "AWS::ECS::Cluster")["ClusterSettings"]
    assert settings == [{"Name": "containerInsights", "Value": "enabled"}]


def test_exec_sessions_are_logged_where_an_importing_service_expects_it() -> None:
    cluster = synthesise().only(CORE, "AWS::ECS::Cluster")
    session = cluster["Configuration"]["ExecuteCommandConfiguration"]
    log_group_id = session["LogConfiguration"]["CloudWatchLogGroupName"]["Ref"]
    log_group = synthesise().resources(CORE, "AWS::Logs::LogGroup")[log_group_id]
    assert session["Logging"] == "OVERRIDE"
    assert log_group["Properties"]["LogGroupName"] == "/ecs-exec/ecs-blueprint-infra"


def test_only_ecs_tasks_may_assume_the_execution_role_and_it_may_do_nothing_yet() -> None:
    stack = empty_stack()
    TaskExecutionRole(stack, "TaskExecutionRole")
    (role,) = template_of(stack)["Resources"].values()
    assert role["Type"] == "AWS::IAM::Role"
    assert set(role["Properties"]) == {"AssumeRolePolicyDocument", "Description"}
    (statement,) = role["Properties"]["AssumeRolePolicyDocument"]["Statement"]
    assert statement["Principal"] == {"Service": "ecs-tasks.amazonaws.com"}
    assert statement["Action"] == "sts:AssumeRole"


def test_services_add_nothing_to_the_role_in_the_core_stack() -> None:
    core = synthesise()
    role = core.templates[CORE]["Outputs"]["TaskExecutionRoleName"]["Value"]
    assert core.granted(CORE, role) == []
