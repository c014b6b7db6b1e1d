"""What the build action of a pipeline does."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tools.local_aws.scratch import ScratchDirectory
from tools.rehearsal.expectation import RehearsalError
from tools.rehearsal.pipeline.artifact_store import ArtifactStore
from tools.rehearsal.pipeline.build import run_build
from tools.rehearsal.pipeline.build_environment import build_environment
from tools.rehearsal.pipeline.buildspec import parse_buildspec
from tools.rehearsal.pipeline.docker_command import DockerCommand
from tools.rehearsal.world import SERVICE, World

_LOG_LINES = 40


class BuildAction:
    """One build of a commit, by the CodeBuild project that the local AWS has.

    The commands, the shell and the AWS CLI are real; ``docker`` is as it says itself.
    """

    def __init__(self, world: World, docker: DockerCommand, *, commit: str, number: int) -> None:
        self._world = world
        self._docker = docker
        self._commit = commit
        self._number = number

    def play(self, action: Mapping[str, Any], artifacts: ArtifactStore) -> None:
        """Build the input artifact and store the output; ``RehearsalError`` if the build fails."""
        codebuild = self._world.aws.client("codebuild")
        name = action["configuration"]["ProjectName"]
        project = codebuild.batch_get_projects(names=[name])["projects"][0]
        source = action["inputArtifacts"][0]["name"]
        with ScratchDirectory("build") as scratch:
            folder = scratch.path / "src"
            artifacts.unpack(source, folder)
            buildspec = folder / project["source"]["buildspec"]
            result = run_build(
                parse_buildspec(buildspec.read_text(encoding="utf-8")),
                source=folder,
                environment=self._environment(project, artifacts.arn(source), folder),
            )
        if not result.succeeded:
            log = "\n".join(result.log.splitlines()[-_LOG_LINES:])
            raise RehearsalError(f"{result.failure}\n{log}")
        artifacts.put(action["outputArtifacts"][0]["name"], result.artifact)

    def _environment(
        self, project: Mapping[str, Any], source_version: str, folder: Path
    ) -> dict[str, str]:
        """Return what the project and CodeBuild set, and the way to the tools and to this AWS."""
        path = os.environ.get("PATH", os.defpath)
        tools = [str(self._docker.folder), str(Path(sys.executable).parent), path]
        host = {
            "PATH": os.pathsep.join(tools),
            "HOME": str(folder),
            "TMPDIR": str(folder.parent),
        }
        return (
            self._world.aws.access.environment()
            | dict(self._docker.variables)
            | host
            | {"CODEBUILD_SRC_DIR": str(folder)}
            | build_environment(
                project,
                commit=self._commit,
                number=self._number,
                initiator=f"codepipeline/{self._world.outputs(SERVICE)['PipelineName']}",
                source_version=source_version,
            )
        )
