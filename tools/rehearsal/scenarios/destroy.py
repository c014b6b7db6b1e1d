"""The end of the deploy: nothing may be left."""

from tools.local_aws.inventory import Snapshot
from tools.rehearsal.context import SERVICE, RehearsalContext
from tools.rehearsal.expectation import expect
from tools.rehearsal.scenarios.live_image import DELIVERIES
from tools.rehearsal.scenarios.shared_core import TOGETHER


def run(context: RehearsalContext, before: Snapshot) -> None:
    """Destroy everything and compare with ``before``, what was there before the first deploy."""
    report = context.report
    report.section("Destroy")
    with report.step("cdk destroy --all") as step:
        family = context.outputs(SERVICE)["TaskDefinitionFamily"]
        images = context.aws.client("ecr").list_images(repositoryName=context.repository())
        context.workspace.cdk("destroy", "--all", "--force", env_file=TOGETHER)
        step.note = f"with {len(images['imageIds'])} image tags in ECR"
    with report.step("Deregister what the deliveries registered") as step:
        left = deregister_revisions(context, family)
        expect("revisions that no stack knows", left, DELIVERIES)
        step.note = f"{left} task definition revisions of {family}"
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
