"""A step of the build that fails ends it, before there is anything to deploy."""

from dataclasses import replace
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
def test_a_failing_step_ends_the_build_and_exports_nothing(
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
    assert build.result.exported == {}


@pytest.mark.parametrize("settings", [{}, OWN], ids=["sample", "own"])
def test_a_push_that_names_no_digest_ends_the_build(
    settings: dict[str, str], tmp_path: Path
) -> None:
    """It is what is released; an old or another docker may say it differently."""
    sides = sides_of(example_templates(**settings))
    other = replace(sides, buildspec=sides.buildspec.replace("$(docker push", "$(docker pull"))
    build = record_build(other, tmp_path)
    assert build.result.failure.startswith("build: ")
    assert "docker push has named no digest" in build.result.log
    assert build.result.exported == {}
