"""Deliveries, good ones and failed ones, and everything that must not bring an older image back."""

import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tools.rehearsal.context import SERVICE, RehearsalContext
from tools.rehearsal.expectation import RehearsalError, expect, expect_true
from tools.rehearsal.pipeline.docker_command import docker_command
from tools.rehearsal.pipeline.pipeline_run import ActionFailedError, PipelineRun
from tools.repository import ROOT

DELIVERIES = 4
"""How many revisions ``run`` registers past CloudFormation."""

MISSING = "no-such-secret"


def run(context: RehearsalContext) -> None:
    """Change the task size before and after a delivery; fail an update; edit the seed."""
    report, workspace = context.report, context.workspace
    report.section("The live image")
    with report.step("task_memory 1024: cdk deploy") as step:
        seed = context.running_image()
        workspace.write_env(task_memory="1024")
        workspace.deploy("--all", *workspace.synthesised())
        expect("memory of the running tasks", context.task_definition()["memory"], "1024")
        step.note = f"revision {context.task_definition()['revision']}, image {seed[7:19]}"
    with docker_command(workspace.folder / "docker", _dockerfile(context)) as docker:
        # A random commit: two rehearsals at the same time would share the tags of one engine.
        pipeline, commit = PipelineRun(context, docker), secrets.token_hex(20)
        with report.step("docker in the builds") as step:
            step.note = docker.description
        with report.step("A delivery: build, release, roll out, promote") as step:
            delivered = deliver(context, pipeline, commit)
            expect_true("the delivered image is new", holds=delivered != seed)
            step.note = f"image {delivered[7:19]} is live"
        with report.step("A delivery, rolled back after its rollout") as step:
            deliver_and_roll_back(context, pipeline, commit)
            step.note = f"the promotion refuses it; {delivered[7:19]} is still live"
        with report.step("The Deploy stage again: its rollout fails") as step:
            fail_to_roll_out(context, pipeline, commit)
            step.note = f"image {delivered[7:19]} is still live and in service"
    with report.step("task_memory 2048, another seed: cdk deploy") as step:
        changes = {
            "task_memory": "2048",
            "seed_image": "public.ecr.aws/nginx/nginx:1.29",
            "buildspec_path": "",
        }
        workspace.write_env(**changes)
        workspace.deploy("--all", *workspace.synthesised())
        expect("memory of the running tasks", context.task_definition()["memory"], "2048")
        _expect_live(context, delivered)
        step.note = f"still image {delivered[7:19]}"
    with (
        docker_command(workspace.folder / "docker-again", _dockerfile(context)) as docker,
        report.step("A delivery by the blueprint's own buildspec") as step,
    ):
        delivered = deliver(context, PipelineRun(context, docker), secrets.token_hex(20))
        step.note = f"image {delivered[7:19]} is live"
    with report.step("A failing update is rolled back") as step:
        workspace.write_env(task_memory="1024", github_token_secret_name=MISSING)
        said = workspace.failing_cdk(
            "deploy", "--all", "--require-approval", "never", *workspace.synthesised()
        )
        expect_true("the CLI names the missing secret", holds=MISSING in said)
        expect("status", context.status(SERVICE), "UPDATE_ROLLBACK_COMPLETE")
        expect("memory of the running tasks", context.task_definition()["memory"], "2048")
        _expect_live(context, delivered)
        step.note = f"still 2048 MiB, still image {delivered[7:19]}"
    workspace.write_env(**changes)


def deliver(context: RehearsalContext, pipeline: PipelineRun, commit: str) -> str:
    """Deliver a commit, check what runs afterwards, and return the digest of its image."""
    uri, before = context.outputs(SERVICE)["ImageRepositoryUri"], context.task_definition()
    done = pipeline.run(commit)
    expect("actions", done, ["Source", "Build", "Release", "Deploy", "Promote"])
    repository, tag = uri.partition("/")[2], f"{commit}-1"
    delivered, running = context.image(repository, tag), context.task_definition()
    expect("the image of the build", context.image(f"{repository}/builds", tag), delivered)
    expect("the image that the service names", _named(running), f"{uri}@{delivered}")
    expect("the image that the service runs", context.running_image(), delivered)
    expect("the image behind `live`", context.image(repository, "live"), delivered)
    expect("the new revision", running["revision"], before["revision"] + 1)
    for kept in ("cpu", "memory", "executionRoleArn", "taskRoleArn", "networkMode"):
        expect(f"{kept} of the new revision", running[kept], before[kept])
    return delivered


def deliver_and_roll_back(context: RehearsalContext, pipeline: PipelineRun, commit: str) -> None:
    """Build a delivered commit again and roll it out, then back, as ECS does for an alarm.

    Nothing may be promoted.
    """
    before = context.service()

    def roll_back() -> None:
        # The local AWS looks at no alarm.
        context.aws.client("ecs").update_service(
            cluster=before["clusterArn"],
            service=before["serviceName"],
            taskDefinition=before["taskDefinition"],
        )

    with _nothing_changes(context) as live:
        failure = _failure(lambda: pipeline.run(commit, before={"Promote": roll_back}))
        if failure.action != "Promote":
            raise failure
        expect("the actions before it", failure.done, ["Source", "Build", "Release", "Deploy"])
        expect_true(f"it says why: {failure}", holds="rolled back or replaced" in str(failure))
        built = context.image(context.repository(), f"{commit}-2")
        expect_true("the second build made an image of its own", holds=live != built)


def fail_to_roll_out(context: RehearsalContext, pipeline: PipelineRun, commit: str) -> None:
    """Lose the image of the last execution before it is rolled out again."""
    uri, before = context.outputs(SERVICE)["ImageRepositoryUri"], context.task_definition()
    tag = f"{commit}-2"
    digest = context.image(context.repository(), tag)

    def lose_image() -> None:
        context.aws.client("ecr").batch_delete_image(
            repositoryName=context.repository(), imageIds=[{"imageTag": tag}]
        )

    with _nothing_changes(context):
        failure = _failure(lambda: pipeline.retry("Deploy", before={"Deploy": lose_image}))
        if failure.action != "Deploy":
            raise failure
        expect_true(f"it says why: {failure}", holds=f"{uri}@{digest}: not found" in str(failure))
    service = context.service()
    expect("the revision in service", service["taskDefinition"], before["taskDefinitionArn"])
    expect("running tasks", service["runningCount"], service["desiredCount"])


def _dockerfile(context: RehearsalContext) -> Path:
    names = [context.outputs(SERVICE)["PipelineName"]]
    project = context.aws.client("codebuild").batch_get_projects(names=names)["projects"][0]
    variables = {v["name"]: v["value"] for v in project["environment"]["environmentVariables"]}
    return ROOT / str(variables["DOCKERFILE_PATH"])


def _expect_live(context: RehearsalContext, digest: str) -> None:
    uri = context.outputs(SERVICE)["ImageRepositoryUri"]
    expect("the image that the template names", _named(context.task_definition()), f"{uri}:live")
    expect("the image behind `live`", context.image(uri.partition("/")[2], "live"), digest)
    expect("the image that the service runs", context.running_image(), digest)


def _named(task_definition: dict[str, Any]) -> str:
    return str(task_definition["containerDefinitions"][0]["image"])


@contextmanager
def _nothing_changes(context: RehearsalContext) -> Iterator[str]:
    """Hand out the digest of the live image, which must be live and in service afterwards."""
    live = context.image(context.repository(), "live")
    yield live
    expect("`live`", context.image(context.repository(), "live"), live)
    expect("the image that the service runs", context.running_image(), live)


def _failure(deliver: Callable[[], object]) -> ActionFailedError:
    try:
        deliver()
    except ActionFailedError as failure:
        return failure
    raise RehearsalError("a delivery that should have failed went through")
