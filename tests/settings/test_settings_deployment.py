"""Several files in one deployment."""

from collections.abc import Callable
from pathlib import Path

import pytest

from settings import Settings, SettingsError, SharedCoreSettings, load_deployment

WriteEnv = Callable[..., Path]

ORDERS = {
    "deploy_core_stack": "False",
    "stack_prefix": "Orders",
    "service_name": "orders",
    "ecr_repository_name": "orders",
}


def deploy(*files: Path) -> tuple[Settings, ...]:
    return load_deployment(", ".join(map(str, files)))


def report_of(*files: Path) -> str:
    with pytest.raises(SettingsError) as caught:
        deploy(*files)
    return " ".join(str(caught.value).split())


def test_one_file_is_a_deployment(write_env: WriteEnv) -> None:
    (settings,) = deploy(write_env(name="a.env"))
    assert settings.core is not None


def test_files_keep_their_order(write_env: WriteEnv) -> None:
    names = [
        s.service.service_name
        for s in deploy(write_env(name="o.env", **ORDERS), write_env(name="a.env"))
    ]
    assert names == ["orders", "ecsdemo-backend"]


def test_service_shares_the_core_stack_of_another_file_by_its_cluster(write_env: WriteEnv) -> None:
    _, orders = deploy(write_env(name="a.env"), write_env(name="o.env", **ORDERS))
    assert isinstance(orders.platform, SharedCoreSettings)
    assert orders.service.namespace_name == "default.ecs-blueprint-infra.local"


def test_a_sharing_service_may_choose_a_namespace(write_env: WriteEnv) -> None:
    core = write_env(name="a.env", namespaces="default,shop")
    by_label = write_env(name="o.env", **ORDERS, namespaces="shop")
    by_name = write_env(
        name="p.env",
        **ORDERS | {"stack_prefix": "P", "service_name": "pay", "ecr_repository_name": "pay"},
        namespace_name="shop.ecs-blueprint-infra.local",
    )
    _, orders, payments = deploy(core, by_label, by_name)
    assert orders.service.namespace_name == "shop.ecs-blueprint-infra.local"
    assert payments.service.namespace_name == "shop.ecs-blueprint-infra.local"


def test_a_sharing_service_must_choose_a_namespace_of_the_core_stack(
    write_env: WriteEnv,
) -> None:
    report = report_of(
        write_env(name="a.env"), write_env(name="o.env", **ORDERS, namespaces="shop")
    )
    assert 'a.env creates no namespace "shop.ecs-blueprint-infra.local"' in report
    assert "expected one of default.ecs-blueprint-infra.local" in report


def test_a_sharing_service_ignores_its_outputs_file(write_env: WriteEnv) -> None:
    _, orders = deploy(
        write_env(name="a.env"), write_env(name="o.env", **ORDERS, core_outputs_file="not-yet.json")
    )
    assert isinstance(orders.platform, SharedCoreSettings)


def test_service_on_another_cluster_shares_nothing(write_env: WriteEnv) -> None:
    report = report_of(
        write_env(name="a.env"), write_env(name="o.env", **ORDERS, ecs_cluster_name="elsewhere")
    )
    assert "vpc_name" in report
    assert "still a placeholder" in report


@pytest.mark.parametrize(
    ("key", "value", "consequence"),
    [
        ("stack_prefix", "", "the stacks of both would have the same names"),
        ("service_name", "ecsdemo-backend", "both would have the same name in DNS"),
        ("ecr_repository_name", "ecsdemo-backend", "both would create the same repository"),
        ("ecr_repository_name", "ecsdemo-backend/builds", "for released images or for builds"),
        ("deploy_core_stack", "True", "both would create the cluster"),
    ],
)
def test_collision_names_both_files_the_key_and_why(
    write_env: WriteEnv, key: str, value: str, consequence: str
) -> None:
    first = write_env(name="first.env")
    report = report_of(first, write_env(name="second.env", **ORDERS | {key: value}))
    assert "second.env" in report
    shown = key if key != "deploy_core_stack" else "ecs_cluster_name"
    assert f"{shown}=" in report
    assert f"is the same in {first}: " in report
    assert consequence in report
    assert "problem in" in report, "one mistake was reported twice"


def test_same_service_name_in_different_namespaces_still_collides_in_one_cluster(
    write_env: WriteEnv,
) -> None:
    first = write_env(name="a.env", namespaces="default,shop")
    second = write_env(
        name="o.env", **ORDERS | {"service_name": "ecsdemo-backend"}, namespaces="shop"
    )
    assert "or the same pipeline and log group" in report_of(first, second)


def test_files_for_different_regions_only_need_different_names_of_stacks(
    write_env: WriteEnv,
) -> None:
    first = write_env(name="a.env")
    there = {"aws_region": "us-east-1"}
    assert len(deploy(first, write_env(name="b.env", **there, stack_prefix="us-"))) == 2
    report = report_of(first, write_env(name="c.env", **there))
    assert "error: 1 problem" in report
    assert "the stacks of both would have the same names" in report


@pytest.mark.parametrize("key", ["account_number", "aws_region"])
def test_core_stack_is_shared_within_an_account_and_region_only(
    write_env: WriteEnv, key: str
) -> None:
    elsewhere = {"account_number": "999999999999", "aws_region": "us-east-1"}[key]
    report = report_of(
        write_env(name="a.env"), write_env(name="o.env", **ORDERS, **{key: elsewhere})
    )
    assert f'{key}="{elsewhere}"' in report
    assert "which creates the cluster" in report


@pytest.mark.parametrize("cluster", [None, ""])
def test_files_without_a_cluster_do_not_share_one(write_env: WriteEnv, cluster: str | None) -> None:
    report = report_of(
        write_env(name="a.env", ecs_cluster_name=cluster),
        write_env(name="o.env", **ORDERS, ecs_cluster_name=cluster),
    )
    assert report.count("ecs_cluster_name") == 2


def test_problems_of_all_files_are_reported_together(write_env: WriteEnv, tmp_path: Path) -> None:
    report = report_of(
        write_env(name="a.env", task_cpu="300"),
        write_env(name="o.env", **ORDERS, task_cpu="x"),
        tmp_path / "no.env",
    )
    for name in ("a.env", "o.env", "no.env"):
        assert f"error: 1 problem in {tmp_path / name}" in report
    assert report.count("Nothing was deployed or written.") == 1


@pytest.mark.parametrize(
    ("env_files", "expected"),
    [
        ("", "expected the name of a settings file, or several with commas between them"),
        (True, "expected the name of a settings file"),
        (["a.env"], "expected the name of a settings file"),
        ("a.env,", "has an empty item"),
        ("a.env, a.env", '"a.env" appears twice'),
    ],
)
def test_something_else_than_names_of_files(env_files: object, expected: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load_deployment(env_files)
    report = str(caught.value)
    assert report.startswith("error: 1 problem in env_file\n")
    assert expected in report
