"""What AWS takes, against the templates of the longest and the shortest settings that we take.

Lengths and patterns are stated by CloudFormation's schemas and by botocore's models of the APIs
that CloudFormation calls; what only prose states is in `QUOTAS`.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import botocore.session
import cfnlint.api
import pytest
from botocore.model import Shape
from cfnlint.config import ManualArgs
from cfnlint.helpers import REGIONS

from app import templates_of
from settings import Settings
from settings.aws_types import Partition, partition_of
from settings.examples import ACCOUNT, CONNECTION, EXISTING, REGION, example_deployment

_REGISTRY = f"{ACCOUNT}.dkr.ecr.ap-southeast-1.amazonaws.com"
_SECRET = f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:team"
_KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/mrk-{'0' * 32}"
LONGEST = {
    "stack_prefix": "p" * 109,
    "ecs_cluster_name": "c" * 50,
    "service_name": "s" * 49,
    "namespaces": ",".join(letter * 63 for letter in "nm"),
    "az_count": "6",
    "container_name": "c" * 235,
    "container_port": "65535",
    "task_cpu": "32768",
    "task_memory": "249856",
    "desired_count": "1000",
    "max_count": "1000",
    "health_check_command": "h" * 4096,
    "container_environment": f"E={'e' * 42_300}",
    "container_secrets": ",".join(f"S{n}={_SECRET}-{n:06}" for n in range(130)),
    "container_secrets_kms_keys": _KEY,
    "task_role_policy_arns": ",".join(f"arn:aws:iam::{ACCOUNT}:policy/{n:0128}" for n in range(20)),
    "enable_execute_command": "True",
    "dns_ttl_seconds": "100",
    "stop_timeout_seconds": "120",
    "log_retention_days": "3653",
    "ecr_repository_name": "r" * 249,
    "seed_image": f"{_REGISTRY}/{'i' * (254 - len(_REGISTRY))}:{'t' * 128}@sha256:{'0' * 64}",
    "repository_owner": "o" * 39,
    "repository_name": "r" * 100,
    "repository_branch": "b" * 244,
    "folder_path": "f" * 252,
    "dockerfile_path": f"{'f' * 252}/{'d' * 771}",
    "buildspec_path": "b" * 1024,
    "build_secrets": ",".join(f"B{n}={_SECRET}-{n:06}" for n in range(105)),
    "manual_approval": "True",
    "notification_email": f"{'a' * 64}@{'b' * 63}.{'c' * 63}.{'d' * 58}.de",
}
EXTREMES: Mapping[str, Mapping[str, str]] = {
    "longest, with a token": {**LONGEST, "github_token_secret_name": "t" * 512},
    "longest, with a connection": {**LONGEST, "connection_arn": CONNECTION},
    "longest, on what is there": {
        **LONGEST,
        **EXISTING,
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
        "seed_image": "i:t",
        "az_count": "1",
        "desired_count": "1",
        "max_count": "1",
        "health_check_command": "",
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
"""What CDK puts in the place of a VPC that would be looked up."""

Templates = Mapping[str, Mapping[str, Any]]
Resource = Mapping[str, Any]


@cache
def deployed(name: str) -> tuple[Settings, Templates]:
    """Return the settings, and the templates that they make."""
    (settings,) = deployment = example_deployment(EXTREMES[name])
    return settings, templates_of(deployment)


@pytest.fixture(params=EXTREMES)
def templates(request: pytest.FixtureRequest) -> Templates:
    """Return the templates of extreme settings."""
    return deployed(request.param)[1]


def is_reference(value: Mapping[str, Any]) -> bool:
    """Tell whether CloudFormation puts something else in the place of a value."""
    return any(key == "Ref" or key.startswith("Fn::") for key in value)


def resources(templates: Templates) -> Iterator[Resource]:
    """Yield the resources of all stacks."""
    for template in templates.values():
        yield from template["Resources"].values()


@pytest.mark.slow  # cfn-lint takes seconds for each
def test_cloudformation_s_schemas_take_every_property(templates: Templates) -> None:
    for template in templates.values():
        options = ManualArgs(ignore_checks=["W", "I"], regions=[REGION])
        matches = cfnlint.api.lint(json.dumps(template), config=options)
        found = [f"{match.rule.id} {match.path}: {match.message}" for match in matches]
        assert [text for text in found if not any(value in text for value in MADE_UP)] == []


# --- What the APIs take, by botocore's models -----------------------------------------------------

OPERATIONS: Mapping[str, tuple[str, str, str | None]] = {
    "AWS::ApplicationAutoScaling::ScalableTarget": (
        *("application-autoscaling", "RegisterScalableTarget", None),
    ),
    "AWS::ApplicationAutoScaling::ScalingPolicy": (
        *("application-autoscaling", "PutScalingPolicy", None),
    ),
    "AWS::CloudWatch::Alarm": ("cloudwatch", "PutMetricAlarm", None),
    "AWS::CloudWatch::Dashboard": ("cloudwatch", "PutDashboard", None),
    "AWS::CodeBuild::Project": ("codebuild", "CreateProject", None),
    "AWS::CodePipeline::Pipeline": ("codepipeline", "CreatePipeline", "pipeline"),
    "AWS::CodePipeline::Webhook": ("codepipeline", "PutWebhook", "webhook"),
    "AWS::ECR::Repository": ("ecr", "CreateRepository", None),
    "AWS::ECS::Cluster": ("ecs", "CreateCluster", None),
    "AWS::ECS::Service": ("ecs", "CreateService", None),
    "AWS::ECS::TaskDefinition": ("ecs", "RegisterTaskDefinition", None),
    "AWS::Events::Rule": ("events", "PutRule", None),
    "AWS::IAM::Policy": ("iam", "PutRolePolicy", None),
    "AWS::IAM::Role": ("iam", "CreateRole", None),
    "AWS::KMS::Key": ("kms", "CreateKey", None),
    "AWS::Lambda::Function": ("lambda", "CreateFunction", None),
    "AWS::Logs::LogGroup": ("logs", "CreateLogGroup", None),
    "AWS::Logs::MetricFilter": ("logs", "PutMetricFilter", None),
    "AWS::SNS::Subscription": ("sns", "Subscribe", None),
    "AWS::SNS::Topic": ("sns", "CreateTopic", None),
    "AWS::SecretsManager::Secret": ("secretsmanager", "CreateSecret", None),
    "AWS::ServiceDiscovery::PrivateDnsNamespace": (
        *("servicediscovery", "CreatePrivateDnsNamespace", None),
    ),
    "AWS::ServiceDiscovery::Service": ("servicediscovery", "CreateService", None),
}
"""What CloudFormation calls to create a resource, and the parameter that has its properties."""


@cache
def shape_of(kind: str) -> Shape:
    """Return the shape of what the API takes for a resource of a type."""
    service, operation, member = OPERATIONS[kind]
    model = botocore.session.get_session().get_service_model(service)
    shape = model.operation_model(operation).input_shape
    return shape.members[member] if member else shape


def compared(value: Any, shape: Shape, path: str) -> Iterator[tuple[str, str, Shape]]:
    """Yield the texts in a property, with their place and the shape that the API gives them."""
    if isinstance(value, str) and shape.type_name == "string":
        yield path, value, shape
    elif isinstance(value, list) and shape.type_name == "list":
        for index, item in enumerate(value):
            yield from compared(item, shape.member, f"{path}[{index}]")
    elif isinstance(value, Mapping) and not is_reference(value):
        for key, item in value.items():
            if shape.type_name == "map":
                yield from compared(item, shape.value, f"{path}.{key}")
            elif shape.type_name == "structure":
                # CloudFormation has the names of the API, mostly with a capital.
                members = {name.lower(): member for name, member in shape.members.items()}
                if member := members.get(key.lower()):
                    yield from compared(item, member, f"{path}.{key}")


# The models have patterns of Java.
_PATTERNS = {
    r"\uD800\uDC00-\uDBFF\uDFFF": r"\U00010000-\U0010FFFF",
    r"\p{Print}": "[ -~]",
    r"\p{L}": "A-Za-z",
    r"\p{N}": "0-9",
    r"\p{Z}": " ",
}


def objection(text: str, shape: Shape) -> str | None:
    """Say why the API would refuse the text, if it would."""
    stated = shape.metadata
    if not stated.get("min", 0) <= len(text) <= stated.get("max", len(text)):
        return f"{len(text)} characters, of {stated.get('min', 0)} to {stated.get('max')}"
    pattern = stated.get("pattern", "")
    for of_java, of_python in _PATTERNS.items():
        pattern = pattern.replace(of_java, of_python)
    if pattern and not re.fullmatch(pattern, text):
        return f"{text[:60]} does not match {pattern}"
    return None


def test_the_apis_take_every_name_and_text(templates: Templates) -> None:
    refused = [
        f"{path}: {message}"
        for resource in resources(templates)
        if resource["Type"] in OPERATIONS
        for path, text, shape in compared(
            resource.get("Properties", {}), shape_of(resource["Type"]), resource["Type"]
        )
        if (message := objection(text, shape))
    ]
    assert refused == []


def test_names_are_among_what_is_compared() -> None:
    """A property that has another name in the API would be compared with nothing."""
    places = {
        path
        for resource in resources(deployed("longest, with a connection")[1])
        if resource["Type"] in OPERATIONS
        for path, _, shape in compared(
            resource.get("Properties", {}), shape_of(resource["Type"]), resource["Type"]
        )
        if shape.metadata
    }
    assert places >= {
        "AWS::CloudWatch::Alarm.AlarmName",
        "AWS::CodeBuild::Project.Description",
        "AWS::CodeBuild::Project.Name",
        "AWS::CodePipeline::Pipeline.Name",
        "AWS::CodePipeline::Pipeline.Stages[3].Actions[2].Name",
        "AWS::CodePipeline::Pipeline.Triggers[0].GitConfiguration.Push[0].FilePaths.Includes[0]",
        "AWS::ECR::Repository.RepositoryName",
        "AWS::IAM::Policy.PolicyName",
        "AWS::Logs::LogGroup.LogGroupName",
        "AWS::ServiceDiscovery::PrivateDnsNamespace.Name",
    }


def test_an_api_that_would_refuse_a_name_is_noticed() -> None:
    name = shape_of("AWS::CodeBuild::Project").members["name"]
    assert objection("-project", name)
    assert objection("p" * 151, name)
    assert objection("p" * 150, name) is None


@pytest.mark.parametrize("region", REGIONS)
def test_regions_are_in_the_partition_that_botocore_knows(region: str) -> None:
    (partition,) = (
        found["outputs"]
        for found in botocore.session.get_session().get_data("partitions")["partitions"]
        if region in found["regions"] or re.fullmatch(found["regionRegex"], region)
    )
    assert partition_of(region) == Partition(partition["name"], partition["dnsSuffix"])


# --- What only prose states -----------------------------------------------------------------------

Measure = Callable[[Templates], Iterator[int]]


def properties(templates: Templates, kind: str) -> Iterator[Mapping[str, Any]]:
    """Yield the properties of the resources of a type."""
    for resource in resources(templates):
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
    if is_reference(value):
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
    """Yield how long the inline policies of each role are, of one stack together."""
    for template in templates.values():
        sizes: dict[str, int] = {}
        for key, resource in template["Resources"].items():
            of_resource = resource.get("Properties", {})
            if resource["Type"] == "AWS::IAM::Policy":
                document = rendered(of_resource["PolicyDocument"], template)
                for role in of_resource["Roles"]:
                    name = role["Ref"] if "Ref" in role else json.dumps(role)
                    sizes[name] = sizes.get(name, 0) + text_size(document)
            elif resource["Type"] == "AWS::IAM::Role":
                for policy in of_resource.get("Policies", []):
                    document = rendered(policy["PolicyDocument"], template)
                    sizes[key] = sizes.get(key, 0) + text_size(document)
        yield from sizes.values()


def log_streams(templates: Templates) -> Iterator[int]:
    """Yield how long the names are that ECS gives log streams: prefix/container/task."""
    for definition in properties(templates, "AWS::ECS::TaskDefinition"):
        for container in definition["ContainerDefinitions"]:
            prefix = container["LogConfiguration"]["Options"]["awslogs-stream-prefix"]
            yield len(f"{prefix}/{container['Name']}/{'0' * 32}")


def names_in_dns(templates: Templates) -> Iterator[int]:
    """Yield how long the names are under which services are called."""
    for template in templates.values():
        for name, output in template.get("Outputs", {}).items():
            if name == "ServiceDiscoveryEndpoint":
                yield len(output["Value"].rpartition(":")[0])


@dataclass(frozen=True)
class Quota:
    """A limit that no schema states: how much of what, and where AWS says so."""

    most: int
    source: str
    measure: Measure


_DOCS = "https://docs.aws.amazon.com"
_CLOUDFORMATION = f"{_DOCS}/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html"
QUOTAS: Mapping[str, Quota] = {
    "tasks of a service that is found through Cloud Map": Quota(
        1000,
        f"{_DOCS}/AmazonECS/latest/developerguide/service-quotas.html",
        lambda templates: (
            int(target["MaxCapacity"])
            for target in properties(templates, "AWS::ApplicationAutoScaling::ScalableTarget")
        ),
    ),
    "bytes of a task definition": Quota(
        64 * 1024,
        f"{_DOCS}/AmazonECS/latest/developerguide/service-quotas.html",
        lambda templates: map(text_size, properties(templates, "AWS::ECS::TaskDefinition")),
    ),
    "characters of the inline policies of a role": Quota(
        10_240, f"{_DOCS}/IAM/latest/UserGuide/reference_iam-quotas.html", inline_policies
    ),
    "characters of the name of a log stream": Quota(
        512,
        f"{_DOCS}/AmazonCloudWatchLogs/latest/APIReference/API_CreateLogStream.html",
        log_streams,
    ),
    "characters of a name in DNS": Quota(
        253, f"{_DOCS}/Route53/latest/DeveloperGuide/DomainNameFormat.html", names_in_dns
    ),
    "characters of what mails of a topic come from": Quota(
        100,
        f"{_DOCS}/sns/latest/api/API_SetTopicAttributes.html",
        lambda templates: (
            len(topic["DisplayName"]) for topic in properties(templates, "AWS::SNS::Topic")
        ),
    ),
    "bytes of a template": Quota(
        1_000_000, _CLOUDFORMATION, lambda templates: map(text_size, templates.values())
    ),
    "resources of a stack": Quota(
        500, _CLOUDFORMATION, lambda templates: (len(t["Resources"]) for t in templates.values())
    ),
    "bytes of the value of a parameter": Quota(
        4096,
        _CLOUDFORMATION,
        lambda templates: (
            len(str(parameter.get("Default", "")))
            for template in templates.values()
            for parameter in template.get("Parameters", {}).values()
        ),
    ),
}


@pytest.mark.parametrize("quota", QUOTAS)
def test_no_quota_is_exceeded(templates: Templates, quota: str) -> None:
    limit = QUOTAS[quota]
    assert [size for size in limit.measure(templates) if size > limit.most] == [], limit.source


@pytest.mark.parametrize(
    ("quota", "at_least"),
    [
        ("tasks of a service that is found through Cloud Map", 1000),
        ("bytes of a task definition", 60_000),
        ("characters of the inline policies of a role", 9000),
        ("characters of the name of a log stream", 500),
        ("characters of what mails of a topic come from", 100),
    ],
)
def test_the_longest_settings_come_near_to_the_quotas(quota: str, at_least: int) -> None:
    """Else they would prove nothing."""
    _, templates = deployed("longest, with a token")
    assert max(QUOTAS[quota].measure(templates)) >= at_least
