"""Deliveries that break off between build and promotion.

The builds are made up: what follows them is the deployed pipeline with the function's own code.
"""

import itertools
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from tools.local_aws import Access
from tools.local_aws.image_push import push_image
from tools.rehearsal.context import SERVICE, RehearsalContext
from tools.rehearsal.expectation import RehearsalError, expect, expect_true
from tools.rehearsal.failures.context import FailureContext
from tools.rehearsal.pipeline.docker_command import DockerCommand
from tools.rehearsal.pipeline.lambda_action import ATTEMPTS
from tools.rehearsal.pipeline.pipeline_run import (
    CODEBUILD,
    Action,
    ActionFailedError,
    ArtifactStore,
    PipelineRun,
)

_BEFORE_THE_IMAGE = (
    *("ecr.BatchGetImage", "ecr.BatchCheckLayerAvailability"),
    *("ecr.GetDownloadUrlForLayer", "ecr.InitiateLayerUpload", "ecr.UploadLayerPart"),
    "ecr.CompleteLayerUpload",
)
_WITH_THE_IMAGE = ("ecr.PutImage", "cloudwatch.DescribeAlarms", "s3.PutObject")
_BEFORE_LIVE = ("ecs.DescribeServices", "ecs.DescribeTaskDefinition", "ecr.BatchGetImage")
_MOVES_LIVE = "ecr.PutImage"
_ANSWER = "codepipeline.PutJobSuccessResult"
"""After this call CodePipeline knows, whatever becomes of the function."""


class MadeUpBuilds(PipelineRun):
    """The deployed pipeline, whose builds push a small image and nothing else."""

    def __init__(self, context: RehearsalContext) -> None:
        super().__init__(context, DockerCommand(folder=Path(), variables={}, description=""))
        self._builds = itertools.count(1)

    def _source(
        self, action: Action, access: Access, artifacts: ArtifactStore, _commit: str
    ) -> None:
        artifacts.put(access, action["outputArtifacts"][0]["name"], {})

    def _build(
        self, action: Action, _access: Access, artifacts: ArtifactStore, commit: str
    ) -> None:
        tag = f"{commit}-{next(self._builds)}"
        repository = f"{self._context.repository()}/builds"
        ecr = as_build(self._context).client("ecr")
        digest = push_image(ecr, repository, tag, tag)
        uri = self._context.outputs(SERVICE)["ImageRepositoryUri"]
        artifacts.variables[action["namespace"]] = {"IMAGE": f"{uri}/builds:{tag}@{digest}"}


def killed_function(context: FailureContext) -> None:
    """Kill the function before and after each of its calls, in Release and Promote, and go on."""
    context.report.section("A delivery breaks off between build and promotion")
    pipeline = MadeUpBuilds(context)
    deliver = partial(pipeline.run, "c0ffee")
    for call in (*_BEFORE_THE_IMAGE, *_WITH_THE_IMAGE, _ANSWER):
        with context.report.step(f"Release is killed at {_operation(call)}") as step:
            with nothing_changes(context):
                _expect_no_answer(deliver, "Release", call, after=call != _ANSWER)
            image = _has_image(context, "c0ffee-1")
            expect("the image is in the repository", image, call not in _BEFORE_THE_IMAGE)
            step.note = "the image is there, nobody runs it" if image else "no image yet"
        deliver = partial(pipeline.retry, "Deploy")
    before = context.image(context.repository(), "live")
    for call in (*_BEFORE_LIVE, _MOVES_LIVE):
        with context.report.step(f"Promote is killed at {_operation(call)}") as step:
            _expect_no_answer(deliver, "Promote", call, after=call != _MOVES_LIVE)
            running = context.running_image()
            expect("`live`", context.image(context.repository(), "live"), before)
            expect_true("the new image runs already", holds=running != before)
            step.note = f"{running[7:19]} runs, `live` is still {before[7:19]}"
    with context.report.step("Promote is killed when `live` is moved, and run again") as step:
        killed = [f"after {_MOVES_LIVE}", f"before {_ANSWER}"]
        done = pipeline.retry("Deploy", kills={"Promote": killed})
        expect("actions", done, ["Release", "Deploy", "Promote"])
        expect("the image that the service runs", context.running_image(), running)
        expect("`live`", context.image(context.repository(), "live"), running)
        step.note = f"{running[7:19]} is live"
    with context.report.step("Killed before that, and left to the next delivery") as step:
        deliver = partial(pipeline.run, "c0ffee")
        _expect_no_answer(deliver, "Promote", _MOVES_LIVE, after=False)
        expect("`live`", context.image(context.repository(), "live"), running)
        pipeline.run("c0c0a")
        delivered = context.image(context.repository(), "c0c0a-3")
        expect("the image that the service runs", context.running_image(), delivered)
        expect("`live`", context.image(context.repository(), "live"), delivered)
        step.note = f"{delivered[7:19]} is live"


def deploy_in_between(context: FailureContext) -> None:
    """Deploy between the rollout of an image and its promotion."""
    context.report.section("A deploy between rollout and promotion")
    pipeline = MadeUpBuilds(context)

    def deploy() -> None:
        context.workspace.write_env(task_memory="1024")
        context.workspace.deploy()

    with context.report.step("Promote refuses: `live` is in service again") as step:
        before = context.running_image()
        failure = failure_of(pipeline.run, "decade", before={"Promote": deploy})
        if failure.action != "Promote":
            raise failure
        expect_true("it says what to do", holds="retry the whole stage" in str(failure))
        expect("the image that the service runs", context.running_image(), before)
        expect("`live`", context.image(context.repository(), "live"), before)
        step.note = "what could not be had: the image of before"
    with context.report.step("The stage is retried") as step:
        pipeline.retry("Deploy")
        running = context.running_image()
        expect_true("the new image runs", holds=running != before)
        expect("`live`", context.image(context.repository(), "live"), running)
        expect("memory of the running tasks", context.task_definition()["memory"], "1024")
        step.note = f"{running[7:19]} is live, with the settings of the deploy"
    with context.report.step("cdk deploy as before") as step:
        context.workspace.write_env()
        context.workspace.deploy()
        expect("the image that the service runs", context.running_image(), running)
        step.note = "still that image"


@contextmanager
def nothing_changes(context: FailureContext) -> Iterator[None]:
    """Insist that `live` and the image in service are afterwards what they are now."""
    live, running = context.image(context.repository(), "live"), context.running_image()
    yield
    expect("`live`", context.image(context.repository(), "live"), live)
    expect("the image that the service runs", context.running_image(), running)


def failure_of(
    deliver: Callable[..., Sequence[str]], *arguments: str, **happening: Any
) -> ActionFailedError:
    """Return how a delivery ends that must fail."""
    try:
        done = deliver(*arguments, **happening)
    except ActionFailedError as failure:
        return failure
    raise RehearsalError(f"a delivery that should have failed went through: {', '.join(done)}")


def _expect_no_answer(
    deliver: Callable[..., Sequence[str]], name: str, call: str, *, after: bool
) -> None:
    """Have the function of an action killed before a call and then ``after`` it; nobody answers."""
    # In this order: what the call does need not be done again.
    kills = [f"before {call}"] * ATTEMPTS
    if after:
        kills[-1] = f"after {call}"
    failure = failure_of(deliver, kills={name: kills})
    expect("the action that failed", failure.action, name)
    expect_true(f"nobody answers: {failure}", holds="no answer" in str(failure))


def _operation(call: str) -> str:
    return call.partition(".")[2]


def _has_image(context: RehearsalContext, tag: str) -> bool:
    answer = context.aws.client("ecr").batch_get_image(
        repositoryName=context.repository(), imageIds=[{"imageTag": tag}]
    )
    return bool(answer["images"])


def as_build(context: RehearsalContext) -> Access:
    """Return what a build has: the access of the project's role."""
    name = context.outputs(SERVICE)["PipelineName"]
    projects = context.aws.client("codebuild").batch_get_projects(names=[name])["projects"]
    return context.aws.access.role(projects[0]["serviceRole"], service=CODEBUILD)
