"""What the service stack's template says of the way from a commit to a running task."""

from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any

from picture.actions import explained, moving_tags, reached
from picture.model import Edge, Flow, Node, Part
from picture.templates import Resource, Templates

ICONS = {
    "Source": "GitRepository",
    "Build": "AWSCodeBuild",
    "Approval": "User",
    "Deploy": "AmazonElasticContainerService",
    "Compute": "AmazonElasticContainerRegistryImage",
}
"""By category of the action."""


def delivery_nodes(templates: Templates) -> list[Node]:
    """Return the nodes of the delivery: repositories, pipeline, its actions and what it keeps."""
    nodes = []
    for pipeline in templates.of("AWS::CodePipeline::Pipeline"):
        name = str(pipeline.properties["Name"])
        nodes.append(_node("pipeline", "AWSCodePipeline", "CodePipeline", name))
        for step, action in enumerate(_actions(pipeline), start=2):
            if step == 2:  # noqa: PLR2004 - the commit itself is step 1
                nodes.append(_source_repository(action))
            details = tuple(explained(templates, pipeline, action))
            nodes.append(
                Node(
                    name=f"action:{action['Name']}",
                    part=Part.SERVICE,
                    icon=ICONS[action["ActionTypeId"]["Category"]],
                    title=action["Name"],
                    details=details,
                    step=step,
                )
            )
        for bucket in templates.referred(pipeline, pipeline.properties["ArtifactStore"]):
            days = [
                f"kept {rule['ExpirationInDays']} days"
                for rule in bucket.properties["LifecycleConfiguration"]["Rules"]
            ]
            nodes.append(_node("artifacts", "AmazonSimpleStorageService", "Artifacts", *days))
    for repository in templates.of("AWS::ECR::Repository"):
        facts = [str(repository.properties["RepositoryName"])]
        if repository.properties["ImageTagMutability"].startswith("IMMUTABLE"):
            facts.append("one immutable tag per build")
        nodes.append(_node("images", "AmazonElasticContainerRegistry", "ECR repository", *facts))
        for tag in moving_tags(repository):
            icon = "AmazonElasticContainerRegistryImage"
            nodes.append(_node("live", icon, f"tag {tag}", "each task", "starts from it"))
    if templates.of("AWS::SecretsManager::Secret"):
        nodes.append(_node("secret", "AWSSecretsManager", "Webhook secret"))
    return nodes


def delivery_edges(templates: Templates) -> list[Edge]:
    """Return the edges of the delivery."""
    edges = []
    for pipeline in templates.of("AWS::CodePipeline::Pipeline"):
        actions = [f"action:{action['Name']}" for action in _actions(pipeline)]
        path = ["commit", *actions]
        edges += [Edge(source=a, target=b, flow=Flow.COMMIT) for a, b in pairwise(path)]
        for action in _actions(pipeline):
            edges += reached(templates, pipeline, action)
        edges.append(Edge(source="pipeline", target="artifacts"))
    for webhook in templates.of("AWS::CodePipeline::Webhook"):
        if any(r.kind == "AWS::SecretsManager::Secret" for r in _all(templates, webhook)):
            edges.append(Edge(source="commit", target="secret", label="signed with"))
    for task in templates.of("AWS::ECS::TaskDefinition"):
        if any(r.kind == "AWS::ECR::Repository" for r in _all(templates, task)):
            edges.append(Edge(source="live", target="tasks"))
    return edges


def _node(name: str, icon: str, title: str, *details: str) -> Node:
    return Node(name=name, part=Part.SERVICE, icon=icon, title=title, details=details)


def _all(templates: Templates, resource: Resource) -> list[Resource]:
    return templates.referred(resource, resource.properties)


def _actions(pipeline: Resource) -> Iterator[Mapping[str, Any]]:
    for stage in pipeline.properties["Stages"]:
        yield from sorted(stage["Actions"], key=lambda action: int(action["RunOrder"]))


def _source_repository(source: Mapping[str, Any]) -> Node:
    settings = source["Configuration"]
    repository = settings.get("Repo") or settings["FullRepositoryId"].rpartition("/")[2]
    branch = settings.get("Branch") or settings["BranchName"]
    return Node(
        name="commit",
        part=Part.OTHERS,
        icon="GitRepository",
        title="Your commit",
        details=(repository, f"branch {branch}"),
        step=1,
    )
