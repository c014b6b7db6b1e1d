"""The end of the deploy: nothing may be left."""

from cdk_rehearsal import Snapshot, expect
from tools.rehearsal.context import RehearsalContext
from tools.rehearsal.rehearsal import Rehearsal


def run(rehearsal: Rehearsal, stacks: list[str], before: Snapshot) -> None:
    """Destroy everything and compare with ``before``, the state before the first deploy.

    ``stacks`` are those of services.
    """
    context = rehearsal.context
    report = context.report
    report.section("Destroy")
    with report.step("cdk destroy --all") as step:
        families = [context.outputs(stack)["TaskDefinitionFamily"] for stack in stacks]
        images = context.aws.client("ecr").list_images(repositoryName=context.repository())
        selection = rehearsal.files.selection
        context.workspace.cdk("destroy", "--all", "--force", env_file=selection)
        step.note = f"with {len(images['imageIds'])} image tags in ECR"
    with report.step("Deregister what the deliveries registered") as step:
        left = sum(deregister_revisions(context, family) for family in families)
        step.note = f"{left} task definition revisions, which belong to no stack"
    with report.step("Nothing is left") as step:
        expect("left behind", context.inventory.added_since(before), {})
        step.note = f"{len(before)} kinds of resources are as before the first deploy"


def deregister_revisions(context: RehearsalContext, family: str) -> int:
    """Deregister what deliveries have registered of a destroyed service; return how many.

    These revisions belong to no stack: AWS keeps them. docs/operations.md says how to remove them.
    """
    ecs = context.aws.client("ecs")
    left = ecs.list_task_definitions(familyPrefix=family, status="ACTIVE")["taskDefinitionArns"]
    for arn in left:
        ecs.deregister_task_definition(taskDefinition=arn)
    return len(left)
