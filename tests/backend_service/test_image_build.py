"""The CodeBuild project, and its agreement with the real buildspec."""

import re
from typing import Any

from backend_service.names import LIVE_TAG
from settings.examples import ROOT
from tests.synthesis import synthesise

SERVICE = "BackendServiceStack"
# https://docs.aws.amazon.com/codebuild/latest/userguide/build-env-ref-env-vars.html
OF_CODEBUILD = {"CODEBUILD_RESOLVED_SOURCE_VERSION", "CODEBUILD_BUILD_NUMBER"}


def project() -> dict[str, Any]:
    return synthesise().only(SERVICE, "AWS::CodeBuild::Project")


def variables() -> dict[str, Any]:
    found = project()["Environment"]["EnvironmentVariables"]
    assert {variable["Type"] for variable in found} == {"PLAINTEXT"}
    return {variable["Name"]: variable["Value"] for variable in found}


def statements() -> list[dict[str, Any]]:
    return synthesise().granted(SERVICE, project()["ServiceRole"])


def buildspec() -> str:
    path = ROOT / str(project()["Source"]["BuildSpec"])
    return path.read_text(encoding="utf-8")


def test_the_build_follows_the_buildspec_of_the_settings() -> None:
    assert project()["Source"] == {
        "Type": "CODEPIPELINE",
        "BuildSpec": "application-code/ecsdemo-backend/templates/buildspec.yml",
    }


def test_the_buildspec_finds_every_variable_that_it_asks_for() -> None:
    asked_for = set(re.findall(r"\$\{([A-Z_]+):\?\}", buildspec()))
    assert asked_for == set(variables()) | OF_CODEBUILD


def test_the_variables_are_those_of_the_service() -> None:
    told = variables()
    container = synthesise().only(SERVICE, "AWS::ECS::TaskDefinition")["ContainerDefinitions"][0]
    image = container["Image"]["Fn::Join"][1]
    assert [*told.pop("LIVE_REPO_URL")["Fn::Join"][1], f":{told['LIVE_TAG']}"] == image
    assert told.pop("REPO_URL")["Fn::Join"][1][-1] == {"Ref": repository("/builds")}
    assert told == {
        "LIVE_TAG": LIVE_TAG,
        "CONTAINER_NAME": container["Name"],
        "SERVICE_PORT": str(container["PortMappings"][0]["ContainerPort"]),
        "FOLDER_PATH": "application-code/ecsdemo-backend",
        "IMAGE_DEFINITIONS_FILE": "imagedefinitions.json",
    }


def test_docker_can_run_in_the_build() -> None:
    assert project()["Environment"]["PrivilegedMode"] is True


def test_layers_of_the_last_build_on_the_host_are_used_again() -> None:
    assert project()["Cache"] == {"Type": "LOCAL", "Modes": ["LOCAL_DOCKER_LAYER_CACHE"]}


def test_a_build_that_hangs_is_ended() -> None:
    assert project()["TimeoutInMinutes"] == 30


def test_the_log_is_one_that_the_stack_declares_and_deletes() -> None:
    log = project()["LogsConfig"]["CloudWatchLogs"]
    log_group = synthesise().resources(SERVICE, "AWS::Logs::LogGroup")[log["GroupName"]["Ref"]]
    assert log["Status"] == "ENABLED"
    assert log_group["Properties"]["LogGroupName"] == f"/aws/codebuild/{project()['Name']}"
    assert log_group["DeletionPolicy"] == "Delete"


def repository(end: str) -> str:
    """Return the logical id of the repository whose name is that of the service and ``end``."""
    (key,) = (
        key
        for key, resource in synthesise().resources(SERVICE, "AWS::ECR::Repository").items()
        if resource["Properties"]["RepositoryName"] == f"ecsdemo-backend{end}"
    )
    return key


def test_images_go_to_the_repository_of_the_builds_only() -> None:
    pushing = [s["Resource"] for s in statements() if "ecr:PutImage" in s["Action"]]
    assert pushing == [{"Fn::GetAtt": [repository("/builds"), "Arn"]}]


def test_of_the_repository_of_the_service_a_build_takes_layers_and_changes_nothing() -> None:
    """Who may put images there may move `live`: IAM does not tell tags apart."""
    arn = {"Fn::GetAtt": [repository(""), "Arn"]}
    (allowed,) = (s["Action"] for s in statements() if s["Resource"] == arn)
    assert allowed == [
        "ecr:BatchCheckLayerAvailability",
        "ecr:BatchGetImage",
        "ecr:GetDownloadUrlForLayer",
    ]


def test_without_a_resource_it_may_sign_in_to_ecr_and_nothing_else() -> None:
    assert [s["Action"] for s in statements() if s["Resource"] == "*"] == [
        "ecr:GetAuthorizationToken"
    ]


def test_it_may_not_create_test_reports_that_nobody_deletes() -> None:
    assert not any("codebuild:CreateReportGroup" in s["Action"] for s in statements())
