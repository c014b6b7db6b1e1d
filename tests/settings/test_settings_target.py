"""Account, region, topology and names of the stacks."""

from collections.abc import Callable

import pytest

from settings import Problem, Settings

Load = Callable[..., Settings]
Problems = Callable[..., dict[str, Problem]]


@pytest.mark.parametrize("text", ["12345678901", "1234567890123", "12345678901a", "1234-5678-9012"])
def test_account_that_is_not_twelve_digits(problems: Problems, text: str) -> None:
    assert "12 digits" in problems(account_number=text)["account_number"].message


def test_account_keeps_its_leading_zeros(load: Load) -> None:
    assert load(account_number="000000000012").account_number == "000000000012"


@pytest.mark.parametrize(
    "region",
    [
        "us-east-1",
        "eu-central-2",
        "ap-southeast-7",
        "mx-central-1",
        "us-gov-west-1",
        "cn-northwest-1",
        "eusc-de-east-1",
        "us-isob-east-1",
        "eu-isoe-west-1",
        "il-central-1",
    ],
)
def test_possible_region(load: Load, region: str) -> None:
    assert load(aws_region=region, seed_image="registry.example.com/a:1").aws_region == region


@pytest.mark.parametrize(
    "region",
    [
        "us-esat-1",
        "us-east",
        "us-east-1a",
        "useast1",
        "eu-frankfurt-1",
        "us-east-0",
        "us-east-1-bos-1",
        "Us-East-1",
        "europe-west-1",
        "us-east-10",
    ],
)
def test_impossible_region(problems: Problems, region: str) -> None:
    found = problems(aws_region=region)
    assert list(found) == ["aws_region"]
    assert "no AWS region" in found["aws_region"].message


@pytest.mark.parametrize("key", ["enable_nat_gw", "manual_approval", "enable_execute_command"])
@pytest.mark.parametrize("text", ["yes", "1", "on", "Tru", "True False", "0"])
def test_boolean_that_is_not_one(problems: Problems, key: str, text: str) -> None:
    assert problems(**{key: text})[key].message == "expected True or False"


@pytest.mark.parametrize(("text", "value"), [("TRUE", True), ("true", True), ("fAlse", False)])
def test_boolean_in_any_case(load: Load, text: str, value: bool) -> None:
    assert load(manual_approval=text).delivery.manual_approval is value


def test_unclear_topology_is_the_only_problem(problems: Problems) -> None:
    assert list(problems(deploy_core_stack="perhaps", vpc_cidr="nonsense")) == ["deploy_core_stack"]


def test_stacks_have_their_plain_names(load: Load) -> None:
    settings = load()
    assert settings.core_stack_name == "CoreInfraStack"
    assert settings.service_stack_name == "BackendServiceStack"


def test_prefix_begins_the_names_of_the_stacks(load: Load) -> None:
    settings = load(stack_prefix="orders-")
    assert settings.core_stack_name == "orders-CoreInfraStack"
    assert settings.service_stack_name == "orders-BackendServiceStack"


@pytest.mark.parametrize("prefix", ["1st", "-a", "a_b", "a b", "ä"])
def test_prefix_that_no_stack_name_may_begin_with(problems: Problems, prefix: str) -> None:
    assert "a letter followed by" in problems(stack_prefix=prefix)["stack_prefix"].message


def test_longest_prefix_makes_the_longest_stack_name(load: Load) -> None:
    assert len(load(stack_prefix="a" * 109).service_stack_name) == 128


def test_prefix_that_makes_the_stack_name_too_long(problems: Problems) -> None:
    assert "stack_prefix" in problems(stack_prefix="a" * 110)


def test_settings_are_frozen(load: Load) -> None:
    with pytest.raises(ValueError, match="frozen"):
        setattr(load(), "aws_region", "us-east-1")  # noqa: B010 - a type checker would object
