"""Release, rollout and promotion: what they call, and their rights."""

import ast
import json
import sys
from typing import Any

import pytest

from backend_service.names import AlarmKind, alarm_name
from backend_service.release.function import Service
from settings.examples import ACCOUNT, REGION
from tests.repository import ROOT
from tests.synthesis import EXISTING, TOPOLOGIES, Synthesis, synthesise

SERVICE = "BackendServiceStack"
FAMILY = "arn:aws:ecs:eu-west-1:123456789012:task-definition/ecs-blueprint-infra-ecsdemo-backend:*"


def deploy_action(synthesis: Synthesis) -> dict[str, Any]:
    stages = synthesis.only(SERVICE, "AWS::CodePipeline::Pipeline")["Stages"]
    return dict(stages[-1]["Actions"][1])


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
def test_the_rollout_passes_on_exactly_the_two_roles_of_the_tasks(topology: str) -> None:
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


def test_the_rollout_updates_this_service_only() -> None:
    service = synthesise().only(SERVICE, "AWS::ECS::Service")
    statement = by_action(synthesise())["ecs:UpdateService"]
    core = synthesise().only("CoreInfraStack", "AWS::ECS::Cluster")
    path = f"{core['ClusterName']}/{service['ServiceName']}"
    assert statement["Resource"] == f"arn:aws:ecs:{REGION}:{ACCOUNT}:service/{path}"
    assert by_action(synthesise())["ecs:DescribeServices"] is statement


def test_what_the_rollout_registers_it_tags_in_this_family_only() -> None:
    definition = synthesise().only(SERVICE, "AWS::ECS::TaskDefinition")
    assert by_action(synthesise())["ecs:TagResource"]["Resource"] == FAMILY
    assert FAMILY.endswith(f"/{definition['Family']}:*")


def test_the_rollout_may_register_whatever_aws_authorises_the_call_on() -> None:
    """Narrowed to the family it may be refused, and with it every delivery."""
    assert by_action(synthesise())["ecs:RegisterTaskDefinition"]["Resource"] == "*"


def test_the_rollout_tags_only_what_it_registers() -> None:
    assert by_action(synthesise())["ecs:TagResource"]["Condition"] == {
        "StringEquals": {"ecs:CreateAction": "RegisterTaskDefinition"}
    }


def test_the_rollout_sees_tasks_of_this_cluster_only() -> None:
    statements = by_action(synthesise(**EXISTING))
    cluster = "ecs-blueprint-infra"
    assert statements["ecs:DescribeTasks"]["Resource"].endswith(f":task/{cluster}/*")
    assert statements["ecs:ListTasks"]["Condition"]["ArnEquals"]["ecs:cluster"].endswith(
        f":cluster/{cluster}"
    )


def test_the_rollout_may_do_nothing_else() -> None:
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


def test_the_rollout_reads_artifacts_and_writes_none() -> None:
    assert {action for action in by_action(synthesise()) if action.startswith("s3:")} == {
        "s3:GetObject",
        "s3:GetObjectVersion",
    }


FUNCTION = "AWS::Lambda::Function"


def action(name: str) -> dict[str, Any]:
    stages = synthesise().only(SERVICE, "AWS::CodePipeline::Pipeline")["Stages"]
    (found,) = (action for action in stages[-1]["Actions"] if action["Name"] == name)
    return dict(found)


def release_function() -> tuple[str, dict[str, Any]]:
    """Return the function that Release calls, by its logical id."""
    key = action("Release")["Configuration"]["FunctionName"]["Ref"]
    return key, synthesise().resources(SERVICE, FUNCTION)[key]["Properties"]


def of_function() -> list[dict[str, Any]]:
    """Return what the role of the function may do."""
    return synthesise().granted(SERVICE, release_function()[1]["Role"])


def repository(name: str) -> str:
    """Return the logical id of the repository with the name."""
    (key,) = (
        key
        for key, resource in synthesise().resources(SERVICE, "AWS::ECR::Repository").items()
        if resource["Properties"]["RepositoryName"] == name
    )
    return key


def test_release_and_promote_are_one_function() -> None:
    assert action("Promote")["Configuration"]["FunctionName"] == {"Ref": release_function()[0]}


def test_promote_takes_the_image_from_release_and_reads_no_artifact() -> None:
    assert "InputArtifacts" not in action("Promote")
    told = action("Promote")["Configuration"]["UserParameters"]
    assert told == f"promote #{{{action('Release')['Namespace']}.image}}"


def test_the_function_is_told_what_the_template_calls_things() -> None:
    """It reads them by the names that its own module expects."""
    variables = release_function()[1]["Environment"]["Variables"]
    told = Service.of_environment({key: str(value) for key, value in variables.items()})
    (container,) = synthesise().only(SERVICE, "AWS::ECS::TaskDefinition")["ContainerDefinitions"]
    service = synthesise().only(SERVICE, "AWS::ECS::Service")
    cluster = synthesise().only("CoreInfraStack", "AWS::ECS::Cluster")
    assert (told.container, told.name) == (container["Name"], service["ServiceName"])
    assert told.cluster == cluster["ClusterName"]
    assert container["Image"]["Fn::Join"][1][-1] == f":{told.live_tag}"
    assert told.definitions_file == deploy_action(synthesise())["Configuration"]["FileName"]
    assert f"{{'Ref': '{repository('ecsdemo-backend')}'}}" in told.repository
    assert f"{{'Ref': '{repository('ecsdemo-backend/builds')}'}}" in told.builds


def test_the_function_looks_at_the_alarms_that_ecs_watches() -> None:
    alarms = synthesise().only(SERVICE, "AWS::ECS::Service")["DeploymentConfiguration"]["Alarms"]
    told = json.loads(release_function()[1]["Environment"]["Variables"]["ALARMS"])
    assert told == alarms["AlarmNames"]
    (looking,) = (s for s in of_function() if s["Action"] == "cloudwatch:DescribeAlarms")
    prefix = f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:"
    assert looking["Resource"] == sorted(prefix + name for name in told)
    missing = alarm_name("ecs-blueprint-infra-ecsdemo-backend", AlarmKind.MISSING_TASKS)
    assert missing not in told, "it rolls nothing back"


def test_three_attempts_of_the_function_end_before_codepipeline_gives_it_up() -> None:
    """Lambda waits a minute before the second attempt, and two before the third."""
    assert 3 * release_function()[1]["Timeout"] + 60 + 120 < 20 * 60


def test_the_function_is_the_file_beside_it_and_nothing_else() -> None:
    """Lambda brings boto3; whatever else it imported would be missing there."""
    folder = ROOT / "backend_service" / "release"
    assert {path.name for path in folder.iterdir()} - {"__pycache__"} == {"function.py"}
    tree = ast.parse((folder / "function.py").read_text(encoding="utf-8"))
    imported = {
        name.partition(".")[0]
        for node in ast.walk(tree)
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [str(node.module)]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }
    assert imported - sys.stdlib_module_names == {"boto3", "botocore"}
    assert release_function()[1]["Handler"] == "function.handler"


def test_the_function_logs_to_a_group_of_the_stack_and_makes_none() -> None:
    group = release_function()[1]["LoggingConfig"]["LogGroup"]["Ref"]
    declared = synthesise().resources(SERVICE, "AWS::Logs::LogGroup")[group]
    assert declared["DeletionPolicy"] == "Delete"
    assert "logs:CreateLogGroup" not in str(of_function())


def test_only_the_function_and_the_seed_may_put_images_into_the_repository_of_the_service() -> None:
    """Who may put an image there may move `live`: IAM does not tell tags apart."""
    arn = {"Fn::GetAtt": [repository("ecsdemo-backend"), "Arn"]}
    putting = {
        role["Ref"]
        for policy in synthesise().resources(SERVICE, "AWS::IAM::Policy").values()
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]
        if "ecr:PutImage" in statement["Action"] and statement["Resource"] == arn
        for role in policy["Properties"]["Roles"]
    }
    (seed,) = (role for role in putting if role.startswith("SeedImage"))
    assert putting == {seed, release_function()[1]["Role"]["Fn::GetAtt"][0]}


def test_the_function_only_reads_builds() -> None:
    arn = {"Fn::GetAtt": [repository("ecsdemo-backend/builds"), "Arn"]}
    (actions,) = (s["Action"] for s in of_function() if s["Resource"] == arn)
    assert actions == ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]


def test_the_function_changes_no_service() -> None:
    service = synthesise().only(SERVICE, "AWS::ECS::Service")["ServiceName"]
    (looking,) = (s for s in of_function() if s["Action"] == "ecs:DescribeServices")
    assert looking["Resource"].endswith(f":service/ecs-blueprint-infra/{service}")
    (anywhere,) = (s["Action"] for s in of_function() if s["Resource"] == "*")
    assert anywhere == [
        "codepipeline:PutJobFailureResult",
        "codepipeline:PutJobSuccessResult",
        "ecs:DescribeTaskDefinition",
    ]


def test_nobody_but_the_two_actions_may_call_the_function() -> None:
    arn = {"Fn::GetAtt": [release_function()[0], "Arn"]}
    calling = [
        policy["Properties"]["Roles"][0]["Ref"]
        for policy in synthesise().resources(SERVICE, "AWS::IAM::Policy").values()
        if "lambda:InvokeFunction" in str(policy) and str(arn) in str(policy)
    ]
    roles = [action(name)["RoleArn"]["Fn::GetAtt"][0] for name in ("Promote", "Release")]
    assert sorted(calling) == sorted(roles)
    assert synthesise().resources(SERVICE, "AWS::Lambda::Permission") == {}


def test_the_credentials_of_the_job_of_release_write_artifacts_and_do_nothing_else() -> None:
    """They are those of the action's role; the job of Promote gets none of these rights."""
    (bucket,) = synthesise().resources(SERVICE, "AWS::S3::Bucket")
    statements = synthesise().granted(SERVICE, action("Release")["RoleArn"])
    (objects,) = (s for s in statements if s["Action"] != "lambda:InvokeFunction")
    assert objects["Action"] == "s3:PutObject"
    assert objects["Resource"]["Fn::Join"][1] == [{"Fn::GetAtt": [bucket, "Arn"]}, "/*"]
    (only,) = synthesise().granted(SERVICE, action("Promote")["RoleArn"])
    assert only["Action"] == "lambda:InvokeFunction"
