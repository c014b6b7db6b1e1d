"""The end: nothing may be left."""

from tools.local_aws.inventory import Snapshot
from tools.rehearsal.expectation import expect
from tools.rehearsal.scenarios.live_image import DELIVERIES
from tools.rehearsal.scenarios.many_services import TOGETHER
from tools.rehearsal.world import SERVICE, World


def play(world: World, before: Snapshot) -> None:
    """Destroy everything and compare with ``before``, what was there before the first deploy."""
    narrator = world.narrator
    narrator.chapter("Farewell")
    with narrator.step("cdk destroy --all") as step:
        family = world.outputs(SERVICE)["TaskDefinitionFamily"]
        uri = world.outputs(SERVICE)["ImageRepositoryUri"]
        images = world.aws.client("ecr").list_images(repositoryName=uri.partition("/")[2])
        world.workspace.cdk("destroy", "--all", "--force", env_file=TOGETHER)
        step.note = f"with {len(images['imageIds'])} tags in ECR"
    with narrator.step("Deregister what the deliveries registered") as step:
        # The pipeline's revisions belong to no stack: AWS keeps them. The README says how to
        # remove them.
        ecs = world.aws.client("ecs")
        left = ecs.list_task_definitions(familyPrefix=family, status="ACTIVE")["taskDefinitionArns"]
        expect("revisions that no stack knows", len(left), DELIVERIES)
        for arn in left:
            ecs.deregister_task_definition(taskDefinition=arn)
        step.note = f"{len(left)} task definition revisions of {family}"
    with narrator.step("Nothing is left") as step:
        expect("left behind", world.inventory.added_since(before), {})
        step.note = f"{len(before)} kinds of resources looked for"
