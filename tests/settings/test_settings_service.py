"""The service."""

from collections.abc import Callable

import pytest

from settings import CpuArchitecture, Problem, Settings
from settings.model import DEFAULTS

Load = Callable[..., Settings]
Problems = Callable[..., dict[str, Problem]]

OWN_IMAGE = {"seed_image": "123456789012.dkr.ecr.eu-central-1.amazonaws.com/app:1"}


def test_service_lives_in_the_first_namespace_of_the_core_stack(load: Load) -> None:
    service = load(namespaces="first,second", ecs_cluster_name="shop").service
    assert service.ecs_cluster_name == "shop"
    assert service.namespace_name == "first.shop.local"


def test_service_lives_in_the_existing_namespace(load: Load, by_hand: dict[str, str]) -> None:
    service = load(**by_hand).service
    assert service.ecs_cluster_name == "platform"
    assert service.namespace_name == "default.platform.local"


@pytest.mark.parametrize("name", ["Orders", "or_ders", "-orders", "orders-", "a" * 64, "a.b", "ö"])
def test_impossible_service_name(problems: Problems, name: str) -> None:
    found = problems(service_name=name)
    assert list(found) == ["service_name"]
    assert "lower-case letters, digits and hyphens" in found["service_name"].message


@pytest.mark.parametrize("name", ["o", "orders-2", "a" * 63])
def test_possible_service_name(load: Load, name: str) -> None:
    assert load(service_name=name).service.service_name == name


@pytest.mark.parametrize("name", ["or ders", "a.b", "a" * 236])
def test_impossible_container_name(problems: Problems, name: str) -> None:
    assert "at most 235" in problems(container_name=name)["container_name"].message


@pytest.mark.parametrize("port", ["0", "65536", "70000", "-1", "http", "30.0", "0x50"])
def test_impossible_port(problems: Problems, port: str) -> None:
    found = problems(container_port=port)
    assert list(found) == ["container_port"]
    assert "from 1 to 65535" in found["container_port"].message


@pytest.mark.parametrize("port", [1, 65535])
def test_outermost_ports(load: Load, port: int) -> None:
    assert load(container_port=str(port), **OWN_IMAGE).service.container_port == port


# The first, the second and the last memory of each CPU ...
@pytest.mark.parametrize(
    ("cpu", "memory"),
    [
        *[(256, 512), (256, 1024), (256, 2048)],
        *[(512, 1024), (512, 2048), (512, 4096)],
        *[(1024, 2048), (1024, 3072), (1024, 8192)],
        *[(2048, 4096), (2048, 5120), (2048, 16384)],
        *[(4096, 8192), (4096, 9216), (4096, 30720)],
        *[(8192, 16384), (8192, 20480), (8192, 61440)],
        *[(16384, 32768), (16384, 40960), (16384, 122880)],
        *[(32768, 61440), (32768, 122880), (32768, 249856)],
    ],
)
def test_pair_that_fargate_offers(load: Load, cpu: int, memory: int) -> None:
    service = load(task_cpu=str(cpu), task_memory=str(memory)).service
    assert (service.task_cpu, service.task_memory) == (cpu, memory)


# ... and the sizes just outside and between.
@pytest.mark.parametrize(
    ("cpu", "memory"),
    [
        *[(256, 256), (256, 1536), (256, 3072)],
        *[(512, 512), (512, 5120)],
        *[(1024, 1024), (1024, 9216)],
        *[(2048, 3072), (2048, 17408)],
        *[(4096, 7168), (4096, 31744)],
        *[(8192, 15360), (8192, 17408), (8192, 65536)],
        *[(16384, 24576), (16384, 36864), (16384, 131072)],
        *[(32768, 32768), (32768, 65536)],
    ],
)
def test_pair_that_fargate_does_not_offer(problems: Problems, cpu: int, memory: int) -> None:
    assert list(problems(task_cpu=str(cpu), task_memory=str(memory))) == ["task_memory"]


def test_impossible_pair_says_what_goes_with_the_cpu(problems: Problems) -> None:
    message = problems(task_cpu="2048", task_memory="2048")["task_memory"].message
    assert message == 'expected 4096 to 16384 in steps of 1024 (MiB) with task_cpu="2048"'


@pytest.mark.parametrize("cpu", ["300", "0", "256.0", "1 vCPU", "1_024"])
def test_cpu_that_fargate_does_not_have(problems: Problems, cpu: str) -> None:
    found = problems(task_cpu=cpu)
    assert list(found) == ["task_cpu"]
    assert "one of 256, 512, 1024" in found["task_cpu"].message


def test_memory_that_goes_with_no_cpu_is_reported_beside_an_impossible_cpu(
    problems: Problems,
) -> None:
    assert list(problems(task_cpu="300", task_memory="700")) == ["task_cpu", "task_memory"]


@pytest.mark.parametrize("count", ["0", "-1", "1001", "many", "1.5"])
@pytest.mark.parametrize("key", ["desired_count", "max_count"])
def test_impossible_count(problems: Problems, key: str, count: str) -> None:
    assert "from 1 to 1000" in problems(**{key: count})[key].message


def test_desired_count_above_max_count(problems: Problems) -> None:
    found = problems(desired_count="5", max_count="4")
    assert list(found) == ["max_count"]
    assert 'at least desired_count="5"' in found["max_count"].message


def test_desired_count_above_the_default_of_max_count(problems: Problems) -> None:
    problem = problems(desired_count="11", max_count=None)["max_count"]
    assert problem.label == 'max_count="10" (the default)'


def test_desired_count_equal_to_max_count(load: Load) -> None:
    assert load(desired_count="4", max_count="4").service.max_count == 4


@pytest.mark.parametrize(
    ("text", "architecture"),
    [("X86_64", CpuArchitecture.X86_64), ("arm64", CpuArchitecture.ARM64)],
)
def test_architecture(load: Load, text: str, architecture: CpuArchitecture) -> None:
    assert load(cpu_architecture=text, **OWN_IMAGE).service.cpu_architecture is architecture


def test_impossible_architecture(problems: Problems) -> None:
    message = problems(cpu_architecture="amd64")["cpu_architecture"].message
    assert message == "expected X86_64 or ARM64"


def test_health_check_follows_the_port_by_default(load: Load) -> None:
    command = load(health_check_command=None).service.health_check_command or ()
    assert command == ("CMD-SHELL", DEFAULTS["health_check_command"])
    assert "localhost:$SERVICE_PORT/health" in command[-1]


def test_empty_health_check_means_none(load: Load) -> None:
    assert load(health_check_command="").service.health_check_command is None


@pytest.mark.parametrize("text", ['["/app", "check"]', '[ "/app" ,"check" ]'])
def test_health_check_without_a_shell(load: Load, text: str) -> None:
    assert load(health_check_command=text).service.health_check_command == (
        *("CMD", "/app", "check"),
    )


@pytest.mark.parametrize("text", ["[]", "[ ]", "['/app']", '["/app"', '["/app", 1]'])
def test_health_check_that_is_no_list_of_words(problems: Problems, text: str) -> None:
    assert "in double quotes" in problems(health_check_command=text)["health_check_command"].message


@pytest.mark.parametrize(
    "text", ["[ -e /ready ]", '[ "$(cat /state)" = up ]', "5", '"curl"', "[" * 4000]
)
def test_health_check_that_only_looks_like_a_list(load: Load, text: str) -> None:
    assert load(health_check_command=text).service.health_check_command == ("CMD-SHELL", text)


def test_health_check_of_absurd_length(problems: Problems) -> None:
    found = problems(health_check_command="x" * 4097)
    assert "at most 4096" in found["health_check_command"].message


@pytest.mark.parametrize(("ttl", "timeout"), [(0, 20), (10, 30), (100, 120), (60, 80)])
def test_stop_timeout_that_just_fits_the_ttl(load: Load, ttl: int, timeout: int) -> None:
    service = load(dns_ttl_seconds=str(ttl), stop_timeout_seconds=str(timeout)).service
    assert (service.dns_ttl_seconds, service.stop_timeout_seconds) == (ttl, timeout)


@pytest.mark.parametrize(("ttl", "timeout"), [(10, 29), (100, 119), (41, 60)])
def test_stop_timeout_that_does_not_fit_the_ttl(problems: Problems, ttl: int, timeout: int) -> None:
    found = problems(dns_ttl_seconds=str(ttl), stop_timeout_seconds=str(timeout))
    assert list(found) == ["stop_timeout_seconds"]
    assert f"expected {ttl + 20} to 120" in found["stop_timeout_seconds"].message


def test_ttl_that_the_default_stop_timeout_does_not_fit(problems: Problems) -> None:
    found = problems(dns_ttl_seconds="80", stop_timeout_seconds=None)
    assert found["stop_timeout_seconds"].label == 'stop_timeout_seconds="90" (the default)'


@pytest.mark.parametrize("timeout", ["121", "19", "", "1m"])
def test_impossible_stop_timeout(problems: Problems, timeout: str) -> None:
    message = problems(stop_timeout_seconds=timeout)["stop_timeout_seconds"].message
    assert "from 20 to 120" in message


def test_ttl_that_no_stop_timeout_fits(problems: Problems) -> None:
    found = problems(dns_ttl_seconds="101")
    assert list(found) == ["dns_ttl_seconds"]


@pytest.mark.parametrize("days", ["1", "30", "3653"])
def test_log_retention_of_core_and_service(load: Load, days: str) -> None:
    settings = load(log_retention_days=days)
    assert settings.core is not None
    assert settings.core.log_retention_days == settings.service.log_retention_days == int(days)


@pytest.mark.parametrize("days", ["0", "2", "31", "3654", "forever"])
def test_log_retention_that_cloudwatch_does_not_have(problems: Problems, days: str) -> None:
    found = problems(log_retention_days=days)
    assert list(found) == ["log_retention_days"]
    assert "1, 3, 5, 7, 14, 30" in found["log_retention_days"].message


@pytest.mark.parametrize("name", ["team/orders", "a.b_c-d", "ab", "a" * 249])
def test_possible_image_repository(load: Load, name: str) -> None:
    assert load(ecr_repository_name=name).service.ecr_repository_name == name


@pytest.mark.parametrize(
    "name", ["Orders", "a", "a/", "/a", "a//b", "a..b", "a--b", "a__b", "-a", "a_", "a" * 250]
)
def test_impossible_image_repository(problems: Problems, name: str) -> None:
    assert "2 to 249" in problems(ecr_repository_name=name)["ecr_repository_name"].message


@pytest.mark.parametrize(
    "image",
    [
        "nginx:1.29",
        "public.ecr.aws/nginx/nginx:1.29-alpine",
        "localhost:5000/app:1",
        "123456789012.dkr.ecr.eu-central-1.amazonaws.com/team/app@sha256:" + "0" * 64,
        "ghcr.io/acme/app:v1@sha256:" + "f" * 64,
    ],
)
def test_possible_seed_image(load: Load, image: str) -> None:
    assert load(seed_image=image).service.seed_image == image


@pytest.mark.parametrize("image", ["nginx", "public.ecr.aws/nginx/nginx", "localhost:5000/app"])
def test_seed_image_without_tag_or_digest(problems: Problems, image: str) -> None:
    assert "no tag or digest" in problems(seed_image=image)["seed_image"].message


@pytest.mark.parametrize(
    "image", ["", "Nginx:1", "a b:1", "nginx:", "docker://nginx:1", "x@sha256:1"]
)
def test_impossible_seed_image(problems: Problems, image: str) -> None:
    assert "expected a container image" in problems(seed_image=image)["seed_image"].message


def test_a_name_of_an_image_that_no_registry_takes(problems: Problems) -> None:
    message = problems(seed_image=f"{'a' * 256}:1")["seed_image"].message
    assert message == "expected at most 255 characters before the tag or digest"


@pytest.mark.parametrize(
    ("image", "arn"),
    [
        ("public.ecr.aws/nginx/nginx:1.29", None),
        ("nginx:1.29", None),
        (
            "210987654321.dkr.ecr.us-east-1.amazonaws.com/team/app:1",
            "arn:aws:ecr:us-east-1:210987654321:repository/team/app",
        ),
        (
            f"123456789012.dkr.ecr.eu-central-1.amazonaws.com/app:1@sha256:{'0' * 64}",
            "arn:aws:ecr:eu-central-1:123456789012:repository/app",
        ),
    ],
)
def test_a_seed_in_a_private_ecr_is_known_by_its_repository(
    load: Load, image: str, arn: str | None
) -> None:
    assert load(seed_image=image).service.seed_repository_arn == arn


CHINESE = "123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn/app:1"


def test_a_seed_in_a_private_ecr_of_another_partition(load: Load) -> None:
    service = load(aws_region="cn-northwest-1", seed_image=CHINESE).service
    assert service.seed_repository_arn == "arn:aws-cn:ecr:cn-north-1:123456789012:repository/app"


@pytest.mark.parametrize(
    ("region", "image", "expected"),
    [
        ("cn-north-1", None, "from which nobody can sign in to public.ecr.aws"),
        ("us-gov-west-1", "public.ecr.aws/a/b:1", "in the partition aws-us-gov"),
        ("eu-central-1", CHINESE, "expected one of the same partition"),
        (
            "eu-central-1",
            "123456789012.dkr.ecr.eu-central-1.amazonaws.com.cn/app:1",
            "expected 123456789012.dkr.ecr.eu-central-1.amazonaws.com/...",
        ),
        (
            "us-gov-west-1",
            "123456789012.dkr.ecr-fips.us-gov-west-1.amazonaws.com/app:1",
            "expected 123456789012.dkr.ecr.us-gov-west-1.amazonaws.com/...",
        ),
        (
            "eu-central-1",
            "123456789012.dkr-ecr.eu-central-1.on.aws/app:1",
            "expected 123456789012.dkr.ecr.eu-central-1.amazonaws.com/...",
        ),
    ],
)
def test_a_seed_that_the_copy_cannot_sign_in_to(
    problems: Problems, region: str, image: str | None, expected: str
) -> None:
    found = problems(aws_region=region, seed_image=image)
    assert list(found) == ["seed_image"]
    assert expected in found["seed_image"].message


@pytest.mark.parametrize("seed_image", [None, DEFAULTS["seed_image"], DEFAULTS["seed_image"] + "0"])
class TestSampleSeedImage:
    def test_on_another_port(self, problems: Problems, seed_image: str | None) -> None:
        found = problems(container_port="8080", seed_image=seed_image)
        assert list(found) == ["seed_image"]
        assert 'listens on 3000 (container_port is "8080")' in found["seed_image"].message
        assert "ARM64" not in found["seed_image"].message

    def test_on_arm(self, problems: Problems, seed_image: str | None) -> None:
        found = problems(cpu_architecture="ARM64", seed_image=seed_image)
        assert list(found) == ["seed_image"]
        assert 'amd64 alone (cpu_architecture is "ARM64")' in found["seed_image"].message
        assert "3000" not in found["seed_image"].message

    def test_is_not_blamed_for_an_impossible_port(
        self, problems: Problems, seed_image: str | None
    ) -> None:
        assert list(problems(container_port="0", seed_image=seed_image)) == ["container_port"]


def test_image_of_ones_own_may_use_any_port_and_processor(load: Load) -> None:
    service = load(container_port="8080", cpu_architecture="ARM64", **OWN_IMAGE).service
    assert service.seed_image == OWN_IMAGE["seed_image"]


def test_name_in_dns_is_one_that_dns_takes(
    load: Load, problems: Problems, by_hand: dict[str, str]
) -> None:
    label = "n" * 60
    namespace = ".".join([label, label, label, "n" * 58])
    changes = {**by_hand, "namespace_name": namespace}
    assert load(**changes, service_name="s" * 11).service.namespace_name == namespace
    found = problems(**changes, service_name="s" * 12)
    assert list(found) == ["service_name"]
    assert "at most 253 characters together with the namespace" in found["service_name"].message


def test_cluster_and_service_name_together_fit_into_the_name_of_a_pipeline(
    load: Load, problems: Problems
) -> None:
    fitting = {"ecs_cluster_name": "c" * 50, "service_name": "s" * 49}
    assert len(load(**fitting).service.full_name) == 100
    found = problems(**fitting | {"service_name": "s" * 50})
    assert list(found) == ["service_name"]
    assert "at most 100 characters together with ecs_cluster_name" in found["service_name"].message


IN_SECRETS_MANAGER = (
    "DB=arn:aws:secretsmanager:eu-central-1:123456789012:secret:db-AbCdEf:password::"
)
IN_PARAMETER_STORE = "KEY=arn:aws:ssm:eu-central-1:123456789012:parameter/orders/key"


@pytest.mark.parametrize(
    ("changes", "services"),
    [
        ({}, set()),
        ({"container_secrets": IN_SECRETS_MANAGER}, {"secretsmanager"}),
        (
            {"container_secrets": f"{IN_SECRETS_MANAGER},{IN_PARAMETER_STORE}"},
            {"secretsmanager", "ssm"},
        ),
        ({"enable_execute_command": "True"}, {"ssmmessages"}),
    ],
)
def test_endpoints_are_needed_for_the_stores_of_secrets_and_for_ecs_exec(
    load: Load, changes: dict[str, str], services: set[str]
) -> None:
    assert load(**changes).service.endpoint_services == services


POLICY = "arn:aws:iam::123456789012:policy/shop/orders-table"
OF_AWS = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"


def test_managed_policies_of_the_task_role(load: Load) -> None:
    assert load().service.task_role_policy_arns == ()
    service = load(task_role_policy_arns=f"{POLICY}, {OF_AWS}").service
    assert service.task_role_policy_arns == (POLICY, OF_AWS)


@pytest.mark.parametrize(
    ("arns", "expected"),
    [
        ("AmazonS3ReadOnlyAccess", "expected ARNs of managed policies"),
        (POLICY.replace("policy/", "role/"), "expected ARNs of managed policies"),
        (POLICY.replace("123456789012", "999999999999"), "of account 999999999999"),
        (OF_AWS.replace("arn:aws:", "arn:aws-cn:"), "of partition aws-cn"),
        (f"{POLICY},{POLICY}", "is there twice"),
        (",".join(f"{POLICY}{number}" for number in range(21)), "at most 20"),
    ],
)
def test_policies_that_cannot_be_attached(problems: Problems, arns: str, expected: str) -> None:
    found = problems(task_role_policy_arns=arns)
    assert list(found) == ["task_role_policy_arns"]
    assert expected in found["task_role_policy_arns"].message
