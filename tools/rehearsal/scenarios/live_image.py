"""A delivery, and everything that must not bring an older image back after it."""

import secrets
from pathlib import Path
from typing import Any

from settings.examples import ROOT
from tools.rehearsal.expectation import expect, expect_true
from tools.rehearsal.pipeline.docker_command import docker_command
from tools.rehearsal.pipeline.pipeline_run import PipelineRun
from tools.rehearsal.scenarios.failed_deliveries import deliver_in_vain, fail_to_roll_out
from tools.rehearsal.world import SERVICE, World

DELIVERIES = 3
"""How many revisions ``play`` registers past CloudFormation."""

MISSING = "no-such-secret"


def play(world: World) -> None:
    """Change the task size before and after a delivery; fail an update; edit the seed."""
    narrator, workspace = world.narrator, world.workspace
    narrator.chapter("The live image")
    with narrator.step("task_memory 1024: cdk deploy") as step:
        seed = world.running_image()
        workspace.write_env(task_memory="1024")
        workspace.deploy()
        expect("memory of the running tasks", world.task_definition()["memory"], "1024")
        step.note = f"revision {world.task_definition()['revision']}, image {seed[7:19]}"
    with docker_command(workspace.folder / "docker", _dockerfile(world)) as docker:
        # A random commit: two rehearsals at the same time would share the tags of one engine.
        pipeline, commit = PipelineRun(world, docker), secrets.token_hex(20)
        with narrator.step("A `docker` for the builds") as step:
            step.note = docker.description
        with narrator.step("A delivery: build, push, roll out, promote") as step:
            delivered = deliver(world, pipeline, commit)
            expect_true("the delivered image is new", holds=delivered != seed)
            step.note = f"image {delivered[7:19]} is live"
        with narrator.step("A delivery that is rolled back after its rollout") as step:
            deliver_in_vain(world, pipeline, commit)
            step.note = f"the promotion refuses it; {delivered[7:19]} is still live"
        with narrator.step("The stage again, and the rollout fails") as step:
            fail_to_roll_out(world, pipeline, commit)
            step.note = f"image {delivered[7:19]} is still live and in service"
    with narrator.step("task_memory 2048, another seed: cdk deploy") as step:
        changes = {"task_memory": "2048", "seed_image": "public.ecr.aws/nginx/nginx:1.29"}
        workspace.write_env(**changes)
        workspace.deploy()
        expect("memory of the running tasks", world.task_definition()["memory"], "2048")
        _expect_live(world, delivered)
        step.note = f"still image {delivered[7:19]}"
    with narrator.step("A failing update is rolled back") as step:
        workspace.write_env(task_memory="1024", github_token_secret_name=MISSING)
        said = workspace.failing_cdk("deploy", "--all", "--require-approval", "never")
        expect_true("the CLI names the missing secret", holds=MISSING in said)
        expect("status", world.status(SERVICE), "UPDATE_ROLLBACK_COMPLETE")
        expect("memory of the running tasks", world.task_definition()["memory"], "2048")
        _expect_live(world, delivered)
        step.note = f"still 2048 MiB, still image {delivered[7:19]}"
    workspace.write_env(**changes)


def deliver(world: World, pipeline: PipelineRun, commit: str) -> str:
    """Deliver a commit, check what runs afterwards, and return the digest of its image."""
    uri, before = world.outputs(SERVICE)["ImageRepositoryUri"], world.task_definition()
    done = pipeline.run(commit)
    expect("actions", done, ["Source", "Build", "Deploy", "Promote"])
    repository, tag = uri.partition("/")[2], f"{commit}-1"
    delivered, running = world.image(repository, tag), world.task_definition()
    expect("the image that the service names", _named(running), f"{uri}:{tag}")
    expect("the image that the service runs", world.running_image(), delivered)
    expect("the image behind `live`", world.image(repository, "live"), delivered)
    expect("the new revision", running["revision"], before["revision"] + 1)
    for kept in ("cpu", "memory", "executionRoleArn", "taskRoleArn", "networkMode"):
        expect(f"{kept} of the new revision", running[kept], before[kept])
    return delivered


def _dockerfile(world: World) -> Path:
    names = [world.outputs(SERVICE)["PipelineName"]]
    project = world.aws.client("codebuild").batch_get_projects(names=names)["projects"][0]
    variables = {v["name"]: v["value"] for v in project["environment"]["environmentVariables"]}
    return ROOT / str(variables["FOLDER_PATH"]) / "Dockerfile"


def _expect_live(world: World, digest: str) -> None:
    uri = world.outputs(SERVICE)["ImageRepositoryUri"]
    expect("the image that the template names", _named(world.task_definition()), f"{uri}:live")
    expect("the image behind `live`", world.image(uri.partition("/")[2], "live"), digest)
    expect("the image that the service runs", world.running_image(), digest)


def _named(task_definition: dict[str, Any]) -> str:
    return str(task_definition["containerDefinitions"][0]["image"])
