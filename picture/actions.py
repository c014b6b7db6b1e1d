"""What an action of the pipeline does, read from its configuration and its rights."""

from collections.abc import Mapping
from typing import Any

from picture.model import Edge, Flow
from picture.templates import Resource, Templates


def explained(templates: Templates, pipeline: Resource, action: Mapping[str, Any]) -> list[str]:
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
        case "Compute", _:
            return ["only after a", "good rollout"]
        case _:
            raise ValueError(f"The picture has no words for {kind['Category']}/{kind['Provider']}")


def reached(templates: Templates, pipeline: Resource, action: Mapping[str, Any]) -> list[Edge]:
    """Return the edges from an action to what it changes."""
    name = f"action:{action['Name']}"
    configured = templates.referred(pipeline, action.get("Configuration", {}))
    edges = []
    if any(resource.kind == "AWS::ECS::Service" for resource in configured):
        edges.append(Edge(source=name, target="service", flow=Flow.COMMIT, label="rolls out"))
    holders = [*templates.referred(pipeline, action.get("RoleArn"))]
    for project in configured:
        holders += templates.referred(project, project.properties.get("ServiceRole"))
    if any(_may_put_images(templates, role) for role in holders):
        commands = " ".join(action.get("Commands", ()))
        tags = [t for r in templates.of("AWS::ECR::Repository") for t in moving_tags(r)]
        edges += [
            Edge(source=name, target="live", flow=Flow.COMMIT, label=f"moves {tag}")
            for tag in tags
            if f"--image-tag {tag}" in commands
        ]
        if not commands:
            edges.append(Edge(source=name, target="images", flow=Flow.COMMIT, label="pushes"))
    return edges


def moving_tags(repository: Resource) -> list[str]:
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
