"""An existing platform, given by hand."""

from collections.abc import Callable

import pytest

from settings import Problem, Settings

Load = Callable[..., Settings]
Problems = Callable[..., dict[str, Problem]]


def test_everything_by_hand(load: Load, by_hand: dict[str, str]) -> None:
    settings = load(**by_hand)
    assert settings.core is None
    assert settings.existing_platform is not None
    given = {key: text for key, text in by_hand.items() if key != "deploy_core_stack"}
    assert settings.existing_platform.model_dump() == given | {"vpc": None}


def test_existing_names_need_not_be_ours(load: Load, by_hand: dict[str, str]) -> None:
    changes = {"ecs_cluster_name": "My_Cluster", "namespace_name": "services.internal"}
    service = load(**(by_hand | changes)).service
    assert (service.ecs_cluster_name, service.namespace_name) == tuple(changes.values())


@pytest.mark.parametrize(
    ("key", "text", "expected"),
    [
        ("ecs_cluster_name", "my cluster", "at most 255"),
        ("ecs_cluster_name", "_cluster", "a letter or digit first"),
        ("ecs_cluster_name", "-cluster", "a letter or digit first"),
        ("namespace_name", "a b", "full name of a namespace"),
        ("namespace_name", "a..b", "full name of a namespace"),
        ("namespace_id", "abc", "such as ns-abc123"),
        ("namespace_arn", "ns-abc123", "expected the ARN of a Cloud Map namespace"),
        (
            "namespace_arn",
            "arn:aws:servicediscovery:eu-central-1:1:namespace/ns-abc123",
            "Cloud Map",
        ),
        ("ecs_task_execution_role_arn", "my-role", "expected the ARN of a role"),
        ("ecs_task_execution_role_arn", "arn:aws:iam::123456789012:user/me", "ARN of a role"),
        ("ecs_task_execution_role_arn", "arn:aws:iam::123456789012:role/", "ARN of a role"),
        (
            "ecs_task_execution_role_arn",
            "arn:aws:iam:us-east-1:123456789012:role/x",
            "ARN of a role",
        ),
        (
            "ecs_task_execution_role_arn",
            "arn:aws:iam::999999999999:role/x",
            "of account 999999999999",
        ),
        ("ecs_task_execution_role_arn", "arn:aws-cn:iam::123456789012:role/x", "partition aws-cn"),
        ("vpc_name", "prod-*", "without wildcards"),
    ],
)
def test_malformed_or_foreign_value(
    problems: Problems, by_hand: dict[str, str], key: str, text: str, expected: str
) -> None:
    found = problems(**(by_hand | {key: text}))
    assert list(found) == [key]
    assert expected in found[key].message


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (
            "123456789012",
            "999999999999",
            "account 999999999999, but account_number is 123456789012",
        ),
        ("eu-central-1", "us-east-1", "region us-east-1, but aws_region is eu-central-1"),
    ],
)
def test_namespace_of_another_account_or_region(
    problems: Problems, by_hand: dict[str, str], old: str, new: str, expected: str
) -> None:
    arn = by_hand["namespace_arn"].replace(old, new)
    assert expected in problems(**(by_hand | {"namespace_arn": arn}))["namespace_arn"].message


def test_namespace_arn_of_another_namespace(problems: Problems, by_hand: dict[str, str]) -> None:
    found = problems(**(by_hand | {"namespace_id": "ns-other"}))
    assert list(found) == ["namespace_arn"]
    assert 'than namespace_id="ns-other"' in found["namespace_arn"].message


def test_role_with_a_path(load: Load, by_hand: dict[str, str]) -> None:
    arn = "arn:aws:iam::123456789012:role/service-role/team/x"
    platform = load(**(by_hand | {"ecs_task_execution_role_arn": arn})).existing_platform
    assert platform is not None
    assert platform.ecs_task_execution_role_arn == arn


@pytest.mark.parametrize(
    ("region", "partition"),
    [("cn-north-1", "aws-cn"), ("us-gov-west-1", "aws-us-gov"), ("eusc-de-east-1", "aws-eusc")],
)
def test_other_partitions(load: Load, by_hand: dict[str, str], region: str, partition: str) -> None:
    moved = {
        key: text.replace("arn:aws:", f"arn:{partition}:").replace("eu-central-1", region)
        for key, text in by_hand.items()
    }
    settings = load(**moved, aws_region=region, seed_image="registry.example.com/shop:1")
    platform = settings.existing_platform
    assert platform is not None
    assert platform.namespace_arn.startswith(f"arn:{partition}:servicediscovery:{region}:")


def test_arns_are_not_blamed_for_an_impossible_account(
    problems: Problems, by_hand: dict[str, str]
) -> None:
    assert list(problems(**by_hand, account_number="1")) == ["account_number"]
