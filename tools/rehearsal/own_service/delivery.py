"""The pipeline of the user's service: as the rehearsal's, with the time that any image may need."""

from typing import Any

from tools.local_aws import Access
from tools.rehearsal.context import RehearsalContext
from tools.rehearsal.pipeline.docker_command import DockerCommand
from tools.rehearsal.pipeline.pipeline_run import Action, ArtifactStore, PipelineRun


class OwnPipeline(PipelineRun):
    """The deployed pipeline; whatever waits for a person's approval gets it."""

    rollout_seconds = 400.0

    def __init__(self, context: RehearsalContext, docker: DockerCommand) -> None:
        super().__init__(context, docker)
        self._actions["Approval", "Manual"] = self._approve

    def _approve(self, _action: Action, _access: Access, _artifacts: ArtifactStore, _: Any) -> None:
        """Say yes."""
