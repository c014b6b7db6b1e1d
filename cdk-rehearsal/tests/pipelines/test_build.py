"""Builds run the commands of a buildspec as CodeBuild does."""

import os
import select
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml

from cdk_rehearsal.pipelines.build import (
    BuildResult,
    BuildspecError,
    build_environment,
    parse_buildspec,
    run_build,
)

PATH = {"PATH": "/usr/bin:/bin"}


def build(folder: Path, text: str, **environment: str) -> BuildResult:
    spec = parse_buildspec("version: 0.2\nenv:\n  shell: bash\n" + text)
    return run_build(spec, source=folder, environment=PATH | environment)


def phases(**commands: list[str]) -> str:
    content = {name: {"commands": each} for name, each in commands.items()}
    return str(yaml.safe_dump({"phases": content}, sort_keys=False))


def test_phases_run_in_their_order_and_see_what_was_set_before(tmp_path: Path) -> None:
    text = phases(build=['echo "$X in $PWD"'], pre_build=["export X=1", "cd /"])
    result = build(tmp_path, text)
    assert result.failure == ""
    assert result.log == "1 in /\n"


@pytest.mark.parametrize("command", ["false", "exit 1", "(exit 1)", 'echo "${UNSET:?}"'])
def test_the_first_failure_ends_the_phase(command: str, tmp_path: Path) -> None:
    result = build(tmp_path, phases(pre_build=[command, "echo more"], build=["echo more"]))
    assert result.failure == f"pre_build: exit status 1 of\n{command}"
    assert "more" not in result.log


def test_only_the_last_line_of_a_command_counts_unless_it_says_otherwise(tmp_path: Path) -> None:
    assert build(tmp_path, phases(build=["false\ntrue"])).failure == ""
    careful = phases(build=["set -euo pipefail\nfalse | cat\ntrue"])
    assert build(tmp_path, careful).failure.startswith("build: exit status 1")


def test_post_build_runs_after_a_failed_build_unless_the_build_aborts(tmp_path: Path) -> None:
    text = phases(build=["false"], post_build=["echo post"])
    result = build(tmp_path, text)
    assert result.log == "post\n"
    assert result.failure.startswith("build: ")
    aborting = text.replace(
        "build:\n    commands", "build:\n    on-failure: ABORT\n    commands", 1
    )
    assert build(tmp_path, aborting).log == ""


def test_what_a_command_starts_in_the_background_ends_with_the_build(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    assert build(tmp_path, phases(build=["sleep 300 > pipe &"])).failure == ""
    select.select([reader], [], [], 30)
    assert os.read(reader, 1) == b"", "no process has it open"
    os.close(reader)


def test_a_variable_is_exported_as_it_is_when_the_build_ends(tmp_path: Path) -> None:
    commands = ["export A=first B=1", 'export A="last one"', "C=of the shell alone || true"]
    variables = "  variables: {D: spec, E: spec}\n  exported-variables: [A, B, C, D, E]\n"
    result = build(tmp_path, variables + phases(build=commands), E="project")
    assert result.exported == {"A": "last one", "B": "1", "D": "spec", "E": "project"}


@pytest.fixture
def usual_depth() -> Iterator[None]:
    """Libraries of other tests raise the limit; a parser that reaches theirs takes ten seconds."""
    raised = sys.getrecursionlimit()
    sys.setrecursionlimit(1000)
    yield
    sys.setrecursionlimit(raised)


BILLION = [f"{b}: &{b} [{f'*{a}, ' * 32}]" for a, b in pairwise("abcde")]


@pytest.mark.usefixtures("usual_depth")
@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("version: 0.1", "only 0.2"),
        ("version: 0.2\nphases: {build: {on-failure: RETRY}}", "RETRY"),
        ("version: 0.2\nenv: {exported-variables: [AWS_REGION]}", "does not export AWS_REGION"),
        ("a: b: c", "the buildspec is no YAML"),
        ("[\n" * 20_000, "too many lists or mappings in each other"),
        ("\n".join(["a: &a aaaaaaaaaaaaaaaa", *BILLION]), "more than 1,000,000 characters"),
    ],
)
def test_a_buildspec_that_is_not_supported_is_refused(text: str, reason: str) -> None:
    with pytest.raises(BuildspecError, match=reason):
        parse_buildspec(text)


SECRET = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:npm-AbCdEf"  # noqa: S105 - an ARN


def environment_with(variable: dict[str, str]) -> dict[str, str]:
    """Return the environment of a build whose project defines the variable."""
    project: dict[str, Any] = {
        "name": "shop",
        "arn": "arn:aws:codebuild:eu-west-1:111122223333:project/shop",
        "environment": {"image": "i", "environmentVariables": [variable]},
    }
    return build_environment(
        project,
        commit="c",
        number=7,
        initiator="me",
        source_version="s",
        secret={SECRET: '{"token": "t"}'}.__getitem__,
    )


@pytest.mark.parametrize(
    ("value", "read"), [(SECRET, '{"token": "t"}'), (f"{SECRET}:token::", "t")]
)
def test_a_variable_of_a_secret_has_its_text_or_one_key_of_it(value: str, read: str) -> None:
    variables = environment_with({"name": "A", "type": "SECRETS_MANAGER", "value": value})
    assert variables["A"] == read
