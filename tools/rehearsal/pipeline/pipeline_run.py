"""An execution of the deployed pipeline."""

import itertools
import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from tools.local_aws.scratch import ScratchDirectory
from tools.rehearsal.expectation import RehearsalError
from tools.rehearsal.pipeline.artifact_store import ArtifactStore
from tools.rehearsal.pipeline.build_action import BuildAction
from tools.rehearsal.pipeline.docker_command import DockerCommand
from tools.rehearsal.pipeline.rollout import RolloutError, roll_out
from tools.rehearsal.world import SERVICE, World

Action = dict[str, Any]
Elsewhere = Mapping[str, Callable[[], None]]
"""What happens just before an action, by the action's name."""


class ActionFailedError(RehearsalError):
    """``action`` failed, the execution ended with it, and ``done`` are the actions before it."""

    def __init__(self, action: str, reason: str, done: list[str]) -> None:
        super().__init__(f"the action {action} failed: {reason}")
        self.action = action
        self.done = done


class PipelineRun:
    """Plays the pipeline of the service stack, one execution after the other.

    Everything is read from the local AWS at each execution: the stages and actions, the build
    project, the artifact bucket. ``docker`` is the one that the build calls; everything else that
    its commands call is real.
    """

    def __init__(self, world: World, docker: DockerCommand) -> None:
        self._world = world
        self._docker = docker
        self._numbers = itertools.count(1)
        self._last: tuple[str, ArtifactStore] | None = None
        self._play: dict[tuple[str, str], Callable[[Action, ArtifactStore, str], None]] = {
            ("Source", "GitHub"): self._source,
            ("Source", "CodeStarSourceConnection"): self._source,
            ("Build", "CodeBuild"): self._build,
            ("Deploy", "ECS"): self._deploy,
            ("Compute", "Commands"): self._commands,
        }

    def run(self, commit: str, *, before: Elsewhere | None = None) -> list[str]:
        """Do all actions, in order, for a commit; return their names.

        ``before`` is what happens elsewhere just before an action, by the action's name. The first
        action that fails ends the execution with ``ActionFailedError``.
        """
        pipeline = self._pipeline()
        s3, bucket = self._world.aws.client("s3"), pipeline["artifactStore"]["location"]
        artifacts = ArtifactStore(s3, bucket=bucket, pipeline=pipeline["name"])
        self._last = commit, artifacts
        return self._go_through(pipeline["stages"], commit, artifacts, before or {})

    def retry(self, stage: str, *, before: Elsewhere | None = None) -> list[str]:
        """Do all actions of a stage of the last execution again, as ``retry-stage-execution``."""
        if self._last is None:
            raise RehearsalError("there is no execution to retry")
        stages = [each for each in self._pipeline()["stages"] if each["name"] == stage]
        return self._go_through(stages, *self._last, before or {})

    def _pipeline(self) -> dict[str, Any]:
        name = self._world.outputs(SERVICE)["PipelineName"]
        client = self._world.aws.client("codepipeline")
        return dict(client.get_pipeline(name=name)["pipeline"])

    def _go_through(
        self,
        stages: Iterable[Mapping[str, Any]],
        commit: str,
        artifacts: ArtifactStore,
        before: Elsewhere,
    ) -> list[str]:
        done: list[str] = []
        for stage in stages:
            for action in sorted(stage["actions"], key=lambda action: int(action["runOrder"])):
                before.get(action["name"], lambda: None)()
                kind = action["actionTypeId"]["category"], action["actionTypeId"]["provider"]
                if kind not in self._play:
                    raise RehearsalError(f"the action {action['name']} ({kind}) is not played")
                try:
                    self._play[kind](action, artifacts, commit)
                except (RolloutError, RehearsalError) as error:
                    raise ActionFailedError(action["name"], str(error), done) from error
                done.append(action["name"])
        return done

    def _source(self, action: Action, artifacts: ArtifactStore, _commit: str) -> None:
        """Hand on this project; GitHub is not asked."""
        source = self._world.source
        artifacts.put(action["outputArtifacts"][0]["name"], source.files, source.links)

    def _build(self, action: Action, artifacts: ArtifactStore, commit: str) -> None:
        build = BuildAction(self._world, self._docker, commit=commit, number=next(self._numbers))
        build.play(action, artifacts)

    def _deploy(self, action: Action, artifacts: ArtifactStore, _commit: str) -> None:
        configuration = action["configuration"]
        with ScratchDirectory("deploy") as scratch:
            artifacts.unpack(action["inputArtifacts"][0]["name"], scratch.path)
            file = scratch.path / configuration["FileName"]
            if not file.is_file():
                raise RehearsalError(f"there is no {configuration['FileName']} in the artifact")
            definitions = json.loads(file.read_text(encoding="utf-8"))
        roll_out(
            self._world.aws.client("ecs"),
            cluster=configuration["ClusterName"],
            service=configuration["ServiceName"],
            images={each["name"]: each["imageUri"] for each in definitions},
        )

    def _commands(self, action: Action, artifacts: ArtifactStore, _commit: str) -> None:
        with ScratchDirectory("commands") as scratch:
            artifacts.unpack(action["inputArtifacts"][0]["name"], scratch.path)
            for command in action["commands"]:
                self._world.workspace.shell(command, scratch.path)
