"""The end of the deploy: nothing may be left, except what the settings keep."""

import re

from cdk_rehearsal import Snapshot, expect
from cdk_rehearsal.cdk import AS_SYNTHESISED
from tools.rehearsal.context import RehearsalContext
from tools.rehearsal.rehearsal import Rehearsal

_KEPT = frozenset({"Retain", "RetainExceptOnCreate"})
_REPOSITORY, _IMAGE = "AWS::ECR::Repository", "tag of an image"
_KINDS = {"AWS::Logs::LogGroup": "log groups", _REPOSITORY: "repositories", _IMAGE: "image tags"}


def run(rehearsal: Rehearsal, before: Snapshot) -> str:
    """Destroy everything, and compare with ``before``, the state before the first deploy.

    Returns in short what ``keep_logs`` and ``keep_images`` keep.
    """
    context = rehearsal.context
    stacks = [each.service_stack_name for each in rehearsal.service.deployment]
    report = context.report
    report.section("Destroy")
    with report.step("cdk destroy --all") as step:
        families = [context.outputs(stack)["TaskDefinitionFamily"] for stack in stacks]
        images = context.aws.client("ecr").list_images(repositoryName=context.repository())
        kept = _kept(context, rehearsal.service.stacks)
        context.workspace.synthesised(rehearsal.files.selection)
        context.workspace.cdk("destroy", "--all", "--force", *AS_SYNTHESISED)
        step.note = f"with {len(images['imageIds'])} image tags in ECR"
    with report.step("Deregister what the deliveries registered") as step:
        left = sum(deregister_revisions(context, family) for family in families)
        step.note = f"{left} task definition revisions, which belong to no stack"
    with report.step("Nothing else is left" if kept else "Nothing is left") as step:
        expect("left behind", context.inventory.added_since(before), kept)
        step.note = f"{len(before)} kinds of resources are as before the first deploy"
        if kept:
            step.note = ", ".join(name for kind in kept if kind != _IMAGE for name in kept[kind])
    counts = (f"{len(ids)} {_KINDS.get(kind, kind)}" for kind, ids in kept.items())
    return ", ".join(counts) or "nothing"


def _kept(context: RehearsalContext, stacks: list[str]) -> dict[str, list[str]]:
    """Return the ids of what stays after a destroy, by type: as templates say, with the images."""
    kept: dict[str, list[str]] = {}
    for stack in stacks:
        resources = context.template(stack)["Resources"]
        for logical_id, name in context.physical_ids(stack).items():
            if resources[logical_id].get("DeletionPolicy") in _KEPT:
                kind = resources[logical_id]["Type"]
                kept[kind] = sorted([*kept.get(kind, ()), name])
    if repositories := kept.get(_REPOSITORY):
        of_all = sorted(context.inventory.snapshot()[_IMAGE])
        in_kept = re.compile(rf"[^/]+/({'|'.join(map(re.escape, repositories))}):")
        kept[_IMAGE] = [image for image in of_all if in_kept.match(image)]
    return kept


def deregister_revisions(context: RehearsalContext, family: str) -> int:
    """Deregister what deliveries have registered of a destroyed service; return how many.

    These revisions belong to no stack: AWS keeps them. docs/operations.md says how to remove them.
    """
    ecs = context.aws.client("ecs")
    left = ecs.list_task_definitions(familyPrefix=family, status="ACTIVE")["taskDefinitionArns"]
    for arn in left:
        ecs.deregister_task_definition(taskDefinition=arn)
    return len(left)
