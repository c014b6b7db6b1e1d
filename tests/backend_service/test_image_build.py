"""The CodeBuild project, and its agreement with both buildspecs: the sample's and its own."""

import json
import re
from typing import Any

import pytest
import yaml

from backend_service.buildspec import IMAGE_VARIABLE
from backend_service.names import LIVE_TAG
from settings import SettingsError
from settings.examples import SECRET, example_deployment
from tests.repository import ROOT
from tests.synthesis import synthesise

SERVICE = "BackendServiceStack"
# https://docs.aws.amazon.com/codebuild/latest/userguide/build-env-ref-env-vars.html
OF_CODEBUILD = {"CODEBUILD_RESOLVED_SOURCE_VERSION", "CODEBUILD_BUILD_NUMBER"}


OWN = {"buildspec_path": ""}


def project(**changes: str) -> dict[str, Any]:
    return synthesise(**changes).only(SERVICE, "AWS::CodeBuild::Project")


def variables(**changes: str) -> dict[str, Any]:
    found = project(**changes)["Environment"]["EnvironmentVariables"]
    assert {variable["Type"] for variable in found} == {"PLAINTEXT"}
    return {variable["Name"]: variable["Value"] for variable in found}


def statements(**changes: str) -> list[dict[str, Any]]:
    return synthesise(**changes).granted(SERVICE, project(**changes)["ServiceRole"])


def buildspec(**changes: str) -> str:
    declared = str(project(**changes)["Source"]["BuildSpec"])
    return declared if changes else (ROOT / declared).read_text(encoding="utf-8")


def asked_for(**changes: str) -> set[str]:
    return set(re.findall(r"\$\{([A-Z_]+):\?\}", buildspec(**changes)))


def test_the_build_follows_the_buildspec_of_the_settings() -> None:
    assert project()["Source"] == {
        "Type": "CODEPIPELINE",
        "BuildSpec": "application-code/ecsdemo-backend/templates/buildspec.yml",
    }


def test_the_buildspec_finds_every_variable_that_it_asks_for() -> None:
    assert asked_for() == set(variables()) - {"CONTAINER_NAME"} | OF_CODEBUILD
    assert OF_CODEBUILD < asked_for(**OWN) < set(variables(**OWN)) | OF_CODEBUILD


def test_an_empty_path_means_the_own_buildspec_in_the_project() -> None:
    source = project(**OWN)["Source"]
    assert source["Type"] == "CODEPIPELINE"
    # As a path it would be on one line: https://docs.aws.amazon.com/codebuild/latest/APIReference/
    # API_ProjectSource.html takes either.
    assert "\n" in source["BuildSpec"]
    assert json.loads(source["BuildSpec"])["version"] == "0.2"


def test_the_own_buildspec_uses_every_variable_that_it_asks_for() -> None:
    text = buildspec(**OWN)
    for name in asked_for(**OWN):
        assert re.search(rf"\$\{{{name}(?:%%/\*)?\}}", text), name


def test_the_own_buildspec_asks_nothing_of_a_dockerfile() -> None:
    (build,) = re.findall(r"docker build [^\n]*?\"\$\{FOLDER_PATH\}", json_commands(OWN))
    assert re.findall(r"--build-arg (\S+)", build) == ["BUILDKIT_INLINE_CACHE=1"]
    assert "--target" not in build


def json_commands(changes: dict[str, str]) -> str:
    phases = json.loads(buildspec(**changes))["phases"]
    return "\n".join(command for phase in phases.values() for command in phase["commands"])


def test_secrets_are_variables_that_the_role_may_read_alone() -> None:
    secrets = f"NPM_TOKEN={SECRET}:token::,PIP_TOKEN={SECRET}"
    found = project(build_secrets=secrets)["Environment"]["EnvironmentVariables"]
    plain = project()["Environment"]["EnvironmentVariables"]
    assert found == [
        *plain,
        {"Name": "NPM_TOKEN", "Type": "SECRETS_MANAGER", "Value": f"{SECRET}:token::"},
        {"Name": "PIP_TOKEN", "Type": "SECRETS_MANAGER", "Value": SECRET},
    ]
    reading = [
        statement
        for statement in statements(build_secrets=secrets)
        if "secretsmanager" in json.dumps(statement)
    ]
    assert reading == [
        {"Action": "secretsmanager:GetSecretValue", "Effect": "Allow", "Resource": SECRET}
    ]


def test_without_secrets_it_may_read_none() -> None:
    assert "secretsmanager" not in json.dumps(statements())


def test_the_own_buildspec_hands_secrets_to_the_dockerfile_and_to_no_layer() -> None:
    commands = json_commands({**OWN, "build_secrets": f"NPM_TOKEN={SECRET}"})
    assert commands.count("NPM_TOKEN") == 2
    assert " --secret id=NPM_TOKEN,env=NPM_TOKEN " in commands
    assert "--secret" not in json_commands(OWN)


def test_no_secret_takes_the_place_of_a_variable_of_the_build() -> None:
    for name in {*variables(), *OF_CODEBUILD, "IMAGE", "TAGGED", "DOCKER_BUILDKIT"}:
        with pytest.raises(SettingsError, match=f"{name} is set by the build"):
            example_deployment({"build_secrets": f"{name}={SECRET}"})


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
        "DOCKERFILE_PATH": "application-code/ecsdemo-backend/Dockerfile",
    }


@pytest.mark.parametrize("changes", [{}, OWN], ids=["sample", "own"])
def test_a_build_exports_its_image_and_keeps_no_files(changes: dict[str, str]) -> None:
    content = yaml.safe_load(buildspec(**changes))
    assert content["env"]["exported-variables"] == [IMAGE_VARIABLE]
    assert "artifacts" not in content


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
    assert allowed == ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]


def test_without_a_resource_it_may_sign_in_to_ecr_and_nothing_else() -> None:
    assert [s["Action"] for s in statements() if s["Resource"] == "*"] == [
        "ecr:GetAuthorizationToken"
    ]


def test_it_may_not_create_test_reports_that_nobody_deletes() -> None:
    assert not any("codebuild:CreateReportGroup" in s["Action"] for s in statements())
