"""Values of single keys: what they become, and which are refused."""

from collections.abc import Callable, Mapping

import pytest

from settings import CpuArchitecture, Problem, Settings, SettingsError
from settings.examples import ACCOUNT, CONNECTION, REGION
from settings.model import ALL_KEYS, DEFAULTS, ExistingPlatformSettings

Load = Callable[..., Settings]
Problems = Callable[..., dict[str, Problem]]

ECR = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com"
BASE_IMAGE = "arn:aws:ecr:eu-north-1:210987654321:repository/base/python"
POLICY = f"arn:aws:iam::{ACCOUNT}:policy/shop/orders-table"
QUEUE = f"arn:aws:sqs:{REGION}:{ACCOUNT}:jobs"
POLICY_OF_AWS = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"

TAGS = {"team": "orders", "Cost center": "a=b/c@d", "x": ""}
AGENT = f"arn:aws:ecr:{REGION}:694911143906:repository/aws-guardduty-agent-fargate"


def value_of(settings: Settings, key: str) -> object:
    """Find the value of a key in the section that has it."""
    for section in (settings, settings.service, settings.delivery, settings.platform):
        if hasattr(section, key):
            return getattr(section, key)
    pytest.fail(f"no section has {key}")


@pytest.mark.parametrize(
    ("key", "text", "value"),
    [
        ("account_number", "000000000012", "000000000012"),
        ("stack_prefix", "orders-", "orders-"),
        ("tags", "team=orders, Cost center = a=b/c@d,x=", TAGS),
        ("guardduty_agent_arn", AGENT, AGENT),
        ("manual_approval", "TRUE", True),
        ("enable_nat_gw", "fAlse", False),
        ("service_name", "orders-2", "orders-2"),
        ("container_port", " 3000 ", 3000),
        ("desired_count", "1", 1),
        ("cpu_target_percent", "95", 95),
        ("memory_target_percent", "", None),
        ("scaling_queue_arn", f"{QUEUE}.fifo", f"{QUEUE}.fifo"),
        ("cpu_architecture", "x86_64", CpuArchitecture.X86_64),
        ("health_check_command", "", None),
        ("health_check_command", "check <in >out", ("CMD-SHELL", "check <in >out")),
        ("health_check_command", "[ -e /ready ]", ("CMD-SHELL", "[ -e /ready ]")),
        ("health_check_command", '["/app", "check"]', ("CMD", "/app", "check")),
        ("task_role_policy_arns", f"{POLICY}, {POLICY_OF_AWS}", (POLICY, POLICY_OF_AWS)),
        ("log_retention_days", "3653", 3653),
        ("ecr_repository_name", "team/a.b_c-d", "team/a.b_c-d"),
        ("seed_image", "localhost:5000/app:1", "localhost:5000/app:1"),
        ("seed_image", f"{ECR}/a/b@sha256:{'0' * 64}", f"{ECR}/a/b@sha256:{'0' * 64}"),
        ("repository_owner", "aws-samples", "aws-samples"),
        ("repository_branch", "release/1.2_a-b", "release/1.2_a-b"),
        ("folder_path", "./application-code/app/.", "application-code/app"),
        ("folder_path", "./", "."),
        ("folder_path", "a/../b//c", "b/c"),
        ("buildspec_path", "./a//buildspec.yml", "a/buildspec.yml"),
        ("buildspec_path", "", None),
        ("base_image_repository_arns", BASE_IMAGE, (BASE_IMAGE,)),
        ("build_role_policy_arns", POLICY, (POLICY,)),
        ("build_compute_type", "X2_LARGE", "X2_LARGE"),
        ("notification_email", "on-call+shop@example.co.uk", "on-call+shop@example.co.uk"),
        ("notification_email", "", None),
        ("vpc_endpoint_services", "sqs, dynamodb", ("sqs", "dynamodb")),
        ("vpc_cidr", "172.16.4.0/22", "172.16.4.0/22"),
        ("namespaces", " default , other", ("default", "other")),
        ("availability_zones", f"{REGION}a,{REGION}b,{REGION}c", tuple(REGION + z for z in "abc")),
    ],
)
def test_a_value_becomes_typed(load: Load, key: str, text: str, value: object) -> None:
    assert value_of(load(**{key: text}), key) == value


@pytest.mark.parametrize(
    ("key", "text", "expected"),
    [
        ("account_number", "1234-5678-9012", "12 digits"),
        ("aws_region", "us-esat-1", "no AWS region has such a name"),
        ("aws_region", "us-east-1a", "no AWS region has such a name"),
        ("deploy_core_stack", "perhaps", "expected True or False"),
        ("manual_approval", "yes", "expected True or False"),
        ("stack_prefix", "1st", "a letter followed by"),
        ("stack_prefix", "a" * 110, "at most 109"),
        ("service_name", "Orders", "lower-case letters, digits and hyphens"),
        ("service_name", "orders-", "lower-case letters, digits and hyphens"),
        ("service_name", "a" * 64, "lower-case letters, digits and hyphens"),
        ("container_name", "a.b", "at most 235"),
        ("container_port", "65536", "from 1 to 65535"),
        ("container_port", "1_000", "from 1 to 65535"),
        ("task_cpu", "300", "one of 256, 512, 1024"),
        ("desired_count", "0", "from 1 to 1000"),
        ("max_count", "many", "from 1 to 1000"),
        ("cpu_architecture", "amd64", "expected one of X86_64, ARM64"),
        ("health_check_command", "['/app']", "in double quotes"),
        ("health_check_command", '["/app", 1]', "in double quotes"),
        ("task_role_policy_arns", "AmazonS3ReadOnlyAccess", "expected ARNs of managed policies"),
        ("task_role_policy_arns", POLICY.replace(ACCOUNT, "9" * 12), "to account 999999999999"),
        ("task_role_policy_arns", f"{POLICY},{POLICY}", "appears twice"),
        ("task_role_policy_arns", ",".join(f"{POLICY}{n}" for n in range(21)), "at most 20"),
        ("container_secrets_kms_keys", "alias/shop", "ARNs of KMS keys (not of aliases)"),
        ("dns_ttl_seconds", "101", "from 0 to 100"),
        ("stop_timeout_seconds", "121", "from 20 to 120"),
        ("start_period_seconds", "301", "from 0 to 300"),
        ("ingress_cidrs", "vpc,10.1.2.3", '"10.1.2.3": expected 10.1.2.3/32'),
        ("ingress_cidrs", "0.0.0.0/0", "from /1 to /32"),
        ("ingress_cidrs", "10.1.2.0/16", '"10.1.2.0/16": expected 10.1.0.0/16: the first'),
        ("ingress_cidrs", "vpc,vpc", "appears twice"),
        ("ingress_security_groups", "default", "ids of security groups"),
        ("aws_region", "us-isob-east-1", "no way to GitHub"),
        ("image_reader_accounts", "210987654321,1", "12 digits"),
        ("release_command", "['migrate']", "in double quotes"),
        ("tags", "team", '"team": expected key=value'),
        ("tags", "a=b;c", "expected key=value"),
        ("tags", f"{'k' * 129}=v", "at most 128"),
        ("tags", f"k={'v' * 257}", "256"),
        ("tags", "Aws:k=v", "may begin with aws:"),
        ("tags", "k= AWS:v", "may begin with aws:"),
        ("tags", "Team=a,team=b", '"team" appears twice'),
        ("tags", ",".join(f"k{n}=v" for n in range(48)), "at most 47"),
        ("guardduty_agent_arn", AGENT.replace(REGION, "us-east-1"), "to region us-east-1"),
        ("guardduty_agent_arn", AGENT + "-2", "expected arn:aws:ecr:"),
        ("log_retention_days", "31", "1, 3, 5, 7, 14, 30"),
        ("ecr_repository_name", "a--b", "2 to 249"),
        ("ecr_repository_name", "a" * 250, "2 to 249"),
        (
            "seed_image",
            "public.ecr.aws/nginx/nginx",
            "expected a registry and its image with a tag",
        ),
        ("seed_image", "nginx:1", "not of Docker Hub"),
        ("seed_image", "docker.io/library/nginx:1", "not of Docker Hub"),
        ("seed_image", "docker://nginx:1", "expected a registry and its image"),
        ("repository_owner", "https://github.com/a", "organisation only"),
        ("repository_name", "acme/app", "repository only"),
        ("repository_name", "app.git", "repository only"),
        ("repository_branch", "a b", "name of one branch"),
        ("repository_branch", "a..b", "name of one branch"),
        ("repository_branch", "$(x)", "name of one branch"),
        ("repository_branch", "-a", "name of one branch"),
        ("folder_path", "../app", "out of the repository"),
        ("folder_path", "/app", "out of the repository"),
        ("folder_path", "a;b", "expected a path of letters"),
        ("folder_path", "a/-rf", "begins with a hyphen"),
        ("buildspec_path", "a/.", "names a folder"),
        ("github_token_secret_name", "my token", "not the token itself"),
        ("connection_arn", "connection/0a1b", "expected the ARN of a connection"),
        ("connection_arn", CONNECTION.replace(REGION, "x"), "expected the ARN of a connection"),
        ("connection_arn", CONNECTION.replace(ACCOUNT, "9" * 12), "to account 999999999999"),
        ("connection_arn", CONNECTION.replace("arn:aws:", "arn:aws-cn:"), "to partition aws-cn"),
        ("cpu_target_percent", "96", "from 10 to 95 (percent), or nothing"),
        ("memory_target_percent", "9", "from 10 to 95 (percent), or nothing"),
        ("scaling_queue_arn", "jobs", "expected the ARN of an SQS queue"),
        ("scaling_queue_arn", QUEUE.replace(ACCOUNT, "9" * 12), "to account 999999999999"),
        ("scaling_queue_arn", QUEUE.replace(REGION, "us-east-1"), "to region us-east-1"),
        ("messages_per_task", "0", "from 1 to"),
        ("base_image_repository_arns", "python:3.14", "expected the ARN of an ECR repository"),
        ("base_image_repository_arns", f"{BASE_IMAGE}:1", "expected the ARN of an ECR repository"),
        ("base_image_repository_arns", f"{BASE_IMAGE},{BASE_IMAGE}", "appears twice"),
        (
            "base_image_repository_arns",
            BASE_IMAGE.replace("aws:", "aws-cn:"),
            "to partition aws-cn",
        ),
        ("build_role_policy_arns", "AdministratorAccess", "expected ARNs of managed policies"),
        ("build_compute_type", "HUGE", "expected one of SMALL, MEDIUM, LARGE, X_LARGE, X2_LARGE"),
        ("build_timeout_minutes", "481", "from 5 to 480 (minutes)"),
        ("notification_email", "me@host", "one e-mail address"),
        ("notification_email", "a@x.com,b@x.com", "one e-mail address"),
        (
            "vpc_endpoint_services",
            "sqs,sqss",
            '"sqss": no VPC endpoint for HTTPS has this name; did you mean sqs?',
        ),
        ("vpc_endpoint_services", "cloudwatch", "did you mean monitoring?"),
        ("vpc_endpoint_services", "zzz", "settings/endpoints.json lists the names"),
        ("vpc_endpoint_services", "sqs,sqs", "appears twice"),
        ("vpc_cidr", "10.0.0.0/15", "from /16 to /28"),
        ("vpc_cidr", "10.0.0.0/255.255.0.0", "expected 10.0.0.0/16"),
        ("vpc_cidr", "10.0.128.0/16", "expected 10.0.0.0/16: the first address"),
        ("ecs_cluster_name", "my_cluster", "DNS"),
        ("namespaces", "default,", "empty item"),
        ("namespaces", "a,b, a", '"a" appears twice'),
        ("namespaces", "default.shop.local", "expected the first part of the name only"),
        ("namespaces", "a_b", "lower-case letters"),
        ("az_count", "7", "from 1 to 6"),
        ("availability_zones", "us-east-1a,b,c", f'"us-east-1a": expected a zone of {REGION}'),
        ("availability_zones", f"{REGION}a,{REGION}b", "expected 3 zones"),
    ],
)
def test_a_refused_value_is_the_only_problem(
    problems: Problems, key: str, text: str, expected: str
) -> None:
    found = problems(**{key: text})
    assert list(found) == [key]
    assert expected in found[key].message


@pytest.mark.parametrize("region", ["us-east-1", "us-gov-west-1", "eusc-de-east-1", "il-central-1"])
def test_every_form_of_a_region_is_accepted(load: Load, region: str) -> None:
    assert load(aws_region=region, seed_image="registry.example.com/a:1").aws_region == region


def test_a_region_without_a_webhook_needs_a_connection(load: Load, problems: Problems) -> None:
    region = {"aws_region": "ap-southeast-5", "seed_image": "registry.example.com/a:1"}
    assert list(problems(**region)) == ["connection_arn"]
    assert load(**region, connection_arn=CONNECTION).aws_region == "ap-southeast-5"


def test_a_connection_may_be_of_another_region(load: Load) -> None:
    arn = CONNECTION.replace(REGION, "us-east-1")
    assert load(connection_arn=arn).delivery.connection_arn == arn


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("<FILL_ME_IN>", "is still a placeholder"),
        ("or\tders", "contains a non-printable character"),
        ("a\u200bb", "contains a non-printable character"),
        ("A=${HOME}", "${ begins a reference"),
        ("A={{resolve:ssm:/x}}", "{{resolve: begins a reference"),
    ],
)
@pytest.mark.parametrize("key", ["task_cpu", "health_check_command", "container_environment"])
def test_no_key_accepts_such_a_text(problems: Problems, key: str, text: str, reason: str) -> None:
    found = problems(**{key: text})
    assert list(found) == [key]
    assert reason in found[key].message


ODD = (
    *("", "$HOME", ",", "A=", "1e3", "٣", "../..", "[]", '"', "\\", "$(id)", "\x00", "x" * 3000),
)


def report_of(load: Load, changes: Mapping[str, str | None]) -> str:
    """Return the report, or nothing for settings that can be loaded."""
    try:
        load(**changes)
    except SettingsError as error:
        return str(error)
    return ""


@pytest.mark.parametrize("key", ALL_KEYS)
def test_any_text_gives_settings_or_a_report_and_no_other_error(
    load: Load, by_hand: dict[str, str], key: str
) -> None:
    topology = by_hand if key in ExistingPlatformSettings.model_fields else {}
    # Without the keys that have a default, the file is read in a fraction of the time.
    others = dict.fromkeys(DEFAULTS) | topology
    for text in ODD:
        assert report_of(load, others | {key: text}).replace("\n", "").isprintable()
