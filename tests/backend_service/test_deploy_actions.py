"""Release, rollout and promotion. The permissions of their roles are in tests/test_roles.py."""

import ast
import sys
from typing import Any

import pytest

from backend_service.names import AlarmKind, alarm_name
from backend_service.release.action import Service
from settings.examples import ACCOUNT, REGION
from tests.repository import ROOT
from tests.synthesis import CONNECTED, synthesise

SERVICE = "BackendServiceStack"
FUNCTION = "AWS::Lambda::Function"


def action(name: str, **changes: str) -> dict[str, Any]:
    stages = synthesise(**changes).only(SERVICE, "AWS::CodePipeline::Pipeline")["Stages"]
    (found,) = (action for action in stages[-1]["Actions"] if action["Name"] == name)
    return dict(found)


def release_function() -> tuple[str, dict[str, Any]]:
    """Return the function that Release calls, by its logical id."""
    key = action("Release")["Configuration"]["FunctionName"]["Ref"]
    return key, synthesise().resources(SERVICE, FUNCTION)[key]["Properties"]


def repository(name: str) -> str:
    """Return the logical id of the repository with the name."""
    (key,) = (
        key
        for key, resource in synthesise().resources(SERVICE, "AWS::ECR::Repository").items()
        if resource["Properties"]["RepositoryName"] == name
    )
    return key


def test_the_rollout_updates_the_service_of_the_stack() -> None:
    (service,) = synthesise().resources(SERVICE, "AWS::ECS::Service")
    properties = synthesise().only(SERVICE, "AWS::ECS::Service")
    configuration = action("Deploy")["Configuration"]
    assert configuration["ServiceName"] == {"Fn::GetAtt": [service, "Name"]}
    assert configuration["ClusterName"] == properties["Cluster"]


@pytest.mark.parametrize(("start", "minutes"), [("30", 30), ("31", 31), ("300", 44)])
def test_the_rollout_has_time_for_slow_starts_within_the_hour_of_codepipeline(
    start: str, minutes: int
) -> None:
    rollout = action("Deploy", start_period_seconds=start)
    assert rollout["Configuration"]["DeploymentTimeout"] == minutes


def test_release_and_promote_call_the_same_function() -> None:
    assert action("Promote")["Configuration"]["FunctionName"] == {"Ref": release_function()[0]}


def test_promote_takes_the_image_from_release_and_reads_no_artifact() -> None:
    assert "InputArtifacts" not in action("Promote")
    parameters = action("Promote")["Configuration"]["UserParameters"]
    assert parameters == f"promote #{{{action('Release')['Namespace']}.image}}"


def test_the_function_gets_the_names_of_the_template() -> None:
    """It reads the variables that its own module expects."""
    variables = release_function()[1]["Environment"]["Variables"]
    known = Service.of_environment({key: str(value) for key, value in variables.items()})
    (container,) = synthesise().only(SERVICE, "AWS::ECS::TaskDefinition")["ContainerDefinitions"]
    service = synthesise().only(SERVICE, "AWS::ECS::Service")
    cluster = synthesise().only("CoreInfraStack", "AWS::ECS::Cluster")
    assert (known.container, known.name) == (container["Name"], service["ServiceName"])
    assert known.cluster == cluster["ClusterName"]
    assert container["Image"]["Fn::Join"][1][-1] == f":{known.live_tag}"
    assert known.pipeline == synthesise().only(SERVICE, "AWS::CodePipeline::Pipeline")["Name"]
    assert known.definitions_file == action("Deploy")["Configuration"]["FileName"]
    assert f"{{'Ref': '{repository('ecsdemo-backend')}'}}" in known.repository
    assert f"{{'Ref': '{repository('ecsdemo-backend/builds')}'}}" in known.builds


def test_ecs_s_event_about_a_failed_deployment_of_this_service_calls_the_function() -> None:
    rule = synthesise().only(SERVICE, "AWS::Events::Rule")
    assert rule["EventPattern"] == {
        "source": ["aws.ecs"],
        "detail-type": ["ECS Deployment State Change"],
        "resources": [
            f"arn:aws:ecs:{REGION}:{ACCOUNT}:service/ecs-blueprint-infra/ecsdemo-backend"
        ],
        "detail": {"eventName": ["SERVICE_DEPLOYMENT_FAILED"]},
    }
    function = {"Fn::GetAtt": [release_function()[0], "Arn"]}
    assert [target["Arn"] for target in rule["Targets"]] == [function]
    permission = synthesise().only(SERVICE, "AWS::Lambda::Permission")
    (rule_key,) = synthesise().resources(SERVICE, "AWS::Events::Rule")
    assert permission["Principal"] == "events.amazonaws.com"
    assert permission["SourceArn"] == {"Fn::GetAtt": [rule_key, "Arn"]}


def test_the_function_knows_the_topic_for_mails_and_the_log_of_the_tasks() -> None:
    assert not release_function()[1]["Environment"]["Variables"]["TOPIC"]
    with_mails = synthesise(**CONNECTED)
    topics = [
        each["Properties"]["Environment"]["Variables"]["TOPIC"]
        for each in with_mails.resources(SERVICE, FUNCTION).values()
        if "PIPELINE" in each["Properties"].get("Environment", {}).get("Variables", {})
    ]
    assert topics == [{"Ref": each} for each in with_mails.resources(SERVICE, "AWS::SNS::Topic")]
    (container,) = synthesise().only(SERVICE, "AWS::ECS::TaskDefinition")["ContainerDefinitions"]
    # The name of a stream begins with it, then come the container and the task.
    assert container["LogConfiguration"]["Options"]["awslogs-stream-prefix"] == container["Name"]
    group = container["LogConfiguration"]["Options"]["awslogs-group"]
    assert release_function()[1]["Environment"]["Variables"]["LOG_GROUP"] == group


def test_the_function_reads_the_alarms_that_ecs_watches() -> None:
    alarms = synthesise().only(SERVICE, "AWS::ECS::Service")["DeploymentConfiguration"]["Alarms"]
    names = release_function()[1]["Environment"]["Variables"]["ALARMS"].split(",")
    assert names == alarms["AlarmNames"]
    assert alarm_name("ecs-blueprint-infra-ecsdemo-backend", AlarmKind.MISSING_TASKS) not in names


def test_three_attempts_of_the_function_end_before_codepipeline_stops_waiting() -> None:
    """Lambda waits a minute before the second attempt, and two before the third."""
    assert 3 * release_function()[1]["Timeout"] + 60 + 120 < 20 * 60


def test_the_function_needs_its_folder_and_the_modules_that_lambda_has() -> None:
    """Its files name each other relatively: in Lambda the folder is a package of its own."""
    imported = {"release"}
    for file in (ROOT / "backend_service" / "release").glob("*.py"):
        nodes = list(ast.walk(ast.parse(file.read_text(encoding="utf-8"))))
        imported |= {a.name for n in nodes if isinstance(n, ast.Import) for a in n.names}
        imported |= {str(n.module) for n in nodes if isinstance(n, ast.ImportFrom) and not n.level}
        assert all(n.level < 2 for n in nodes if isinstance(n, ast.ImportFrom))
    packages = {name.partition(".")[0] for name in imported}
    assert packages - sys.stdlib_module_names == {"boto3", "botocore", "release"}
    assert release_function()[1]["Handler"] == "release.function.handler"
