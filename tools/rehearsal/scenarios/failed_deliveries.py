"""Deliveries that fail, after which the image in service and the live one are what they were."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tools.rehearsal.expectation import RehearsalError, expect, expect_true
from tools.rehearsal.pipeline.pipeline_run import ActionFailedError, PipelineRun
from tools.rehearsal.world import SERVICE, World


def deliver_in_vain(world: World, pipeline: PipelineRun, commit: str) -> None:
    """Build a delivered commit again and roll it out, then back, as ECS does for an alarm.

    Nothing may be promoted.
    """
    before = world.service()

    def roll_back() -> None:
        # The local AWS looks at no alarm.
        world.aws.client("ecs").update_service(
            cluster=before["clusterArn"],
            service=before["serviceName"],
            taskDefinition=before["taskDefinition"],
        )

    with _nothing_changes(world) as live:
        failure = _failure(lambda: pipeline.run(commit, before={"Promote": roll_back}))
        expect("the action that failed", failure.action, "Promote")
        expect("the actions before it", failure.done, ["Source", "Build", "Deploy"])
        expect_true(f"it says why: {failure}", holds="rolled back or replaced" in str(failure))
        built = world.image(_repository(world), f"{commit}-2")
        expect_true("the second build made an image of its own", holds=live != built)


def fail_to_roll_out(world: World, pipeline: PipelineRun, commit: str) -> None:
    """Lose the image of the last execution before it is rolled out again."""
    uri, before = world.outputs(SERVICE)["ImageRepositoryUri"], world.task_definition()
    tag = f"{commit}-2"

    def lose_image() -> None:
        world.aws.client("ecr").batch_delete_image(
            repositoryName=_repository(world), imageIds=[{"imageTag": tag}]
        )

    with _nothing_changes(world):
        failure = _failure(lambda: pipeline.retry("Deploy", before={"Deploy": lose_image}))
        expect("the action that failed", failure.action, "Deploy")
        expect_true(f"it says why: {failure}", holds=f"{uri}:{tag}: not found" in str(failure))
    service = world.service()
    expect("the revision in service", service["taskDefinition"], before["taskDefinitionArn"])
    expect("running tasks", service["runningCount"], service["desiredCount"])


@contextmanager
def _nothing_changes(world: World) -> Iterator[str]:
    """Hand out the digest of the live image, which must be live and in service afterwards."""
    live = world.image(_repository(world), "live")
    yield live
    expect("`live`", world.image(_repository(world), "live"), live)
    expect("the image that the service runs", world.running_image(), live)


def _failure(deliver: Callable[[], object]) -> ActionFailedError:
    try:
        deliver()
    except ActionFailedError as failure:
        return failure
    raise RehearsalError("a delivery that should have failed went through")


def _repository(world: World) -> str:
    return world.outputs(SERVICE)["ImageRepositoryUri"].partition("/")[2]
