"""Which keys a file needs, which are known, and which are used."""

from collections.abc import Callable

import pytest

from settings import CoreSettings, Problem, Settings
from settings.model import ALL_KEYS, DEFAULTS, ExistingPlatformSettings

Load = Callable[..., Settings]
Problems = Callable[..., dict[str, Problem]]

IMPORT_KEYS = [
    key for key in ExistingPlatformSettings.model_fields if key not in {"vpc", "ecs_cluster_name"}
]
CORE_KEYS = [
    key
    for key in CoreSettings.model_fields
    if key not in {"ecs_cluster_name", "keep_logs", "log_retention_days"}
]
REQUIRED = [key for key in ALL_KEYS if key not in {*DEFAULTS, *IMPORT_KEYS}]


@pytest.mark.parametrize("key", REQUIRED)
def test_a_required_key_is_there_and_filled_in(problems: Problems, key: str) -> None:
    found = problems(**{key: None})
    assert list(found) == [key]
    assert found[key].message == "is missing; see sample.env"
    found = problems(**{key: ""})
    assert list(found) == [key]
    assert found[key].message == "is empty; fill it in"


@pytest.mark.parametrize("key", DEFAULTS)
def test_an_absent_optional_key_means_its_default(load: Load, key: str) -> None:
    assert load(**{key: None}) == load(**{key: DEFAULTS[key]})


@pytest.mark.parametrize("key", [key for key in DEFAULTS if DEFAULTS[key]])
def test_an_empty_optional_key_does_not_mean_its_default(
    load: Load, problems: Problems, key: str
) -> None:
    means_none = {"health_check_command", "buildspec_path", "ingress_cidrs"}
    if key in means_none | {"cpu_target_percent", "memory_target_percent"}:
        assert load(**{key: ""}) != load(**{key: None})
    else:
        assert list(problems(**{key: ""})) == [key]


@pytest.mark.parametrize("key", IMPORT_KEYS)
@pytest.mark.parametrize("text", [None, "", "<PLACEHOLDER>"])
def test_a_missing_key_of_existing_infrastructure_says_when_it_is_needed(
    problems: Problems, by_hand: dict[str, str], key: str, text: str | None
) -> None:
    found = problems(**by_hand | {key: text})
    assert list(found) == [key]
    assert 'deploy_core_stack="False" needs it; or name a core_outputs_file' in found[key].message


@pytest.mark.parametrize("text", ["<PLACEHOLDER>", "", "not an ARN", None])
def test_only_the_keys_of_the_topology_matter(
    load: Load, by_hand: dict[str, str], text: str | None
) -> None:
    assert load(**dict.fromkeys(IMPORT_KEYS, text)) == load()
    assert load(**by_hand, **dict.fromkeys(CORE_KEYS, text)) == load(**by_hand)


@pytest.mark.parametrize(
    ("written", "meant"),
    [("servcie_name", "service_name"), ("SERVICE_NAME", "service_name"), ("task.cpu", "task_cpu")],
)
def test_an_unknown_key_is_compared_with_the_known_ones(
    problems: Problems, written: str, meant: str
) -> None:
    found = problems(**{written: "x"})
    assert found[written].message == f"unknown key; did you mean {meant}?"
    assert found[written].given == '"x"'


def test_an_unknown_key_like_no_other_is_not_repeated_with_its_value(problems: Problems) -> None:
    problem = problems(favourite_colour="x")["favourite_colour"]
    assert (problem.message, problem.given) == ("unknown key", None)


def test_a_misspelt_key_is_the_only_problem(problems: Problems) -> None:
    assert list(problems(servcie_name="orders", service_name=None)) == ["servcie_name"]
    # With the default of max_count, desired_count would be another problem.
    assert list(problems(max_cuont="50", max_count=None, desired_count="20")) == ["max_cuont"]


def test_all_problems_come_together_in_the_order_of_the_file(problems: Problems) -> None:
    found = problems(
        service_name=None,
        account_number="1",
        task_cpu="300",
        desired_count="20",
        vpc_cidr="10.0.0.1/16",
        repository_branch="a b",
        nonsense="x",
    )
    assert list(found) == [
        *("account_number", "task_cpu", "max_count", "repository_branch", "vpc_cidr", "nonsense"),
        "service_name",
    ]


def test_settings_are_frozen(load: Load) -> None:
    with pytest.raises(ValueError, match="frozen"):
        setattr(load(), "aws_region", "us-east-1")  # noqa: B010 - a type checker would object
