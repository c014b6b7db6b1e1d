"""Which keys are needed, known, used; and placeholders."""

from collections.abc import Callable

import pytest

from settings import CoreSettings, Problem, Settings
from settings.model import ALL_KEYS, DEFAULTS, ExistingPlatformSettings, settings_in

Load = Callable[..., Settings]
Problems = Callable[..., dict[str, Problem]]

IMPORT_KEYS = [key for key in ExistingPlatformSettings.model_fields if key in ALL_KEYS]
CORE_KEYS = [key for key, _ in settings_in(CoreSettings)]
ALWAYS_REQUIRED = (
    "repository_owner",
    "account_number",
    "aws_region",
    "deploy_core_stack",
    "service_name",
    "container_name",
    "container_port",
    "task_cpu",
    "task_memory",
    "desired_count",
    "ecr_repository_name",
    "repository_name",
    "repository_branch",
    "folder_path",
    "github_token_secret_name",
)
REQUIRED_FOR_CORE = ("vpc_cidr", "ecs_cluster_name", "namespaces", "enable_nat_gw", "az_count")


@pytest.mark.parametrize("key", ALWAYS_REQUIRED + REQUIRED_FOR_CORE)
def test_required_key_that_is_missing(problems: Problems, key: str) -> None:
    found = problems(**{key: None})
    assert list(found) == [key]
    assert "is missing" in found[key].message


@pytest.mark.parametrize("key", ALWAYS_REQUIRED + REQUIRED_FOR_CORE)
def test_required_key_that_is_empty(problems: Problems, key: str) -> None:
    found = problems(**{key: ""})
    assert list(found) == [key]
    assert "is empty" in found[key].message


@pytest.mark.parametrize("key", DEFAULTS)
def test_optional_key_that_is_missing_means_its_default(load: Load, key: str) -> None:
    assert load(**{key: None}) == load(**{key: DEFAULTS[key]})


@pytest.mark.parametrize("key", DEFAULTS)
def test_optional_key_that_is_empty_is_one_problem_or_none(
    load: Load, problems: Problems, key: str
) -> None:
    if not DEFAULTS[key] or key in {"health_check_command", "buildspec_path"}:
        load(**{key: ""})
    else:
        assert list(problems(**{key: ""})) == [key]


@pytest.mark.parametrize("key", IMPORT_KEYS)
def test_import_key_that_is_missing(problems: Problems, by_hand: dict[str, str], key: str) -> None:
    found = problems(**(by_hand | {key: None}))
    assert list(found) == [key]
    assert "is missing" in found[key].message


def test_missing_import_key_tells_who_needs_it(problems: Problems, by_hand: dict[str, str]) -> None:
    message = problems(**(by_hand | {"vpc_name": None}))["vpc_name"].message
    assert 'deploy_core_stack="False"' in message
    assert "core_outputs_file" in message


@pytest.mark.parametrize("key", ["account_number", "task_cpu", "container_environment", "vpc_cidr"])
@pytest.mark.parametrize("text", ["<X>", "<fill me in>", "a-<SOMETHING_ELSE>-b"])
def test_placeholder_is_the_only_problem_of_its_key(
    problems: Problems, key: str, text: str
) -> None:
    found = problems(**{key: text})
    assert list(found) == [key]
    assert "still a placeholder" in found[key].message


def test_shell_redirection_is_no_placeholder(load: Load) -> None:
    command = "check <input >output"
    shown = load(health_check_command=command).service.health_check_command
    assert shown == ("CMD-SHELL", command)


@pytest.mark.parametrize("key", [k for k in IMPORT_KEYS if k != "ecs_cluster_name"])
@pytest.mark.parametrize("text", ["<PLACEHOLDER>", "", "not an ARN", None])
def test_import_keys_do_not_matter_with_a_core_stack(
    load: Load, key: str, text: str | None
) -> None:
    assert load(**{key: text}) == load()


@pytest.mark.parametrize("key", [k for k in CORE_KEYS if k != "ecs_cluster_name"])
@pytest.mark.parametrize("text", ["<PLACEHOLDER>", "", "no such thing", None])
def test_core_keys_do_not_matter_without_a_core_stack(
    load: Load, by_hand: dict[str, str], key: str, text: str | None
) -> None:
    assert load(**(by_hand | {key: text})) == load(**by_hand)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("servcie_name", "service_name"),
        ("SERVICE_NAME", "service_name"),
        ("task-cpu", "task_cpu"),
        ("az_counts", "az_count"),
    ],
)
def test_unknown_key_names_the_nearest(problems: Problems, written: str, meant: str) -> None:
    found = problems(**{written: "x"})
    assert found[written].message == f"unknown key; did you mean {meant}?"


def test_unknown_key_like_no_other(problems: Problems) -> None:
    assert problems(favourite_colour="x")["favourite_colour"].message == "unknown key"


def test_mistyped_key_is_not_missing_too(problems: Problems) -> None:
    assert list(problems(servcie_name="orders", service_name=None)) == ["servcie_name"]


def test_mistyped_optional_key_does_not_mean_its_default(problems: Problems) -> None:
    # With the default of max_count, desired_count would be another problem.
    assert list(problems(max_cuont="50", max_count=None, desired_count="20")) == ["max_cuont"]


@pytest.mark.parametrize("key", ["health_check_command", "container_environment", "vpc_cidr"])
@pytest.mark.parametrize(
    ("text", "mark"),
    [
        ("A=${Token[TOKEN.1]}", "${"),
        ("A=${HOME}", "${"),
        ("A=#{Token[x]}", "#{Token["),
        ("A={{resolve:ssm:/x}}", "{{resolve:"),
    ],
)
def test_reference_for_cdk_or_cloudformation(
    problems: Problems, key: str, text: str, mark: str
) -> None:
    found = problems(**{key: text})
    assert list(found) == [key]
    assert f"take {mark} for a reference" in found[key].message


def test_all_problems_come_together(problems: Problems) -> None:
    found = problems(
        account_number="1",
        service_name=None,
        task_cpu="300",
        desired_count="20",
        vpc_cidr="10.0.0.1/16",
        repository_branch="a b",
        nonsense="x",
    )
    assert set(found) == {
        "account_number",
        "service_name",
        "task_cpu",
        "max_count",
        "vpc_cidr",
        "repository_branch",
        "nonsense",
    }


def test_problems_come_in_the_order_of_the_file(problems: Problems) -> None:
    found = problems(notification_email="x", account_number="1", vpc_cidr="x", task_cpu="1")
    assert list(found) == ["account_number", "task_cpu", "notification_email", "vpc_cidr"]
