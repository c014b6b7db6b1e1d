"""A delivery of the rehearsal: an execution of the deployed pipeline, from its start to its end."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeAlias

from cdk_rehearsal.expectation import RehearsalError
from cdk_rehearsal.pipelines.artifacts import ArtifactStore
from cdk_rehearsal.pipelines.docker import DockerCommand
from cdk_rehearsal.pipelines.source_tree import Source
from cdk_rehearsal.pipelines.worker import PipelineWorker
from cdk_rehearsal.server.local_aws import LocalAws

Before: TypeAlias = Mapping[str, Callable[[], None]]
"""Functions to call just before an action, by the action's name."""
_APPROVED = {"status": "Approved", "summary": "by the rehearsal"}


class ActionFailedError(RehearsalError):
    """``action`` failed and ended the execution; ``done`` are the actions that succeeded."""

    def __init__(self, action: str, reason: str, done: list[str]) -> None:
        super().__init__(f"the action {action} failed: {reason}")
        self.action = action
        self.done = done


def failure_of(deliver: Callable[[], object], action: str) -> ActionFailedError:
    """Return the failure of a delivery, which must be that of the given action."""
    try:
        deliver()
    except ActionFailedError as failure:
        if failure.action != action:
            raise
        return failure
    raise RehearsalError(f"the action {action} should have failed, but the delivery went through")


class PipelineRun(PipelineWorker):
    """Starts executions of one pipeline, one after the other, and does their jobs.

    ``pipeline`` returns its name once it is deployed. Every execution delivers the files of
    ``source``, which is read once, under the commit id that it is given. It approves what waits for
    an approval. An action that fails raises ``ActionFailedError``.
    """

    def __init__(
        self,
        aws: LocalAws,
        docker: DockerCommand,
        *,
        pipeline: Callable[[], str],
        source: Callable[[], Source],
    ) -> None:
        super().__init__(aws, docker, Path())
        self._pipeline = pipeline
        self._source = source
        self._before: Before = {}
        self._name = ""
        self._execution_id = ""

    def run(self, commit: str, *, before: Before | None = None) -> list[str]:
        """Start an execution for a commit; return the names of its actions when all are done."""
        self._name = name = self._pipeline()
        stages = self._client.get_pipeline(name=name)["pipeline"]["stages"]
        source = stages[0]["actions"][0]["name"]
        revision = {"actionName": source, "revisionType": "COMMIT_ID", "revisionValue": commit}
        started = self._client.start_pipeline_execution(name=name, sourceRevisions=[revision])
        self._execution_id = started["pipelineExecutionId"]
        return self._until_end(before)

    def retry(self, stage: str, *, before: Before | None = None) -> list[str]:
        """Do all actions of the stage that failed in the last execution again, and go on."""
        if not self._execution_id:
            raise RehearsalError("there is no execution to retry")
        self._client.retry_stage_execution(
            pipelineName=self._name,
            stageName=stage,
            pipelineExecutionId=self._execution_id,
            retryMode="ALL_ACTIONS",
        )
        return self._until_end(before)

    def follow(self, execution_id: str, *, before: Before | None = None) -> list[str]:
        """Do the actions of an execution that somebody else has started."""
        self._name, self._execution_id = self._pipeline(), execution_id
        return self._until_end(before)

    @property
    def execution_id(self) -> str:
        """The id of the last execution."""
        return self._execution_id

    @property
    def artifacts(self) -> ArtifactStore:
        """The artifacts and variables of the last execution."""
        if self._execution_id not in self._stores:
            raise RehearsalError("no action of an execution has been done yet")
        return self._stores[self._execution_id]

    def before_action(self, name: str) -> None:
        """Call the function that the caller wants called before this action."""
        self._before.get(name, lambda: None)()

    def source_of(self, commit: str) -> Source:  # noqa: ARG002 - it names the source, no commit
        """Return the one source of all executions."""
        return self._source()

    def _until_end(self, before: Before | None) -> list[str]:
        self._before = before or {}
        done: list[str] = []
        while (status := self._status()) == "InProgress":
            done_before = len(done)
            for result in self.work():
                if result.failure:
                    reason = str(result.failure)
                    raise ActionFailedError(result.action, reason, done) from result.failure
                done.append(result.action)
            if len(done) == done_before and not self._approve():
                raise RehearsalError(f"{self._name} waits for an action that no worker does here")
        if status != "Succeeded":
            raise RehearsalError(f"the execution {self._execution_id} has ended: {status}")
        return done

    def _status(self) -> str:
        found = self._client.get_pipeline_execution(
            pipelineName=self._name, pipelineExecutionId=self._execution_id
        )
        return str(found["pipelineExecution"]["status"])

    def _approve(self) -> bool:
        """Approve each action that waits for it; tell whether there was one."""
        waiting = [
            (stage["stageName"], action["actionName"], action["latestExecution"]["token"])
            for stage in self._client.get_pipeline_state(name=self._name)["stageStates"]
            for action in stage["actionStates"]
            if "token" in action.get("latestExecution", {})
        ]
        for stage, action, token in waiting:
            self._client.put_approval_result(
                pipelineName=self._name,
                stageName=stage,
                actionName=action,
                token=token,
                result=_APPROVED,
            )
        return bool(waiting)
