"""A delivery that ends between rollout and promotion."""

from functools import partial

from cdk_rehearsal import ScratchDirectory, expect, expect_true
from cdk_rehearsal.pipelines import docker_stand_in, failure_of
from tools.rehearsal.context import RehearsalContext, ServicePipeline
from tools.rehearsal.failures.context import FailureContext


def deploy_in_between(context: FailureContext) -> None:
    """Deploy between the rollout of an image and its promotion."""
    context.report.section("A deploy between rollout and promotion")
    with ScratchDirectory("docker") as scratch:
        pipeline = ServicePipeline(context, docker_stand_in(scratch.path))
        with context.report.step("Promote refuses, because `live` is in service again") as step:
            before = context.running_image()
            deploy = partial(_deploy, context, task_memory="1024")
            deliver = partial(pipeline.run, "decade", before={"Promote": deploy})
            failure = failure_of(deliver, "Promote")
            expect_true("it says what to do", holds="retry the whole stage" in str(failure))
            _expect_live(context, before)
            step.note = f"still {before[7:19]}"
        with context.report.step("The stage is retried") as step:
            done = pipeline.retry("Deploy")
            expect("actions", done, ["Release", "Deploy", "Promote"])
            running = context.running_image()
            expect_true("the tasks run the new image", holds=running != before)
            _expect_live(context, running)
            expect("memory of the running tasks", context.task_definition()["memory"], "1024")
            step.note = f"{running[7:19]} is live, with the settings of the deploy"
    with context.report.step("cdk deploy with the settings of before") as step:
        _deploy(context)
        _expect_live(context, running)
        step.note = "still that image"


def _deploy(context: FailureContext, **changes: str) -> None:
    """Deploy the sample with other settings, by the quickest way."""
    workspace = context.workspace
    workspace.write_env(**changes)
    workspace.deploy("--all", *workspace.synthesised())


def _expect_live(context: RehearsalContext, digest: str) -> None:
    expect("the image that the service runs", context.running_image(), digest)
    expect("`live`", context.image(context.repository(), "live"), digest)
