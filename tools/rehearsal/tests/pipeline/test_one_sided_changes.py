"""A name or a value that is changed on one side only shows."""

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from tools.example_templates import example_templates
from tools.rehearsal.tests.pipeline.contract import violations
from tools.rehearsal.tests.pipeline.recorded_build import record_build
from tools.rehearsal.tests.pipeline.sides import Sides, sides_of

VARIABLES = (
    "REPO_URL",
    "LIVE_REPO_URL",
    "LIVE_TAG",
    "CONTAINER_NAME",
    "SERVICE_PORT",
    "FOLDER_PATH",
    "DOCKERFILE_PATH",
)
NOT_USED = {"CONTAINER_NAME"}
"""Told to whoever needs it."""

OWN = {"buildspec_path": ""}
USED = [
    *(pytest.param({}, name, id=f"sample-{name}") for name in VARIABLES if name not in NOT_USED),
    *(
        pytest.param(OWN, name, id=f"own-{name}")
        for name in VARIABLES
        if name not in {*NOT_USED, "SERVICE_PORT"}
    ),
]
"""Which settings and variables: the own buildspec tells no Dockerfile the port."""


def test_all_variables_of_the_project_are_in_the_list_above() -> None:
    variables = sides_of(example_templates()).project["environment"]["environmentVariables"]
    assert tuple(variable["name"] for variable in variables) == VARIABLES


def with_variables(sides: Sides, change: Callable[[dict[str, str]], dict[str, str]]) -> Sides:
    environment = sides.project["environment"]
    variables = [change(dict(variable)) for variable in environment["environmentVariables"]]
    changed = environment | {"environmentVariables": variables}
    return replace(sides, project=sides.project | {"environment": changed})


@pytest.mark.parametrize(("settings", "name"), USED)
def test_another_value_of_a_variable_of_the_project_shows(
    settings: dict[str, str], name: str, tmp_path: Path
) -> None:
    """So the commands use the variable: a literal in its place would not follow the change."""

    def change(variable: dict[str, str]) -> dict[str, str]:
        other = variable["value"] + ("9" if variable["name"] == "SERVICE_PORT" else "-other")
        return variable | ({"value": other} if variable["name"] == name else {})

    sides = with_variables(sides_of(example_templates(**settings)), change)
    assert violations(sides, record_build(sides, tmp_path))


@pytest.mark.parametrize(("settings", "name"), USED)
def test_another_name_of_a_variable_of_the_project_shows(
    settings: dict[str, str], name: str, tmp_path: Path
) -> None:
    def change(variable: dict[str, str]) -> dict[str, str]:
        return variable | ({"name": f"{name}_2"} if variable["name"] == name else {})

    sides = with_variables(sides_of(example_templates(**settings)), change)
    build = record_build(sides, tmp_path)
    assert violations(sides, build)
    assert build.calls == [], "it stops before anything is called"


@pytest.mark.parametrize(("settings", "name"), USED)
def test_another_name_of_a_variable_in_the_buildspec_shows(
    settings: dict[str, str], name: str, tmp_path: Path
) -> None:
    sides = sides_of(example_templates(**settings))
    sides = replace(sides, buildspec=re.sub(rf"\b{name}\b", f"{name}_2", sides.buildspec))
    assert violations(sides, record_build(sides, tmp_path))


def renamed_container(sides: Sides) -> Sides:
    (image,), (port,) = sides.containers.values(), sides.ports.values()
    return replace(sides, containers={"other": image}, ports={"other": port})


def other_port(sides: Sides) -> Sides:
    return replace(sides, ports=dict.fromkeys(sides.ports, "3001"))


def other_start_tag(sides: Sides) -> Sides:
    images = {name: image.replace(":live", ":latest") for name, image in sides.containers.items()}
    return replace(sides, containers=images)


def other_repository(sides: Sides) -> Sides:
    return replace(sides, builds_uri=f"{sides.builds_uri}-other")


def other_deploy_file(sides: Sides) -> Sides:
    return replace(sides, deploy_file="imagedefinition.json")


def told(sides: Sides, **changes: str) -> Sides:
    return replace(sides, release={**sides.release, **changes})


def other_release_file(sides: Sides) -> Sides:
    return told(sides, IMAGE_DEFINITIONS_FILE="imagedefinition.json")


def other_exported_variable(sides: Sides) -> Sides:
    return replace(sides, asked_for="BUILT_IMAGE")


def not_exported(sides: Sides) -> Sides:
    buildspec = yaml.safe_load(sides.buildspec)
    del buildspec["env"]["exported-variables"]
    return replace(sides, buildspec=yaml.safe_dump(buildspec))


def other_released_builds(sides: Sides) -> Sides:
    return told(sides, BUILDS_REPOSITORY=f"{sides.builds_uri}-other")


def other_released_container(sides: Sides) -> Sides:
    return told(sides, CONTAINER="other")


def other_released_repository(sides: Sides) -> Sides:
    return told(sides, REPOSITORY="other")


def other_cluster(sides: Sides) -> Sides:
    return replace(sides, cluster="other")


def other_service(sides: Sides) -> Sides:
    return replace(sides, service="other")


def other_live_tag(sides: Sides) -> Sides:
    return told(sides, LIVE_TAG="lives")


CHANGES = [
    (renamed_container, "the task definition has no container ecsdemo-backend"),
    (other_port, "does not listen on 3001"),
    (other_start_tag, "layers come from"),
    (other_repository, "the repository is"),
    (other_deploy_file, "the deploy reads imagedefinition.json"),
    (other_release_file, "the release writes imagedefinition.json"),
    (other_exported_variable, "exported is ['IMAGE'], asked for BUILT_IMAGE"),
    (not_exported, "exported is [], asked for IMAGE"),
    (other_released_builds, "the release refuses it"),
    (other_released_container, "the task definition has no container other"),
    (other_released_repository, "the promotion moves other:live"),
    (other_cluster, "the promotion looks at ecsdemo-backend on ecs-blueprint-infra"),
    (other_service, "the promotion looks at ecsdemo-backend on ecs-blueprint-infra"),
    (other_live_tag, "the promotion moves"),
]


@pytest.mark.parametrize(
    ("settings", "change", "said"),
    [
        *(({}, *each) for each in CHANGES),
        *((OWN, *each) for each in CHANGES if each[0] is not other_port),
    ],
)
def test_a_change_on_the_other_side_shows(
    settings: dict[str, str], change: Callable[[Sides], Sides], said: str, tmp_path: Path
) -> None:
    sides = change(sides_of(example_templates(**settings)))
    assert said in "\n".join(violations(sides, record_build(sides, tmp_path)))
