"""The deploy action, and the exact rights of its role."""

from typing import Any

import pytest

from rehearsal.sample_settings import ACCOUNT, REGION
from tests.synthesis import EXISTING, TOPOLOGIES, Synthesis, synthesise

SERVICE = "BackendServiceStack"
FAMILY = "arn:aws:ecs:eu-west-1:123456789012:task-definition/ecs-blueprint-infra-ecsdemo-backend:*"


def deploy_action(synthesis: Synthesis) -> dict[str, Any]:
    stages = synthesis.only(SERVICE, "AWS::CodePipeline::Pipeline")["Stages"]
    return dict(stages[-1]["Actions"][0])


def by_action(synthesis: Synthesis) -> dict[str, dict[str, Any]]:
    """Return the statements of the role of the deploy action, by each action that they allow."""
    found: dict[str, dict[str, Any]] = {}
    for statement in synthesis.granted(SERVICE, deploy_action(synthesis)["RoleArn"]):
        actions = statement["Action"]
        for action in [actions] if isinstance(actions, str) else actions:
            assert action not in found, "an action is allowed twice"
            found[action] = statement
    return found


def test_the_new_image_goes_to_the_service_of_the_stack() -> None:
    (service,) = synthesise().resources(SERVICE, "AWS::ECS::Service")
    properties = synthesise().only(SERVICE, "AWS::ECS::Service")
    configuration = deploy_action(synthesise())["Configuration"]
    assert configuration["ServiceName"] == {"Fn::GetAtt": [service, "Name"]}
    assert configuration["ClusterName"] == properties["Cluster"]


def test_a_rollout_that_does_not_end_is_given_up_before_the_hour_of_codepipeline() -> None:
    assert deploy_action(synthesise())["Configuration"]["DeploymentTimeout"] == 30


@pytest.mark.parametrize("topology", TOPOLOGIES)
def test_it_passes_on_exactly_the_two_roles_of_the_tasks(topology: str) -> None:
    synthesis = synthesise(**TOPOLOGIES[topology])
    definition = synthesis.only(SERVICE, "AWS::ECS::TaskDefinition")
    statement = by_action(synthesis)["iam:PassRole"]
    roles = [definition["TaskRoleArn"], definition["ExecutionRoleArn"]]
    assert sorted(map(str, statement["Resource"])) == sorted(map(str, roles))
    assert statement["Condition"] == {
        "StringEquals": {"iam:PassedToService": "ecs-tasks.amazonaws.com"}
    }


@pytest.mark.parametrize("topology", TOPOLOGIES)
def test_nothing_else_may_pass_roles(topology: str) -> None:
    synthesis = synthesise(**TOPOLOGIES[topology])
    passing = [
        policy
        for policy in synthesis.resources(SERVICE, "AWS::IAM::Policy").values()
        if "iam:PassRole" in str(policy)
    ]
    assert len(passing) == 1


def test_it_updates_this_service_only() -> None:
    service = synthesise().only(SERVICE, "AWS::ECS::Service")
    statement = by_action(synthesise())["ecs:UpdateService"]
    core = synthesise().only("CoreInfraStack", "AWS::ECS::Cluster")
    path = f"{core['ClusterName']}/{service['ServiceName']}"
    assert statement["Resource"] == f"arn:aws:ecs:{REGION}:{ACCOUNT}:service/{path}"
    assert by_action(synthesise())["ecs:DescribeServices"] is statement


@pytest.mark.parametrize("action", ["ecs:RegisterTaskDefinition", "ecs:TagResource"])
def test_it_registers_revisions_of_this_family_only(action: str) -> None:
    definition = synthesise().only(SERVICE, "AWS::ECS::TaskDefinition")
    assert by_action(synthesise())[action]["Resource"] == FAMILY
    assert FAMILY.endswith(f"/{definition['Family']}:*")


def test_it_tags_only_what_it_registers() -> None:
    assert by_action(synthesise())["ecs:TagResource"]["Condition"] == {
        "StringEquals": {"ecs:CreateAction": "RegisterTaskDefinition"}
    }


def test_it_sees_tasks_of_this_cluster_only() -> None:
    statements = by_action(synthesise(**EXISTING))
    cluster = "ecs-blueprint-infra"
    assert statements["ecs:DescribeTasks"]["Resource"].endswith(f":task/{cluster}/*")
    assert statements["ecs:ListTasks"]["Condition"]["ArnEquals"]["ecs:cluster"].endswith(
        f":cluster/{cluster}"
    )


def test_it_may_do_nothing_else() -> None:
    assert {action for action in by_action(synthesise()) if not action.startswith("s3:")} == {
        "ecs:DescribeServices",
        "ecs:DescribeTaskDefinition",
        "ecs:DescribeTasks",
        "ecs:ListTasks",
        "ecs:RegisterTaskDefinition",
        "ecs:TagResource",
        "ecs:UpdateService",
        "iam:PassRole",
    }


def test_it_reads_artifacts_and_writes_none() -> None:
    assert {action for action in by_action(synthesise()) if action.startswith("s3:")} == {
        "s3:GetBucket*",
        "s3:GetObject*",
        "s3:List*",
    }
