"""A version that passes its tests, is built and pushed, and crashes when it starts."""

import secrets

from tools.rehearsal.containers.load import Load
from tools.rehearsal.containers.stage import wait_until
from tools.rehearsal.expectation import RehearsalError, expect, expect_all
from tools.rehearsal.pipeline.artifact_store import ArtifactStore
from tools.rehearsal.pipeline.docker_command import DockerCommand
from tools.rehearsal.pipeline.pipeline_run import Action, ActionFailedError, PipelineRun
from tools.rehearsal.world import SERVICE

DOCKERFILE = "application-code/ecsdemo-backend/Dockerfile"
_LAST_LINE = b'\nCMD ["python", "-c", "raise SystemExit(\'this version crashes at its start\')"]\n'
_ROLLBACK_SECONDS = 30


class BadVersion(PipelineRun):
    """The deployed pipeline, given this project with another last line in the Dockerfile."""

    def _source(self, action: Action, artifacts: ArtifactStore, _commit: str) -> None:
        source = self._world.source
        files = {**source.files, DOCKERFILE: source.files[DOCKERFILE] + _LAST_LINE}
        artifacts.put(action["outputArtifacts"][0]["name"], files, source.links)


def deliver_bad_version(load: Load, docker: DockerCommand) -> str:
    """Deliver it; ECS rolls back, the tasks before it serve on, and `live` stays where it is."""
    stage = load.stage
    world = stage.world
    before, tasks = world.task_definition()["taskDefinitionArn"], stage.running()
    repository = world.outputs(SERVICE)["ImageRepositoryUri"].partition("/")[2]
    live = world.image(repository, "live")
    began = 0.0

    def rollout_begins() -> None:
        nonlocal began
        began = load.note("crashing version")

    try:
        BadVersion(world, docker).run(secrets.token_hex(20), before={"Deploy": rollout_begins})
    except ActionFailedError as failure:
        expect("the action that failed", failure.action, "Deploy")
        reason = str(failure).rpartition(": ")[2]
    else:
        raise RehearsalError("a version that crashes at its start was delivered")
    wait_until("it is rolled back", stage.is_steady, _ROLLBACK_SECONDS)
    load.note("rolled back")
    expect("the revision in service", world.task_definition()["taskDefinitionArn"], before)
    expect_all("the tasks that run", stage.running(), tasks)
    expect("fewest addresses meanwhile", load.fewest_addresses(began), len(tasks))
    expect("`live`", world.image(repository, "live"), live)
    return f"{reason} The {len(tasks)} tasks before it serve on, live is {live[7:19]}"
