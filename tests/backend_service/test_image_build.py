"""The CodeBuild project, and its contract with both buildspecs: the sample's and the blueprint's.

The permissions of its role are in tests/test_roles.py.
"""

import json
import re
import subprocess
from typing import Any

import pytest
import yaml

from backend_service.buildspec import IMAGE_VARIABLE
from backend_service.names import LIVE_TAG
from settings import SettingsError
from settings.examples import ACCOUNT, SECRET, example_deployment
from tests.repository import ROOT
from tests.synthesis import synthesise

SERVICE = "BackendServiceStack"
OWN_REGISTRY = "123456789012.dkr.ecr.eu-west-1.amazonaws.com"
# https://docs.aws.amazon.com/codebuild/latest/userguide/build-env-ref-env-vars.html
OF_CODEBUILD = {"CODEBUILD_RESOLVED_SOURCE_VERSION", "CODEBUILD_BUILD_NUMBER"}
OWN = {"buildspec_path": ""}
POLICY = f"arn:aws:iam::{ACCOUNT}:policy/team/packages"
NORTH, WEST = "eu-north-1:210987654321", "us-west-2:345678901234"
BASE_IMAGES = (f"{NORTH}:repository/python", f"{NORTH}:repository/node", f"{WEST}:repository/java")
# They have nothing to do with each other, so one synthesis does for all.
CHANGED = OWN | {
    "build_secrets": f"NPM_TOKEN={SECRET}:token::,PIP_TOKEN={SECRET}",
    "base_image_repository_arns": ",".join(f"arn:aws:ecr:{name}" for name in BASE_IMAGES),
    "build_role_policy_arns": POLICY,
    "build_compute_type": "X2_LARGE",
    "build_timeout_minutes": "480",
}


def project(**changes: str) -> dict[str, Any]:
    return synthesise(**changes).only(SERVICE, "AWS::CodeBuild::Project")


def variables(**changes: str) -> dict[str, Any]:
    found = project(**changes)["Environment"]["EnvironmentVariables"]
    assert {variable["Type"] for variable in found} == {"PLAINTEXT"}
    return {variable["Name"]: variable["Value"] for variable in found}


def buildspec(**changes: str) -> str:
    declared = str(project(**changes)["Source"]["BuildSpec"])
    return declared if changes else (ROOT / declared).read_text(encoding="utf-8")


def required(**changes: str) -> set[str]:
    """Return the variables without which the buildspec stops."""
    return set(re.findall(r"\$\{([A-Z_]+):\?\}", buildspec(**changes)))


def commands(**changes: str) -> str:
    phases = json.loads(buildspec(**changes))["phases"]
    return "\n".join(command for phase in phases.values() for command in phase["commands"])


def test_the_build_follows_the_buildspec_of_the_settings() -> None:
    assert project()["Source"] == {
        "Type": "CODEPIPELINE",
        "BuildSpec": "application-code/ecsdemo-backend/templates/buildspec.yml",
    }


def test_an_empty_path_puts_the_own_buildspec_into_the_project() -> None:
    source = project(**OWN)["Source"]
    assert source["Type"] == "CODEPIPELINE"
    # CodeBuild takes a text of one line for a path:
    # https://docs.aws.amazon.com/codebuild/latest/APIReference/API_ProjectSource.html
    assert "\n" in source["BuildSpec"]
    assert json.loads(source["BuildSpec"])["version"] == "0.2"


def test_the_project_has_every_variable_that_a_buildspec_requires() -> None:
    assert required() == set(variables()) - {"CONTAINER_NAME"} | OF_CODEBUILD
    assert OF_CODEBUILD < required(**OWN) < set(variables(**OWN)) | OF_CODEBUILD


def test_the_own_buildspec_uses_every_variable_that_it_requires() -> None:
    text = buildspec(**OWN)
    for name in required(**OWN):
        assert re.search(rf"\$\{{{name}(?:%%/\*)?\}}", text), name


def test_the_own_buildspec_passes_no_argument_to_the_dockerfile() -> None:
    (build,) = re.findall(r"docker build [^\n]*?\"\$\{FOLDER_PATH\}", commands(**OWN))
    assert re.findall(r"--build-arg (\S+)", build) == ["BUILDKIT_INLINE_CACHE=1"]
    assert "--target" not in build


def test_build_secrets_are_variables_of_secrets_manager() -> None:
    assert project(**CHANGED)["Environment"]["EnvironmentVariables"] == [
        *project(**OWN)["Environment"]["EnvironmentVariables"],
        {"Name": "NPM_TOKEN", "Type": "SECRETS_MANAGER", "Value": f"{SECRET}:token::"},
        {"Name": "PIP_TOKEN", "Type": "SECRETS_MANAGER", "Value": SECRET},
    ]


def test_the_own_buildspec_mounts_secrets_and_puts_none_into_a_layer() -> None:
    text = commands(**CHANGED)
    assert text.count("NPM_TOKEN") == 2
    assert " --secret id=NPM_TOKEN,env=NPM_TOKEN " in text
    assert "--secret" not in commands(**OWN)


def test_the_own_buildspec_signs_in_to_each_registry_of_base_images_once() -> None:
    text = commands(**CHANGED)
    before, *sign_ins = text.partition("docker build ")[0].split("set -euo pipefail\n")[1:]
    assert '"${REPO_URL%%/*}"' in before
    shell = "docker() { cat; echo $5; }; aws() { echo $4; }; REPO_URL={}/builds;"
    found = [
        subprocess.check_output(
            ["bash", "-c", shell.replace("{}", OWN_REGISTRY) + sign_in], text=True
        ).split()
        for sign_in in sign_ins
    ]
    assert found == [
        ["eu-north-1", "210987654321.dkr.ecr.eu-north-1.amazonaws.com"],
        ["us-west-2", "345678901234.dkr.ecr.us-west-2.amazonaws.com"],
    ]


def test_no_secret_can_replace_a_variable_of_the_build() -> None:
    for name in {*variables(), *OF_CODEBUILD, "IMAGE", "TAGGED", "DOCKER_BUILDKIT"}:
        with pytest.raises(SettingsError, match=f"{name} is set by the build"):
            example_deployment({"build_secrets": f"{name}={SECRET}"})


def test_the_variables_have_the_values_of_the_service() -> None:
    values = variables()
    container = synthesise().only(SERVICE, "AWS::ECS::TaskDefinition")["ContainerDefinitions"][0]
    image = container["Image"]["Fn::Join"][1]
    repositories = synthesise().resources(SERVICE, "AWS::ECR::Repository")
    pushed_to = repositories[values.pop("REPO_URL")["Fn::Join"][1][-1]["Ref"]]["Properties"]
    assert pushed_to["RepositoryName"] == "ecsdemo-backend/builds"
    assert [*values.pop("LIVE_REPO_URL")["Fn::Join"][1], f":{values['LIVE_TAG']}"] == image
    assert values == {
        "LIVE_TAG": LIVE_TAG,
        "CONTAINER_NAME": container["Name"],
        "SERVICE_PORT": str(container["PortMappings"][0]["ContainerPort"]),
        "FOLDER_PATH": "application-code/ecsdemo-backend",
        "DOCKERFILE_PATH": "application-code/ecsdemo-backend/Dockerfile",
    }


@pytest.mark.parametrize("changes", [{}, OWN], ids=["sample", "own"])
def test_a_build_exports_its_image_and_makes_no_artifact(changes: dict[str, str]) -> None:
    content = yaml.safe_load(buildspec(**changes))
    assert content["env"]["exported-variables"] == [IMAGE_VARIABLE]
    assert "artifacts" not in content


def test_the_build_can_run_docker_and_uses_the_layers_of_the_last_one() -> None:
    assert project()["Environment"]["PrivilegedMode"] is True
    assert project()["Cache"] == {"Type": "LOCAL", "Modes": ["LOCAL_DOCKER_LAYER_CACHE"]}


def test_size_and_time_of_a_build_are_those_of_the_settings() -> None:
    assert project()["TimeoutInMinutes"] == 30
    assert project()["Environment"]["ComputeType"] == "BUILD_GENERAL1_SMALL"
    larger = project(**CHANGED)
    assert larger["TimeoutInMinutes"] == 480
    assert larger["Environment"]["ComputeType"] == "BUILD_GENERAL1_2XLARGE"


def test_the_role_of_the_build_has_the_policies_of_the_settings_and_no_other_role_has() -> None:
    roles = synthesise(**CHANGED).resources(SERVICE, "AWS::IAM::Role")
    having = {
        key: role["Properties"]["ManagedPolicyArns"]
        for key, role in roles.items()
        if "ManagedPolicyArns" in role["Properties"]
    }
    role = project(**CHANGED)["ServiceRole"]["Fn::GetAtt"][0]
    assert having == {role: [POLICY]}


def test_the_build_writes_to_a_log_group_of_the_stack() -> None:
    log = project()["LogsConfig"]["CloudWatchLogs"]
    log_group = synthesise().resources(SERVICE, "AWS::Logs::LogGroup")[log["GroupName"]["Ref"]]
    assert log["Status"] == "ENABLED"
    assert log_group["Properties"]["LogGroupName"] == f"/aws/codebuild/{project()['Name']}"
