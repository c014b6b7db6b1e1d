"""Rules between the keys, and values that follow from several keys."""

from collections.abc import Callable

import pytest

from settings import CoreSettings, Problem, Settings
from settings.examples import ACCOUNT, CONNECTION, PARAMETER, PROMOTED, SECRET
from settings.model import DEFAULTS

Load = Callable[..., Settings]
Problems = Callable[..., dict[str, Problem]]

OWN_IMAGE = {"seed_image": "registry.example.com/app:1"}
CHINESE_IMAGE = f"{ACCOUNT}.dkr.ecr.cn-north-1.amazonaws.com.cn/app:1"


def core(settings: Settings) -> CoreSettings:
    assert settings.core is not None
    return settings.core


# --- Names ----------------------------------------------------------------------------------------


def test_the_prefix_begins_the_names_of_the_stacks(load: Load) -> None:
    settings = load(stack_prefix="orders-")
    assert settings.core_stack_name == "orders-CoreInfraStack"
    assert settings.service_stack_name == "orders-BackendServiceStack"


def test_the_service_is_in_the_first_namespace_of_the_core_stack(load: Load) -> None:
    settings = load(namespaces="first,second", ecs_cluster_name="shop")
    assert settings.service.ecs_cluster_name == "shop"
    assert settings.service.namespace_name == "first.shop.local"
    assert core(settings).namespace_names == ("first.shop.local", "second.shop.local")


def test_the_name_of_a_pipeline_limits_cluster_and_service_name(
    load: Load, problems: Problems
) -> None:
    fitting = {"ecs_cluster_name": "c" * 50, "service_name": "s" * 49}
    assert len(load(**fitting).service.full_name) == 100
    found = problems(**fitting | {"service_name": "s" * 50})
    assert list(found) == ["service_name"]
    assert "at most 100 characters together with ecs_cluster_name" in found["service_name"].message


# --- Tasks ----------------------------------------------------------------------------------------


# The first and the last memory that Fargate offers with a CPU, and sizes outside and between.
@pytest.mark.parametrize(
    ("cpu", "offered", "not_offered"),
    [
        (256, (512, 2048), (1536, 3072)),
        (512, (1024, 4096), (512, 5120)),
        (1024, (2048, 8192), (1024, 9216)),
        (2048, (4096, 16384), (3072, 17408)),
        (4096, (8192, 30720), (7168, 31744)),
        (8192, (16384, 61440), (17408, 65536)),
        (16384, (32768, 122880), (36864, 131072)),
        (32768, (61440, 249856), (32768, 65536)),
    ],
)
def test_fargate_offers_some_memory_sizes_with_each_cpu(
    load: Load,
    problems: Problems,
    cpu: int,
    offered: tuple[int, ...],
    not_offered: tuple[int, ...],
) -> None:
    for memory in offered:
        assert load(task_cpu=str(cpu), task_memory=str(memory)).service.task_memory == memory
    for memory in not_offered:
        assert list(problems(task_cpu=str(cpu), task_memory=str(memory))) == ["task_memory"]


def test_the_message_says_which_memory_goes_with_the_cpu(problems: Problems) -> None:
    message = problems(task_cpu="2048", task_memory="2048")["task_memory"].message
    assert message == 'expected 4096 to 16384 in steps of 1024 (MiB) with task_cpu="2048"'


def test_a_wrong_cpu_does_not_hide_a_wrong_memory(problems: Problems) -> None:
    assert list(problems(task_cpu="300", task_memory="777")) == ["task_cpu", "task_memory"]
    assert list(problems(task_cpu="300", task_memory="1024")) == ["task_cpu"]


def test_max_count_is_at_least_desired_count(load: Load, problems: Problems) -> None:
    assert load(desired_count="4", max_count="4").service.max_count == 4
    found = problems(desired_count="5", max_count="4")
    assert list(found) == ["max_count"]
    assert 'at least desired_count="5"' in found["max_count"].message


def test_a_default_that_breaks_a_rule_is_called_so(problems: Problems) -> None:
    problem = problems(desired_count="11", max_count=None)["max_count"]
    assert problem.label == 'max_count="10" (the default)'


@pytest.mark.parametrize(("ttl", "timeout"), [(0, 20), (10, 30), (100, 120)])
def test_a_stopping_task_outlasts_its_name(
    load: Load, problems: Problems, ttl: int, timeout: int
) -> None:
    changes = {"dns_ttl_seconds": str(ttl), "stop_timeout_seconds": str(timeout)}
    assert load(**changes).service.stop_timeout_seconds == timeout
    found = problems(**changes | {"stop_timeout_seconds": str(timeout - 1)})
    assert list(found) == ["stop_timeout_seconds"]
    assert f"{timeout} to 120" in found["stop_timeout_seconds"].message


def test_core_and_service_keep_their_logs_equally_long(load: Load) -> None:
    settings = load(log_retention_days="7")
    assert core(settings).log_retention_days == settings.service.log_retention_days == 7


@pytest.mark.parametrize(
    ("changes", "services"),
    [
        ({}, set()),
        ({"container_secrets": f"DB={SECRET}:password::"}, {"secretsmanager"}),
        ({"container_secrets": f"DB={SECRET},KEY={PARAMETER}"}, {"secretsmanager", "ssm"}),
        ({"enable_execute_command": "True"}, {"ssmmessages"}),
    ],
)
def test_secrets_and_ecs_exec_need_endpoints(
    load: Load, changes: dict[str, str], services: set[str]
) -> None:
    assert load(**changes).service.endpoint_services == services


@pytest.mark.parametrize("has_nat_gw", ["True", "False"])
def test_an_endpoint_that_is_always_there_is_not_named(problems: Problems, has_nat_gw: str) -> None:
    made = "s3" if has_nat_gw == "True" else "logs, s3"
    found = problems(enable_nat_gw=has_nat_gw, vpc_endpoint_services="s3,logs")
    assert list(found) == ["vpc_endpoint_services"]
    assert f"has an endpoint for {made} already" in found["vpc_endpoint_services"].message


# --- The first image ------------------------------------------------------------------------------


@pytest.mark.parametrize("image", [None, DEFAULTS["seed_image"], DEFAULTS["seed_image"] + "0"])
@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"container_port": "8080"}, 'listens on 3000 (container_port is "8080")'),
        ({"cpu_architecture": "ARM64"}, 'for amd64 only (cpu_architecture is "ARM64")'),
    ],
)
def test_the_sample_image_does_not_fit_every_service(
    problems: Problems, image: str | None, changes: dict[str, str], reason: str
) -> None:
    found = problems(**changes, seed_image=image)
    assert list(found) == ["seed_image"]
    assert reason in found["seed_image"].message


def test_another_image_may_use_any_port_and_processor(load: Load) -> None:
    service = load(container_port="8080", cpu_architecture="arm64", **OWN_IMAGE).service
    assert service.seed_image == OWN_IMAGE["seed_image"]


@pytest.mark.parametrize(
    ("region", "image", "expected"),
    [
        ("eu-central-1", CHINESE_IMAGE, "which is in the partition aws-cn;"),
    ],
)
def test_the_copy_cannot_sign_in_from_another_partition(
    problems: Problems, region: str, image: str | None, expected: str
) -> None:
    found = problems(aws_region=region, seed_image=image)
    assert list(found) == ["seed_image"]
    assert expected in found["seed_image"].message


def test_the_arn_of_a_private_ecr_repository(load: Load) -> None:
    image = f"{ACCOUNT}.dkr.ecr.us-gov-east-1.amazonaws.com/app:1"
    service = load(aws_region="us-gov-west-1", seed_image=image).service
    assert (
        service.seed_repository_arn == f"arn:aws-us-gov:ecr:us-gov-east-1:{ACCOUNT}:repository/app"
    )
    assert load(**OWN_IMAGE).service.seed_repository_arn is None


# --- Delivery -------------------------------------------------------------------------------------


@pytest.mark.parametrize("token", [None, "", "<PLACEHOLDER>", "no such name!"])
def test_a_connection_is_used_instead_of_a_token(load: Load, token: str | None) -> None:
    delivery = load(connection_arn=CONNECTION, github_token_secret_name=token).delivery
    assert delivery.connection_arn == CONNECTION
    assert delivery.github_token_secret_name is None


def test_the_token_is_used_without_a_connection(load: Load) -> None:
    delivery = load(github_token_secret_name="shop/token").delivery  # noqa: S106 - its name
    assert delivery.github_token_secret_name == "shop/token"  # noqa: S105
    assert delivery.connection_arn is None


@pytest.mark.parametrize("text", [None, "", "<PLACEHOLDER>"])
def test_images_from_elsewhere_need_no_key_of_git(load: Load, text: str | None) -> None:
    keys = ("repository_owner", "repository_name", "repository_branch", "folder_path")
    images = {"image_source_repository_arn": PROMOTED["image_source_repository_arn"]}
    token = {"github_token_secret_name": text}
    delivery = load(**images, **dict.fromkeys(keys, text), **token).delivery
    assert [getattr(delivery, key) for key in keys] == [""] * 4
    assert delivery.github_token_secret_name is None


def test_images_from_elsewhere_and_git_are_refused_together(problems: Problems) -> None:
    found = problems(**PROMOTED | {"repository_owner": "acme", "connection_arn": CONNECTION})
    assert list(found) == ["repository_owner", "connection_arn"]
    assert {each.message for each in found.values()} == {
        "leave it empty: with image_source_repository_arn nothing is read from Git"
    }


@pytest.mark.parametrize(
    ("region", "partition"), [("cn-northwest-1", "aws-cn"), ("mx-central-1", "aws")]
)
def test_a_region_that_cannot_build_a_commit_needs_images_from_elsewhere(
    load: Load, problems: Problems, region: str, partition: str
) -> None:
    found = problems(aws_region=region, **OWN_IMAGE)
    assert list(found) == ["image_source_repository_arn"]
    assert f"{region} cannot build" in found["image_source_repository_arn"].message
    images = f"arn:{partition}:ecr:{region}:{ACCOUNT}:repository/shop/builds"
    given = {"repository_owner": "", "image_source_repository_arn": images}
    assert load(aws_region=region, **given, **OWN_IMAGE).aws_region == region


@pytest.mark.parametrize(
    ("folder", "dockerfile", "path"),
    [
        (".", "", "Dockerfile"),
        ("./app", "", "app/Dockerfile"),
        (".", "./docker/web.Dockerfile", "docker/web.Dockerfile"),
        ("app", "app/docker/Dockerfile", "app/docker/Dockerfile"),
    ],
)
def test_the_dockerfile_is_in_the_folder(
    load: Load, folder: str, dockerfile: str, path: str
) -> None:
    assert load(folder_path=folder, dockerfile_path=dockerfile).delivery.dockerfile == path


def test_a_dockerfile_outside_of_the_folder_is_refused(problems: Problems) -> None:
    found = problems(folder_path="app", dockerfile_path="application/Dockerfile")
    assert list(found) == ["dockerfile_path"]
    assert 'outside of folder_path="app"' in found["dockerfile_path"].message


# --- The core -------------------------------------------------------------------------------------


# ec2.Vpc itself refuses smaller blocks.
@pytest.mark.parametrize(("az_count", "smallest"), [(1, 27), (2, 26), (3, 25), (6, 24)])
def test_every_zone_needs_room_for_two_subnets(
    load: Load, problems: Problems, az_count: int, smallest: int
) -> None:
    settings = load(vpc_cidr=f"10.0.0.0/{smallest}", az_count=str(az_count))
    assert core(settings).az_count == az_count
    found = problems(vpc_cidr=f"10.0.0.0/{smallest + 1}", az_count=str(az_count))
    assert f'expected a larger block for az_count="{az_count}"' in found["vpc_cidr"].message


def test_one_invalid_value_causes_no_second_problem(problems: Problems) -> None:
    assert list(problems(container_port="0", seed_image=None)) == ["container_port"]
    zones = "us-east-1a,us-east-1b,us-east-1c"
    assert list(problems(aws_region="us-esat-1", availability_zones=zones)) == ["aws_region"]
    assert list(problems(deploy_core_stack="perhaps", vpc_cidr="x")) == ["deploy_core_stack"]
