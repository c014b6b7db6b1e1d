"""Several files in one deployment."""

from collections.abc import Callable
from pathlib import Path

import pytest

from settings import Settings, SettingsError, SharedCoreSettings, load_deployment

Write = Callable[..., Path]

ORDERS = {
    "deploy_core_stack": "False",
    "stack_prefix": "Orders",
    "service_name": "orders",
    "ecr_repository_name": "orders",
}


@pytest.fixture
def write(write_env: Write) -> Write:
    """Write a settings file under a name of its own."""

    def write_named(name: str, **changes: str | None) -> Path:
        path = write_env(**changes)
        return path.rename(path.with_name(name))

    return write_named


def deploy(*files: Path) -> tuple[Settings, ...]:
    return load_deployment(", ".join(map(str, files)))


def report_of(*files: Path) -> str:
    with pytest.raises(SettingsError) as caught:
        deploy(*files)
    return " ".join(str(caught.value).split())


def test_one_file_is_a_deployment(write: Write) -> None:
    (settings,) = deploy(write("a.env"))
    assert settings.core is not None


def test_files_keep_their_order(write: Write) -> None:
    names = [s.service.service_name for s in deploy(write("o.env", **ORDERS), write("a.env"))]
    assert names == ["orders", "ecsdemo-backend"]


def test_service_shares_the_core_stack_of_another_file_by_its_cluster(write: Write) -> None:
    _, orders = deploy(write("a.env"), write("o.env", **ORDERS))
    assert isinstance(orders.platform, SharedCoreSettings)
    assert orders.service.namespace_name == "default.ecs-blueprint-infra.local"


def test_sharing_service_may_live_in_a_namespace_of_its_choice(write: Write) -> None:
    core = write("a.env", namespaces="default,shop")
    by_label = write("o.env", **ORDERS, namespaces="shop")
    by_name = write(
        "p.env",
        **ORDERS | {"stack_prefix": "P", "service_name": "pay", "ecr_repository_name": "pay"},
        namespace_name="shop.ecs-blueprint-infra.local",
    )
    _, orders, payments = deploy(core, by_label, by_name)
    assert orders.service.namespace_name == "shop.ecs-blueprint-infra.local"
    assert payments.service.namespace_name == "shop.ecs-blueprint-infra.local"


def test_sharing_service_must_live_in_a_namespace_that_the_core_stack_has(write: Write) -> None:
    report = report_of(write("a.env"), write("o.env", **ORDERS, namespaces="shop"))
    assert "a.env creates no namespace shop.ecs-blueprint-infra.local" in report
    assert "expected one of default.ecs-blueprint-infra.local" in report


def test_outputs_file_of_a_sharing_service_does_not_count(write: Write) -> None:
    _, orders = deploy(write("a.env"), write("o.env", **ORDERS, core_outputs_file="not-yet.json"))
    assert isinstance(orders.platform, SharedCoreSettings)


def test_service_on_another_cluster_shares_nothing(write: Write) -> None:
    report = report_of(write("a.env"), write("o.env", **ORDERS, ecs_cluster_name="elsewhere"))
    assert "vpc_name" in report
    assert "still a placeholder" in report


@pytest.mark.parametrize(
    ("key", "value", "consequence"),
    [
        ("stack_prefix", "", "the stacks of both would have the same names"),
        ("service_name", "ecsdemo-backend", "could not tell the services apart"),
        ("ecr_repository_name", "ecsdemo-backend", "both would create the same repository"),
        ("ecr_repository_name", "ecsdemo-backend/builds", "for images in service or for builds"),
        ("deploy_core_stack", "True", "both would create the cluster"),
    ],
)
def test_collision_names_both_files_the_key_and_why(
    write: Write, key: str, value: str, consequence: str
) -> None:
    first = write("first.env")
    report = report_of(first, write("second.env", **ORDERS | {key: value}))
    assert "second.env" in report
    shown = key if key != "deploy_core_stack" else "ecs_cluster_name"
    assert f"{shown}=" in report
    assert f"is the same in {first}: " in report
    assert consequence in report
    assert "problem in" in report, "one mistake was reported twice"


def test_same_service_name_in_different_namespaces_still_collides_in_one_cluster(
    write: Write,
) -> None:
    first = write("a.env", namespaces="default,shop")
    second = write("o.env", **ORDERS | {"service_name": "ecsdemo-backend"}, namespaces="shop")
    assert "log groups of both would have the same names" in report_of(first, second)


def test_files_for_different_regions_have_nothing_to_tell_apart_but_their_stacks(
    write: Write,
) -> None:
    first = write("a.env")
    there = {"aws_region": "us-east-1"}
    assert len(deploy(first, write("b.env", **there, stack_prefix="us-"))) == 2
    report = report_of(first, write("c.env", **there))
    assert "error: 1 problem" in report
    assert "the stacks of both would have the same names" in report


def service(number: int) -> dict[str, str]:
    name = f"service-{number}"
    return {**ORDERS, "stack_prefix": f"{name}-", "service_name": name, "ecr_repository_name": name}


def test_one_role_starts_the_tasks_of_as_many_services_as_it_has_room_for(write: Write) -> None:
    """Each adds a policy to it. For more services there are more cores."""
    files = [write("core.env"), *(write(f"{n}.env", **service(n)) for n in range(30))]
    assert len(deploy(*files[:20])) == 20
    report = report_of(*files)
    assert report.count("problem") == 1
    assert "start the tasks of 31 services" in report
    assert "of the 10240 that IAM allows a role" in report


@pytest.mark.parametrize("key", ["account_number", "aws_region"])
def test_core_stack_is_shared_within_an_account_and_region_only(write: Write, key: str) -> None:
    elsewhere = {"account_number": "999999999999", "aws_region": "us-east-1"}[key]
    report = report_of(write("a.env"), write("o.env", **ORDERS, **{key: elsewhere}))
    assert f'{key}="{elsewhere}"' in report
    assert "which creates the cluster" in report


def test_problems_of_all_files_are_reported_together(write: Write, tmp_path: Path) -> None:
    report = report_of(
        write("a.env", task_cpu="300"), write("o.env", **ORDERS, task_cpu="x"), tmp_path / "no.env"
    )
    for name in ("a.env", "o.env", "no.env"):
        assert f"error: 1 problem in {tmp_path / name}" in report
    assert report.count("Nothing was deployed or written.") == 1


def test_file_given_twice(write: Write) -> None:
    path = write("a.env")
    assert "is there twice" in report_of(path, path)
