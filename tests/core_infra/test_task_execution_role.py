"""The role that starts tasks, as the core stack leaves it."""

from core_infra.task_execution_role import TaskExecutionRole
from tests.synthesis import empty_stack, synthesise, template_of


def test_only_ecs_tasks_may_assume_it_and_it_may_do_nothing_yet() -> None:
    stack = empty_stack()
    TaskExecutionRole(stack, "TaskExecutionRole")
    (role,) = template_of(stack)["Resources"].values()
    assert role["Type"] == "AWS::IAM::Role"
    assert set(role["Properties"]) == {"AssumeRolePolicyDocument", "Description"}
    (statement,) = role["Properties"]["AssumeRolePolicyDocument"]["Statement"]
    assert statement["Principal"] == {"Service": "ecs-tasks.amazonaws.com"}
    assert statement["Action"] == "sts:AssumeRole"


def test_services_add_nothing_to_the_core_stack() -> None:
    core = synthesise()
    role = core.templates["CoreInfraStack"]["Outputs"]["TaskExecutionRoleName"]["Value"]
    assert core.granted("CoreInfraStack", role) == []
