"""Buildspecs are run as CodeBuild runs them."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from tools.rehearsal.pipeline.build import (
    BuildResult,
    BuildspecError,
    build_environment,
    parse_buildspec,
    read_buildspec,
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
    assert result.succeeded
    assert result.log == "1 in /\n"


@pytest.mark.parametrize("command", ["false", "exit 1", "(exit 1)", 'echo "${UNSET:?}"'])
def test_the_first_failure_ends_the_phase(command: str, tmp_path: Path) -> None:
    result = build(tmp_path, phases(pre_build=[command, "echo more"], build=["echo more"]))
    assert result.failure == f"pre_build: exit status 1 of\n{command}"
    assert "more" not in result.log


def test_only_the_last_line_of_a_command_counts_unless_it_says_otherwise(tmp_path: Path) -> None:
    assert build(tmp_path, phases(build=["false\ntrue"])).succeeded
    careful = phases(build=["set -euo pipefail\nfalse | cat\ntrue"])
    assert not build(tmp_path, careful).succeeded


def test_post_build_runs_after_a_failed_build_unless_the_build_aborts(tmp_path: Path) -> None:
    text = phases(build=["false"], post_build=["echo post"])
    result = build(tmp_path, text)
    assert result.log == "post\n"
    assert result.failure.startswith("build: ")
    aborting = text.replace(
        "build:\n    commands", "build:\n    on-failure: ABORT\n    commands", 1
    )
    assert build(tmp_path, aborting).log == ""


def test_the_variables_of_the_project_win_over_those_of_the_buildspec(tmp_path: Path) -> None:
    text = "  variables:\n    A: spec\n    B: spec\n" + phases(build=["echo $A $B"])
    assert build(tmp_path, text, B="project").log == "spec project\n"


def test_nothing_of_the_shell_of_the_user_gets_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LEAK", "yes")
    assert build(tmp_path, phases(build=['echo "<$LEAK>"'])).log == "<>\n"


def test_a_command_cannot_swallow_the_ones_after_it(tmp_path: Path) -> None:
    assert build(tmp_path, phases(build=["cat", "echo next"])).log == "next\n"


def exporting(*names: str) -> str:
    return f"  exported-variables: [{', '.join(names)}]\n"


def test_a_variable_is_exported_as_it_is_when_the_build_ends(tmp_path: Path) -> None:
    text = exporting("A", "B", "C") + phases(
        build=["export A=first B=1", 'export A="last one"', "C=of the shell alone || true"]
    )
    assert build(tmp_path, text).exported == {"A": "last one", "B": "1"}


def test_variables_of_project_and_buildspec_can_be_exported_and_others_are_not(
    tmp_path: Path,
) -> None:
    text = exporting("A", "B") + "  variables: {A: spec}\n" + phases(build=["export X=1"])
    assert build(tmp_path, text, B="project").exported == {"A": "spec", "B": "project"}


@pytest.mark.parametrize("command", ["exit 0", "exit 1", "false"])
def test_a_build_that_ends_early_exports_what_there_is(command: str, tmp_path: Path) -> None:
    text = exporting("A") + phases(pre_build=["export A=1", command], build=["export A=2"])
    assert set(build(tmp_path, text).exported.values()) <= {"1"}


def test_artifacts_are_passed_over(tmp_path: Path) -> None:
    """The action of the pipeline has no output artifact: nobody would get them."""
    text = phases(build=["true"]) + "\nartifacts:\n  files: missing.json\n"
    assert build(tmp_path, text).succeeded


def test_a_command_may_print_what_is_not_utf_8(tmp_path: Path) -> None:
    assert build(tmp_path, phases(build=[r"printf 'caf\351\n'"])).log == "caf\ufffd\n"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("version: 0.1", "only 0.2"),
        ("version: 0.2\nreports: {}", "reports is not supported"),
        ("version: 0.2\nenv: {secrets-manager: {}}", "env: secrets-manager"),
        ("version: 0.2\nphases: {build: {finally: [x]}}", "build: finally"),
        ("version: 0.2\nphases: {build: {on-failure: RETRY}}", "RETRY"),
        ("version: 0.2\nenv: {exported-variables: A}", "no list of names"),
        ("version: 0.2\nenv: {exported-variables: [AWS_REGION]}", "does not export AWS_REGION"),
        ("version: 0.2\nphases: {build: {commands: [false]}}", "build: a command that is not text"),
        ("- a list", "not a mapping"),
        ("a: b: c", "the buildspec is no YAML"),
    ],
)
def test_what_would_be_done_wrongly_is_refused(text: str, reason: str) -> None:
    with pytest.raises(BuildspecError, match=reason):
        parse_buildspec(text)


def test_the_environment_is_that_of_the_project_and_of_codebuild() -> None:
    project: dict[str, Any] = {
        "name": "shop",
        "arn": "arn:aws:codebuild:eu-west-1:111122223333:project/shop",
        "environment": {"image": "i", "environmentVariables": [{"name": "A", "value": "1"}]},
    }
    told = build_environment(project, commit="c", number=7, initiator="me", source_version="s")
    assert told["A"] == "1"
    assert told["AWS_REGION"] == "eu-west-1"
    assert told["CODEBUILD_BUILD_NUMBER"] == "7"
    arn = "arn:aws:codebuild:eu-west-1:111122223333:build/shop:rehearsal-7"
    assert told["CODEBUILD_BUILD_ARN"] == arn
    project["environment"]["environmentVariables"][0]["type"] = "PARAMETER_STORE"
    with pytest.raises(ValueError, match="PARAMETER_STORE"):
        build_environment(project, commit="c", number=7, initiator="me", source_version="s")


SECRET = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:npm-AbCdEf"  # noqa: S105 - an ARN


@pytest.mark.parametrize(
    ("value", "read"), [(SECRET, '{"token": "t"}'), (f"{SECRET}:token::", "t")]
)
def test_a_variable_of_a_secret_has_its_text_or_one_key_of_it(value: str, read: str) -> None:
    variable = {"name": "NPM_TOKEN", "type": "SECRETS_MANAGER", "value": value}
    project: dict[str, Any] = {
        "name": "shop",
        "arn": "arn:aws:codebuild:eu-west-1:111122223333:project/shop",
        "environment": {"image": "i", "environmentVariables": [variable]},
    }
    told = build_environment(
        project,
        commit="c",
        number=7,
        initiator="me",
        source_version="s",
        secret={SECRET: '{"token": "t"}'}.__getitem__,
    )
    assert told["NPM_TOKEN"] == read


def test_a_buildspec_is_in_the_project_or_in_the_source() -> None:
    text = "version: 0.2\nphases: {build: {commands: [make]}}\n"
    text_of = {"buildspec.yml": text}.__getitem__
    assert read_buildspec(text, text_of) == read_buildspec("buildspec.yml", text_of)
