"""Deliveries that end between build and promotion.

The builds are made up: they push a small image. The deployed pipeline with the function's own code
does everything after them.
"""

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from cdk_rehearsal import expect, expect_true, push_image
from cdk_rehearsal.pipelines import (
    ATTEMPTS,
    CODEBUILD,
    Action,
    ArtifactStore,
    DockerCommand,
    Source,
    failure_of,
)
from tools.rehearsal.context import SERVICE, RehearsalContext, ServicePipeline
from tools.rehearsal.failures.context import FailureContext


class MadeUpBuilds(ServicePipeline):
    """The deployed pipeline, whose builds push and export a small image and do nothing else."""

    def __init__(self, context: RehearsalContext) -> None:
        super().__init__(context, DockerCommand(folder=Path(), variables={}, description=""))
        self._builds = itertools.count(1)

    def source_of(self, commit: str) -> Source:
        """Return no files at all."""
        return Source(files={}, links={}, origin=commit)

    def build(self, _action: Action, _artifacts: ArtifactStore, commit: str) -> Mapping[str, str]:
        """Push an image with the rights of the build, and export it."""
        tag = f"{commit}-{next(self._builds)}"
        names = [self.context.outputs(SERVICE)["PipelineName"]]
        codebuild = self.context.aws.client("codebuild")
        (project,) = codebuild.batch_get_projects(names=names)["projects"]
        access = self.context.aws.access.role(project["serviceRole"], service=CODEBUILD)
        repository = f"{self.context.repository()}/builds"
        digest = push_image(access.client("ecr"), repository, tag, tag)
        uri = self.context.outputs(SERVICE)["ImageRepositoryUri"]
        return {"IMAGE": f"{uri}/builds:{tag}@{digest}"}


def killed_function(context: FailureContext) -> None:
    """Kill the function at its decisive calls, in Release and in Promote, and retry the stage.

    The unit tests of the function kill it at every other call.
    """
    report = context.report
    report.section("A delivery ends between build and promotion")
    pipeline, live = MadeUpBuilds(context), partial(context.image, context.repository(), "live")
    before = live()
    with report.step("Release is killed before it puts the image") as step:
        with _nothing_changes(context):
            _expect_no_answer(partial(pipeline.run, "c0ffee"), "Release", "ecr.PutImage")
        expect("the image is in the repository", _has_image(context, "c0ffee-1"), False)
        step.note = "the repository of the service has no image of it"
    with report.step("The stage is retried, Release is killed before it answers") as step:
        with _nothing_changes(context):
            answer = "codepipeline.PutJobSuccessResult"
            _expect_no_answer(partial(pipeline.retry, "Deploy"), "Release", answer)
        expect("the image is in the repository", _has_image(context, "c0ffee-1"), True)
        step.note = "the image is there, no task runs it"
    with report.step("It is retried, Promote is killed before it moves `live`") as step:
        _expect_no_answer(partial(pipeline.retry, "Deploy"), "Promote", "ecr.PutImage")
        running = context.running_image()
        expect("`live`", live(), before)
        expect_true("the tasks run the new image", holds=running != before)
        step.note = f"{running[7:19]} runs, `live` is still {before[7:19]}"
    with report.step("It is retried, Promote is killed after that, Lambda repeats it") as step:
        killed = ["after ecr.PutImage", "before codepipeline.PutJobSuccessResult"]
        done = pipeline.retry("Deploy", kills={"Promote": killed})
        expect("actions", done, ["Release", "Deploy", "Promote"])
        _expect_live(context, running)
        step.note = f"{running[7:19]} is live"
    with report.step("Promote is killed, and the next delivery follows") as step:
        _expect_no_answer(partial(pipeline.run, "c0ffee"), "Promote", "ecr.PutImage")
        expect("`live`", live(), running)
        pipeline.run("c0c0a")
        delivered = context.image(context.repository(), "c0c0a-3")
        _expect_live(context, delivered)
        step.note = f"{delivered[7:19]} is live"


def deploy_in_between(context: FailureContext) -> None:
    """Deploy between the rollout of an image and its promotion."""
    context.report.section("A deploy between rollout and promotion")
    pipeline = MadeUpBuilds(context)

    def deploy() -> None:
        _deploy(context, task_memory="1024")

    with context.report.step("Promote refuses, because `live` is in service again") as step:
        before = context.running_image()
        failure = failure_of(partial(pipeline.run, "decade", before={"Promote": deploy}), "Promote")
        expect_true("it says what to do", holds="retry the whole stage" in str(failure))
        _expect_live(context, before)
        step.note = f"still {before[7:19]}"
    with context.report.step("The stage is retried") as step:
        pipeline.retry("Deploy")
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


@contextmanager
def _nothing_changes(context: FailureContext) -> Iterator[None]:
    """Require that the block changes neither `live` nor the image in service."""
    live, running = context.image(context.repository(), "live"), context.running_image()
    yield
    expect("`live`", context.image(context.repository(), "live"), live)
    expect("the image that the service runs", context.running_image(), running)


def _expect_no_answer(deliver: Callable[..., Sequence[str]], name: str, call: str) -> None:
    """Kill the function of an action before a call, at each attempt, so that it never answers."""
    failure = failure_of(partial(deliver, kills={name: [f"before {call}"] * ATTEMPTS}), name)
    expect_true(f"the function does not answer: {failure}", holds="no answer" in str(failure))


def _expect_live(context: RehearsalContext, digest: str) -> None:
    expect("the image that the service runs", context.running_image(), digest)
    expect("`live`", context.image(context.repository(), "live"), digest)


def _has_image(context: RehearsalContext, tag: str) -> bool:
    answer = context.aws.client("ecr").batch_get_image(
        repositoryName=context.repository(), imageIds=[{"imageTag": tag}]
    )
    return bool(answer["images"])
