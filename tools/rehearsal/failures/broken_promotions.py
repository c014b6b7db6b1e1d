"""Deliveries that end between build and promotion.

The builds are made up: they push a small image. The deployed pipeline with the function's own code
does everything after them.
"""

import itertools
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from cdk_rehearsal import expect, expect_true, push_image
from cdk_rehearsal.pipelines import (
    CODEBUILD,
    Action,
    ArtifactStore,
    DockerCommand,
    Source,
    failure_of,
)
from tools.rehearsal.context import SERVICE, RehearsalContext, ServicePipeline
from tools.rehearsal.failures.context import SETTINGS, FailureContext


class MadeUpBuilds(ServicePipeline):
    """The deployed pipeline, whose builds push and export a small image and do nothing else."""

    def __init__(self, context: RehearsalContext) -> None:
        super().__init__(context, DockerCommand(folder=Path(), variables={}, description=""))
        self._builds = itertools.count(1)

    def function_role(self) -> str:
        """Return the name of the role of the function that releases and promotes."""
        name = self.action("Promote")["configuration"]["FunctionName"]
        found = self.context.aws.client("lambda").get_function_configuration(FunctionName=name)
        return str(found["Role"]).rpartition("/")[2]

    def source_of(self, commit: str) -> Source:
        """Return no files at all."""
        return Source(files={}, links={}, origin=commit)

    def build(self, _action: Action, _artifacts: ArtifactStore, commit: str) -> Mapping[str, str]:
        """Push an image with the rights of the build, and export it."""
        tag = f"{commit}-{next(self._builds)}"
        access = self.context.aws.access.role(self.project()["serviceRole"], service=CODEBUILD)
        repository = f"{self.context.repository()}/builds"
        digest = push_image(access.client("ecr"), repository, tag, tag)
        uri = self.context.outputs()["ImageRepositoryUri"]
        return {"IMAGE": f"{uri}/builds:{tag}@{digest}"}


def deploy_in_between(context: FailureContext) -> None:
    """Deploy between the rollout of an image and its promotion."""
    context.report.section("A deploy between rollout and promotion")
    pipeline = MadeUpBuilds(context)
    deploy = partial(deploy_sample, context, task_memory="1024")
    with context.report.step("Promote refuses, because `live` is in service again") as step:
        before = context.running_image()
        failure = failure_of(partial(pipeline.run, "decade", before={"Promote": deploy}), "Promote")
        expect_true("it says what to do", holds="retry the whole stage" in str(failure))
        expect_live(context, before)
        step.note = f"still {before[7:19]}"
    with context.report.step("The stage is retried") as step:
        pipeline.retry("Deploy")
        running = context.running_image()
        expect_true("the tasks run the new image", holds=running != before)
        expect_live(context, running)
        expect("memory of the running tasks", context.task_definition()["memory"], "1024")
        step.note = f"{running[7:19]} is live, with the settings of the deploy"


def deploy_sample(context: FailureContext, **changes: str) -> None:
    """Update the stack of the service to the settings of the failures, with these changes."""
    context.workspace.write_env(**SETTINGS, **changes)
    context.workspace.synthesised()
    expect("the reason of a failed update", context.update(SERVICE), "")


def expect_live(context: RehearsalContext, digest: str) -> None:
    """Require that the service runs this image, and that it is the live one."""
    expect("the image that the service runs", context.running_image(), digest)
    expect("`live`", context.image(context.repository(), "live"), digest)
