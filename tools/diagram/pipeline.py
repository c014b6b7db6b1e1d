"""What the service stack's template says of the way from a commit to a running task."""

from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any

from tools.diagram.model import Edge, Flow, Node, Part
from tools.diagram.templates import Resource, Templates

ICONS = {
    "Source": "GitRepository",
    "Build": "AWSCodeBuild",
    "Approval": "User",
    "Deploy": "AmazonElasticContainerService",
    "Invoke": "AmazonElasticContainerRegistryImage",
}
"""By category of the action."""


def pipeline_nodes(templates: Templates) -> list[Node]:
    """Return the nodes: repositories, pipeline, its actions and what it keeps."""
    nodes = []
    for pipeline in templates.of("AWS::CodePipeline::Pipeline"):
        name = str(pipeline.properties["Name"])
        nodes.append(_node("pipeline", "AWSCodePipeline", "CodePipeline", name))
        for step, action in enumerate(_actions(pipeline), start=2):
            if step == 2:  # noqa: PLR2004 - the commit itself is step 1
                nodes.append(_source_repository(action))
            details = tuple(_explained(templates, pipeline, action))
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
    repositories = templates.of("AWS::ECR::Repository")
    for repository in repositories:
        if not _moving_tags(repository):
            continue
        facts = [str(repository.properties["RepositoryName"])]
        facts += [
            f"builds: {other.properties['RepositoryName']}"
            for other in repositories
            if other is not repository
        ]
        nodes.append(_node("images", "AmazonElasticContainerRegistry", "ECR repositories", *facts))
        for tag in _moving_tags(repository):
            icon = "AmazonElasticContainerRegistryImage"
            nodes.append(_node("live", icon, f"tag {tag}", "each task", "starts from it"))
    if templates.of("AWS::SecretsManager::Secret"):
        nodes.append(_node("secret", "AWSSecretsManager", "Webhook secret"))
    return nodes


def pipeline_edges(templates: Templates) -> list[Edge]:
    """Return the edges between them."""
    edges = []
    for pipeline in templates.of("AWS::CodePipeline::Pipeline"):
        actions = [f"action:{action['Name']}" for action in _actions(pipeline)]
        path = ["commit", *actions]
        edges += [Edge(source=a, target=b, flow=Flow.COMMIT) for a, b in pairwise(path)]
        for action in _actions(pipeline):
            edges += _reached(templates, pipeline, action)
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


def _explained(templates: Templates, pipeline: Resource, action: Mapping[str, Any]) -> list[str]:
    """Return the detail lines of an action."""
    kind = action["ActionTypeId"]
    match kind["Category"], kind["Provider"]:
        case "Source", "GitHub":
            hooks = templates.of("AWS::CodePipeline::Webhook")
            return ["GitHub", "by webhook" if hooks else "by polling"]
        case "Source", _:
            return ["through a connection"]
        case "Build", provider:
            projects = templates.referred(pipeline, action["Configuration"])
            return [provider, *(_processor(project) for project in projects)]
        case "Approval", _:
            return ["by hand"]
        case "Deploy", "ECS":
            return ["rolling update", "to a new revision"]
        case "Invoke", _:
            return {
                "release": ["only from", "builds"],
                "promote": ["only after a", "good rollout"],
            }[_asked(action)]
        case _:
            raise ValueError(f"The diagram has no words for {kind['Category']}/{kind['Provider']}")


def _reached(templates: Templates, pipeline: Resource, action: Mapping[str, Any]) -> list[Edge]:
    """Return the edges from an action to what it changes."""
    name = f"action:{action['Name']}"
    configured = templates.referred(pipeline, action.get("Configuration", {}))
    edges = []
    if any(resource.kind == "AWS::ECS::Service" for resource in configured):
        edges.append(Edge(source=name, target="service", flow=Flow.COMMIT, label="rolls out"))
    holders = [*templates.referred(pipeline, action.get("RoleArn"))]
    for worker in configured:  # a build project, or a function
        for key in ("ServiceRole", "Role"):
            holders += templates.referred(worker, worker.properties.get(key))
    if any(_may_put_images(templates, role) for role in holders):
        asked = _asked(action)
        if asked == "promote":
            tags = [t for r in templates.of("AWS::ECR::Repository") for t in _moving_tags(r)]
            edges += [
                Edge(source=name, target="live", flow=Flow.COMMIT, label=f"moves {tag}")
                for tag in tags
            ]
        else:
            label = "copies" if asked == "release" else "pushes"
            edges.append(Edge(source=name, target="images", flow=Flow.COMMIT, label=label))
    return edges


def _asked(action: Mapping[str, Any]) -> str:
    """Return what an action asks a function for; nothing if it calls none."""
    return str(action.get("Configuration", {}).get("UserParameters", "")).partition(" ")[0]


def _moving_tags(repository: Resource) -> list[str]:
    """Return the tags that may be moved from one image to another."""
    return [
        str(tag["ImageTagMutabilityExclusionFilterValue"])
        for tag in repository.properties.get("ImageTagMutabilityExclusionFilters", ())
    ]


def _processor(project: Resource) -> str:
    arm = project.properties["Environment"]["Type"].startswith("ARM")
    return "on ARM64" if arm else "on X86_64"


def _may_put_images(templates: Templates, role: Resource) -> bool:
    for policy in templates.of("AWS::IAM::Policy"):
        if not templates.refers(policy, policy.properties.get("Roles", ()), role):
            continue
        for statement in policy.properties["PolicyDocument"]["Statement"]:
            on = templates.referred(policy, statement["Resource"])
            if "ecr:PutImage" in statement["Action"] and any(
                resource.kind == "AWS::ECR::Repository" for resource in on
            ):
                return True
    return False
