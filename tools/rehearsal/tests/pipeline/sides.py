"""The sides of the contract: what pipeline, build project, buildspec and task definition say."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from settings.examples import ACCOUNT, REGION
from tools.rehearsal.tests.pipeline.plain_values import plain
from tools.repository import ROOT

Templates = Mapping[str, Mapping[str, Any]]
"""By the names of their stacks, which may have a prefix."""

_STACK = "BackendServiceStack"


@dataclass(frozen=True, kw_only=True)
class Sides:
    """Each value as its own side has it; nothing in here is taken from two of them."""

    project: dict[str, Any]
    """The CodeBuild project, as its API returns it."""
    buildspec: str
    of_the_sample: bool
    """Whether the buildspec is the sample's, which promises more than a delivery needs."""
    asked_for: str
    """The variable of the build that the release is given."""
    deploy_file: str
    """What the deploy action reads."""
    release: Mapping[str, str]
    """What the function that releases and promotes is told, by its environment."""
    builds_uri: str
    """Of the repository of the builds in the template."""
    containers: dict[str, str]
    """Of the task definition: the image by name."""
    ports: dict[str, str]
    cluster: str
    """Of the cluster in the core stack."""
    service: str
    """Of the ECS service."""


def sides_of(templates: Templates) -> Sides:
    """Read all sides from the synthesised service stack, and the buildspec that it names."""
    repositories = {
        logical_id: str(resource["Properties"]["RepositoryName"])
        for logical_id, resource in _resources(templates, _STACK, "AWS::ECR::Repository").items()
    }
    builds = max(repositories.values(), key=len)
    project = _only(templates, _STACK, "AWS::CodeBuild::Project")
    declared = str(project["Source"]["BuildSpec"])
    is_inline = "\n" in declared
    stages = _only(templates, _STACK, "AWS::CodePipeline::Pipeline")["Stages"]
    actions = {action["Name"]: action for stage in stages for action in stage["Actions"]}
    containers = _only(templates, _STACK, "AWS::ECS::TaskDefinition")["ContainerDefinitions"]
    return Sides(
        project=_as_returned(project, repositories),
        buildspec=declared if is_inline else (ROOT / declared).read_text(encoding="utf-8"),
        of_the_sample=not is_inline,
        asked_for=_variable_of(actions["Build"], actions["Release"]),
        deploy_file=actions["Deploy"]["Configuration"]["FileName"],
        release={
            name: plain(value, repositories)
            for name, value in _called(templates, actions["Release"]).items()
        },
        builds_uri=f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/{builds}",
        containers={c["Name"]: plain(c["Image"], repositories) for c in containers},
        ports={c["Name"]: str(c["PortMappings"][0]["ContainerPort"]) for c in containers},
        cluster=_cluster(templates),
        service=_only(templates, _STACK, "AWS::ECS::Service")["ServiceName"],
    )


def _variable_of(build: Mapping[str, Any], release: Mapping[str, Any]) -> str:
    told = str(release["Configuration"]["UserParameters"])
    (name,) = re.findall(rf"#\{{{build['Namespace']}\.(\w+)\}}", told)
    return str(name)


def _called(templates: Templates, action: Mapping[str, Any]) -> dict[str, Any]:
    key = action["Configuration"]["FunctionName"]["Ref"]
    function = _resources(templates, _STACK, "AWS::Lambda::Function")[key]["Properties"]
    return dict(function["Environment"]["Variables"])


def _cluster(templates: Templates) -> str:
    cluster = _only(templates, _STACK, "AWS::ECS::Service")["Cluster"]
    if isinstance(cluster, str):
        return cluster
    return str(_only(templates, "CoreInfraStack", "AWS::ECS::Cluster")["ClusterName"])


def _as_returned(project: dict[str, Any], repositories: dict[str, str]) -> dict[str, Any]:
    name, environment = project["Name"], project["Environment"]
    return {
        "name": name,
        "arn": f"arn:aws:codebuild:{REGION}:{ACCOUNT}:project/{name}",
        "environment": {
            "image": environment["Image"],
            "environmentVariables": [
                {
                    "name": variable["Name"],
                    "type": variable["Type"],
                    "value": plain(variable["Value"], repositories),
                }
                for variable in environment["EnvironmentVariables"]
            ],
        },
    }


def _resources(templates: Templates, stack: str, kind: str) -> dict[str, dict[str, Any]]:
    (template,) = (template for name, template in templates.items() if name.endswith(stack))
    found = template["Resources"].items()
    return {logical_id: resource for logical_id, resource in found if resource["Type"] == kind}


def _only(templates: Templates, stack: str, kind: str) -> dict[str, Any]:
    (resource,) = _resources(templates, stack, kind).values()
    return dict(resource["Properties"])
