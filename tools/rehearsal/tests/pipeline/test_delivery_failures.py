"""A step of the build that fails ends it, before there is anything to deploy."""

from pathlib import Path

import pytest

from tools.example_templates import example_templates
from tools.rehearsal.tests.pipeline.recorded_build import record_build
from tools.rehearsal.tests.pipeline.sides import sides_of

OWN = {"buildspec_path": ""}


@pytest.mark.parametrize(
    ("settings", "failing", "phase", "docker_commands"),
    [
        # The left side of the pipe: docker login itself goes well.
        ({}, "aws ecr get-login-password*", "pre_build", ["login"]),
        ({}, "docker login *", "pre_build", ["login"]),
        ({}, "docker build --target test *", "build", ["login", "build"]),
        ({}, "docker build --tag *", "build", ["login", "build", "build"]),
        ({}, "docker push *", "build", ["login", "build", "build", "push"]),
        (OWN, "aws ecr get-login-password*", "pre_build", ["login"]),
        (OWN, "docker login *", "pre_build", ["login"]),
        (OWN, "docker build --tag *", "build", ["login", "build"]),
        (OWN, "docker push *", "build", ["login", "build", "push"]),
    ],
    ids=[
        *("password", "login", "test", "image", "push"),
        *("own password", "own login", "own image", "own push"),
    ],
)
def test_a_failing_step_ends_the_build_without_an_artifact(
    settings: dict[str, str],
    failing: str,
    phase: str,
    docker_commands: list[str],
    tmp_path: Path,
) -> None:
    sides = sides_of(example_templates(**settings))
    build = record_build(sides, tmp_path, failing=failing)
    assert build.result.failure.startswith(f"{phase}: exit status 17")
    assert [words[1] for words in build.calls if words[0] == "docker"] == docker_commands
    assert build.result.artifact == {}
    assert not list(build.source.glob("*.json")), "nor is one lying there for a later phase"


@pytest.mark.parametrize("settings", [{}, OWN], ids=["sample", "own"])
def test_a_file_that_cannot_be_written_ends_the_build(
    settings: dict[str, str], tmp_path: Path
) -> None:
    sides = sides_of(example_templates(**settings))
    variables = sides.project["environment"]["environmentVariables"]
    variables[-1]["value"] = "no-such-folder/imagedefinitions.json"
    build = record_build(sides, tmp_path)
    assert build.result.failure.startswith("build: ")
    assert build.result.artifact == {}
