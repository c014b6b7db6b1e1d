"""The sides of the contract: what pipeline, build project, buildspec and task definition say."""

from dataclasses import dataclass
from typing import Any

from rehearsal.sample_settings import ACCOUNT, REGION, ROOT
from tests.delivery.plain_values import plain
from tests.synthesis import Synthesis

_STACK = "BackendServiceStack"


@dataclass(frozen=True, kw_only=True)
class Sides:
    """Each value as its own side has it; nothing in here is taken from two of them."""

    project: dict[str, Any]
    """The CodeBuild project, as its API returns it."""
    buildspec: str
    deploy_file: str
    """What the deploy action reads."""
    promote_commands: tuple[str, ...]
    repository_uri: str
    """Of the repository in the template."""
    containers: dict[str, str]
    """Of the task definition: the image by name."""
    ports: dict[str, str]
    cluster: str
    """Of the cluster in the core stack."""
    service: str
    """Of the ECS service."""


def sides_of(synthesis: Synthesis) -> Sides:
    """Read all sides from the synthesised service stack, and the buildspec that it names."""
    repositories = {
        logical_id: str(resource["Properties"]["RepositoryName"])
        for logical_id, resource in synthesis.resources(_STACK, "AWS::ECR::Repository").items()
    }
    (repository,) = repositories.values()
    project = synthesis.only(_STACK, "AWS::CodeBuild::Project")
    stages = synthesis.only(_STACK, "AWS::CodePipeline::Pipeline")["Stages"]
    actions = {action["Name"]: action for stage in stages for action in stage["Actions"]}
    containers = synthesis.only(_STACK, "AWS::ECS::TaskDefinition")["ContainerDefinitions"]
    return Sides(
        project=_as_returned(project, repositories),
        buildspec=(ROOT / project["Source"]["BuildSpec"]).read_text(encoding="utf-8"),
        deploy_file=actions["Deploy"]["Configuration"]["FileName"],
        promote_commands=tuple(actions["Promote"]["Commands"]),
        repository_uri=f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/{repository}",
        containers={c["Name"]: plain(c["Image"], repositories) for c in containers},
        ports={c["Name"]: str(c["PortMappings"][0]["ContainerPort"]) for c in containers},
        cluster=_cluster(synthesis),
        service=synthesis.only(_STACK, "AWS::ECS::Service")["ServiceName"],
    )


def _cluster(synthesis: Synthesis) -> str:
    cluster = synthesis.only(_STACK, "AWS::ECS::Service")["Cluster"]
    if isinstance(cluster, str):
        return cluster
    return str(synthesis.only("CoreInfraStack", "AWS::ECS::Cluster")["ClusterName"])


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
