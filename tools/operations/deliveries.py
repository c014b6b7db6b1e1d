"""The deliveries of a service: list them, start one, and return to the image of an older one.

A return goes through the pipeline, so that the tag `live` follows. If it changed only the service,
the next `cdk deploy` would undo it.
"""

import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

from tools.operations.account import OperationError, confirm, say
from tools.operations.service import DeployedService

_PAGE = 100  # CodePipeline lists at most this many executions in one answer.
_REFUSALS = ("UnableToRollbackStageException", "PipelineExecutionOutdatedException")
_SHORT = 8
_LONGEST_SUBJECT = 50


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """An execution of the pipeline; ``returns_to`` is the execution that a rollback repeats."""

    id: str
    status: str
    started: datetime
    commit: str = ""
    summary: str = ""
    returns_to: str = ""

    @classmethod
    def from_execution(cls, execution: Mapping[str, Any]) -> Self:
        """Read an execution that CodePipeline lists."""
        revision: Mapping[str, Any] = next(iter(execution.get("sourceRevisions", [])), {})
        message = next(iter(revision.get("revisionSummary", "").splitlines()), "")
        target = execution.get("rollbackMetadata", {}).get("rollbackTargetPipelineExecutionId", "")
        return cls(
            id=execution["pipelineExecutionId"],
            status=execution["status"],
            started=execution["startTime"],
            commit=revision.get("revisionId", ""),
            summary=textwrap.shorten(message, _LONGEST_SUBJECT, placeholder=" ..."),
            returns_to=target if execution.get("executionType") == "ROLLBACK" else "",
        )

    @property
    def line(self) -> str:
        """The delivery in one line."""
        what = f"commit {self.commit[:_SHORT]}" if self.commit else "no commit"
        what += f' "{self.summary}"' if self.summary else ""
        back = f", a rollback to {self.returns_to}" if self.returns_to else ""
        return f"{self.started:%Y-%m-%d %H:%M}  {self.status}  {what}  {self.id}{back}"


class Pipeline:
    """The pipeline of a service.

    ``source_action`` reads the source. ``last_stage`` rolls an image out and makes it live.
    """

    def __init__(self, service: DeployedService) -> None:
        self._account = service.account
        self.name = service.settings.service.full_name
        found = self._account.call("codepipeline", "get_pipeline", name=self.name)
        stages = found["pipeline"]["stages"]
        self.source_action = str(stages[0]["actions"][0]["name"])
        self.last_stage = str(stages[-1]["name"])

    def deliveries(self, *, in_stage: str = "") -> list[Delivery]:
        """Return the executions, newest first; with ``in_stage`` those that succeeded there."""
        wanted: dict[str, Any] = {"pipelineName": self.name, "maxResults": _PAGE}
        if in_stage:
            wanted["filter"] = {"succeededInStage": {"stageName": in_stage}}
        found = self._account.call("codepipeline", "list_pipeline_executions", **wanted)
        return [Delivery.from_execution(each) for each in found["pipelineExecutionSummaries"]]

    def unfinished_stages(self) -> Iterator[str]:
        """Yield a line for each stage that runs, failed or was stopped, and for its actions."""
        state = self._account.call("codepipeline", "get_pipeline_state", name=self.name)
        for stage in state["stageStates"]:
            status = stage.get("latestExecution", {}).get("status")
            if status in {"InProgress", "Failed", "Stopping", "Stopped"}:
                yield f"{stage['stageName']}: {status}"
                for action in stage["actionStates"]:
                    latest = action.get("latestExecution", {})
                    if latest.get("status") in {"InProgress", "Failed"}:
                        reason = latest.get("errorDetails", {}).get("message")
                        parts = (latest["status"], reason or latest.get("summary", ""))
                        yield f"  {action['actionName']}: {', '.join(filter(None, parts))}"


def deliver(service: DeployedService, *, commit: str, yes: bool) -> None:
    """Start the pipeline with ``commit``, or with the newest commit of its branch."""
    pipeline = Pipeline(service)
    what = f"commit {commit}" if commit else "the newest commit"
    confirm(f"Deliver {what} with {pipeline.name}", yes=yes)
    wanted: dict[str, Any] = {"name": pipeline.name}
    if commit:
        action = pipeline.source_action
        revision = {"actionName": action, "revisionType": "COMMIT_ID", "revisionValue": commit}
        wanted["sourceRevisions"] = [revision]
    started = service.account.call("codepipeline", "start_pipeline_execution", **wanted)
    print(f"Started: {started['pipelineExecutionId']}. `make status` shows its progress.")


def roll_back(service: DeployedService, *, to: str, yes: bool) -> None:
    """Return to the delivery ``to``, or to the one before the delivery in service.

    CodePipeline limits the executions that a rollback can repeat:
    https://docs.aws.amazon.com/codepipeline/latest/userguide/stage-rollback.html
    """
    pipeline = Pipeline(service)
    stage = pipeline.last_stage
    delivered = pipeline.deliveries(in_stage=stage)
    target = _chosen(delivered, to) if to else _delivery_before_the_one_in_service(delivered)
    say(f"Rollback target: {target.line}")
    confirm(f"Roll {service.name} back to commit {target.commit[:_SHORT]}", yes=yes)
    started = service.account.call(
        *("codepipeline", "rollback_stage", *_REFUSALS),
        pipelineName=pipeline.name,
        stageName=stage,
        targetPipelineExecutionId=target.id,
    )
    if started is None:
        raise OperationError(
            "CodePipeline refuses this rollback. Either the stage runs (make status): try again "
            "when it has ended. Or a deploy has changed the pipeline since that delivery: build "
            f"its commit again with make deliver COMMIT={target.commit}, or revert and push"
        )
    print(
        f"Started: {started['pipelineExecutionId']}. `make status` shows its progress. Revert the "
        "bad commit: the next delivery would bring it back."
    )


def _delivery_before_the_one_in_service(delivered: list[Delivery]) -> Delivery:
    # CodePipeline does not repeat an execution that was a rollback itself.
    targets = [each for each in _standing(delivered)[:-1] if not each.returns_to]
    if not targets:
        raise OperationError(
            "the pipeline knows no delivery before the one in service: to return to an older "
            "image, revert the commit and push"
        )
    return targets[-1]


def _standing(delivered: list[Delivery]) -> list[Delivery]:
    """Return the deliveries that no rollback has taken back, oldest first; the last is in service.

    A rollback takes back all deliveries after the one that it returns to.
    """
    by_id = {each.id: each for each in delivered}
    standing: list[Delivery] = []
    for each in reversed(delivered):
        delivery = by_id.get(each.returns_to, each)
        if delivery in standing:
            del standing[standing.index(delivery) :]
        standing.append(delivery)
    return standing


def _chosen(delivered: list[Delivery], wanted: str) -> Delivery:
    targets = {each.id: each for each in delivered if not each.returns_to}
    if wanted not in targets:
        raise OperationError(f"cannot roll back to TO={wanted}; `make status` lists the deliveries")
    return targets[wanted]
