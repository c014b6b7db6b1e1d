"""AWS takes the templates of the longest and the shortest settings that the blueprint accepts.

Most limits are in CloudFormation's schemas, which CDK's template rules apply. `QUOTAS` has those
that only AWS's pages state.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from app import make_app
from settings.examples import ACCOUNT, CONNECTION, EXISTING, REGION, example_deployment

_REGISTRY = f"{ACCOUNT}.dkr.ecr.ap-southeast-1.amazonaws.com"
_SECRET = f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:team"
LONGEST = {
    "stack_prefix": "p" * 109,
    "tags": ",".join(f"key-{n}=value" for n in range(47)),
    "ecs_cluster_name": "c" * 50,
    "service_name": "s" * 49,
    "namespaces": ",".join(letter * 63 for letter in "nm"),
    "vpc_endpoint_services": "sqs,dynamodb",
    "az_count": "6",
    "container_name": "c" * 235,
    "container_port": "65535",
    "ingress_cidrs": ",".join(f"10.{n}.0.0/16" for n in range(30)),
    "ingress_security_groups": ",".join(f"sg-{n:017x}" for n in range(30)),
    "task_cpu": "32768",
    "task_memory": "249856",
    "desired_count": "1000",
    "max_count": "1000",
    "cpu_target_percent": "95",
    "memory_target_percent": "95",
    "scaling_queue_arn": f"arn:aws:sqs:{REGION}:{ACCOUNT}:{'q' * 80}",
    "messages_per_task": "1000000",
    "health_check_command": "h" * 4096,
    "start_period_seconds": "300",
    "container_environment": f"E={'e' * 42_300}",
    "container_secrets": ",".join(f"S{n}={_SECRET}-{n:06}" for n in range(128)),
    "container_secrets_kms_keys": f"arn:aws:kms:{REGION}:{ACCOUNT}:key/mrk-{'0' * 32}",
    "task_role_policy_arns": ",".join(f"arn:aws:iam::{ACCOUNT}:policy/{n:0128}" for n in range(20)),
    "guardduty_agent_arn": f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/aws-guardduty-agent-fargate",
    "enable_execute_command": "True",
    "dns_ttl_seconds": "100",
    "stop_timeout_seconds": "120",
    "log_retention_days": "3653",
    "keep_logs": "True",
    "ecr_repository_name": "r" * 249,
    "keep_images": "True",
    "seed_image": f"{_REGISTRY}/{'i' * (254 - len(_REGISTRY))}:{'t' * 128}@sha256:{'0' * 64}",
    "repository_owner": "o" * 39,
    "repository_name": "r" * 100,
    "repository_branch": "b" * 244,
    "folder_path": "f" * 252,
    "dockerfile_path": f"{'f' * 252}/{'d' * 771}",
    "buildspec_path": "b" * 1024,
    "build_secrets": ",".join(f"B{n}={_SECRET}-{n:06}" for n in range(60)),
    "base_image_repository_arns": ",".join(
        f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/{n:0249}" for n in range(12)
    ),
    "build_role_policy_arns": ",".join(
        f"arn:aws:iam::{ACCOUNT}:policy/{n:0128}" for n in range(20)
    ),
    "build_compute_type": "X2_LARGE",
    "build_timeout_minutes": "480",
    "manual_approval": "True",
    "notification_email": f"{'a' * 64}@{'b' * 63}.{'c' * 63}.{'d' * 58}.de",
}
EXTREMES: Mapping[str, Mapping[str, str]] = {
    "longest, with a connection": {**LONGEST, "connection_arn": CONNECTION},
    "longest, on an existing core, with a token": {
        **LONGEST,
        **EXISTING,
        "github_token_secret_name": "t" * 512,
        "tags": "",  # the case above has them
        "ecs_cluster_name": f"C{'_' * 78}-",
        "service_name": "s" * 19,
        "namespace_name": ".".join(("_" + "n" * 57,) * 4)[:233].rstrip("."),
    },
    "shortest": {
        "ecs_cluster_name": "c",
        "service_name": "s",
        "namespaces": "n",
        "container_name": "_",
        "container_port": "1",
        "ecr_repository_name": "rr",
        "seed_image": "a.b/i:t",
        "az_count": "1",
        "desired_count": "1",
        "max_count": "1",
        "cpu_target_percent": "",
        "memory_target_percent": "",
        "health_check_command": "",
        "start_period_seconds": "0",
        "dns_ttl_seconds": "0",
        "stop_timeout_seconds": "20",
        "log_retention_days": "1",
        "repository_owner": "o",
        "repository_name": "r",
        "repository_branch": "b",
        "github_token_secret_name": "t",
        "folder_path": ".",
        "buildspec_path": "b",
        "notification_email": "a@b.de",
    },
}

MADE_UP = ("1.2.3.4/5", "'vpc-12345'", "'p-12345'", "'p-67890'")
"""Values with which CDK replaces a VPC that it would look up."""

Templates = Mapping[str, Mapping[str, Any]]


@cache
def synthesised(name: str) -> tuple[Templates, Mapping[str, Any]]:
    """Return the templates, and CDK's report about them."""
    with TemporaryDirectory(prefix="limits-") as folder:
        app = make_app(example_deployment(EXTREMES[name]), folder, template_rules=True)
        with suppress(RuntimeError):  # CDK raises it after it has written a report with errors.
            app.synth()
        made = {
            path.stem: json.loads(path.read_text("utf-8")) for path in Path(folder).glob("*.json")
        }
        return (
            {stack: content for stack, content in made.items() if stack.endswith(".template")},
            made["validation-report"],
        )


def templates(name: str) -> Templates:
    return synthesised(name)[0]


@pytest.mark.parametrize("name", EXTREMES)
def test_the_schemas_of_cloudformation_take_every_property(name: str) -> None:
    plugins = synthesised(name)[1]["pluginReports"]
    found = [each["description"] for plugin in plugins for each in plugin["violations"]]
    assert [text for text in found if not any(value in text for value in MADE_UP)] == []


# --- Limits that no schema states -----------------------------------------------------------------


def properties(templates: Templates, kind: str) -> Iterator[Mapping[str, Any]]:
    for template in templates.values():
        for resource in template["Resources"].values():
            if resource["Type"] == kind:
                yield resource.get("Properties", {})


def text_size(value: object) -> int:
    """Return how long a value is as JSON without white space."""
    return len(json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode())


def rendered(value: Any, template: Mapping[str, Any]) -> Any:
    """Return a value with texts of the right length in place of references."""
    if isinstance(value, list):
        return [rendered(item, template) for item in value]
    if not isinstance(value, Mapping):
        return value
    if "Fn::Join" in value:
        separator, parts = value["Fn::Join"]
        return separator.join(rendered(part, template) for part in parts)
    if any(key == "Ref" or key.startswith("Fn::") for key in value):
        return _referred(value, template)
    return {key: rendered(item, template) for key, item in value.items()}


def _referred(reference: Mapping[str, Any], template: Mapping[str, Any]) -> str:
    if reference == {"Ref": "AWS::URLSuffix"}:
        return "amazonaws.com"
    logical_id = (reference.get("Fn::GetAtt") or [""])[0]
    resource = template["Resources"].get(logical_id, {"Type": ""})
    named = resource.get("Properties", {})
    if resource["Type"] == "AWS::ECR::Repository":
        return f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/{named['RepositoryName']}"
    if resource["Type"] == "AWS::Logs::LogGroup" and "LogGroupName" in named:
        return f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{named['LogGroupName']}:*"
    return "x" * 150  # longer than the name or ARN of anything that CloudFormation names


def inline_policies(templates: Templates) -> Iterator[int]:
    """Yield the length of the inline policies of each role; of one stack together."""
    for template in templates.values():
        sizes: Counter[str] = Counter()
        for key, resource in template["Resources"].items():
            of_resource = resource.get("Properties", {})
            if resource["Type"] == "AWS::IAM::Policy":
                for role in of_resource["Roles"]:
                    document = rendered(of_resource["PolicyDocument"], template)
                    sizes[role["Ref"] if "Ref" in role else json.dumps(role)] += text_size(document)
            elif resource["Type"] == "AWS::IAM::Role":
                for policy in of_resource.get("Policies", []):
                    sizes[key] += text_size(rendered(policy["PolicyDocument"], template))
        yield from sizes.values()


Measure = Callable[[Templates], Iterable[int]]


_DOCS = "https://docs.aws.amazon.com"
QUOTAS: Mapping[str, tuple[int, str, Measure]] = {
    "bytes of a task definition": (
        64 * 1024,
        f"{_DOCS}/AmazonECS/latest/developerguide/service-quotas.html",
        lambda templates: map(text_size, properties(templates, "AWS::ECS::TaskDefinition")),
    ),
    "characters of the description of a build project": (
        255,
        f"{_DOCS}/codebuild/latest/APIReference/API_CreateProject.html",
        lambda templates: (
            len(project["Description"])
            for project in properties(templates, "AWS::CodeBuild::Project")
        ),
    ),
    "characters of a path that starts a pipeline": (
        255,
        f"{_DOCS}/codepipeline/latest/APIReference/API_GitFilePathFilterCriteria.html",
        lambda templates: (
            len(path)
            for pipeline in properties(templates, "AWS::CodePipeline::Pipeline")
            for trigger in pipeline.get("Triggers", [])
            for push in trigger["GitConfiguration"]["Push"]
            for path in push["FilePaths"]["Includes"]
        ),
    ),
    "characters of the inline policies of a role": (
        10_240,
        f"{_DOCS}/IAM/latest/UserGuide/reference_iam-quotas.html",
        inline_policies,
    ),
}
"""Limits that no schema states: the greatest size, AWS's page about it, and how to measure it."""


@pytest.mark.parametrize("quota", QUOTAS)
def test_no_quota_is_exceeded_and_the_longest_settings_come_near(quota: str) -> None:
    most, page, measure = QUOTAS[quota]
    sizes = [size for name in EXTREMES for size in measure(templates(name))]
    assert max(sizes) <= most, page
    assert max(sizes) > 0.85 * most, "shorter settings would not test the quota"
