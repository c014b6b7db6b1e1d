"""Deliveries of the user's service: with the time that any image may need, and without one."""

import secrets

from tools.rehearsal.context import RehearsalContext
from tools.rehearsal.expectation import expect
from tools.rehearsal.pipeline.docker_command import DockerCommand
from tools.rehearsal.pipeline.pipeline_run import PipelineRun

NOT_SHOWN = (
    "that your Dockerfile builds, and that its image starts, listens and passes its health check",
    "your service under its name",
    "a bad version that is rolled back, and what your service does at SIGTERM",
)
"""Where there is no container engine."""


def without_engine(context: RehearsalContext, docker: DockerCommand) -> None:
    """Deliver HEAD twice, to tasks that are records: all that the pipeline does but the image."""
    report = context.report
    report.section("Deliveries, without your image")
    pipeline = PipelineRun(context, docker)
    commit = context.source.commit or secrets.token_hex(20)
    for what in ("The buildspec, the rollout and the promotion", "The same commit once more"):
        before = context.image(context.repository(), "live")
        with report.step(what) as step:
            pipeline.run(commit)
            live = context.image(context.repository(), "live")
            expect("the image that the service runs", context.running_image(), live)
            step.note = f"image {live[7:19]} is live" + ("" if live != before else ", as before")
