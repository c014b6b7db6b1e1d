"""Deliveries: which there were, starting one, and returning to the image of an older one.

Both go through the pipeline, so that what it releases, rolls out and promotes is one image: a
return that changed the service alone would be undone by the next `cdk deploy`, which runs what is
live.
"""

import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

from tools.operations.account import OperationError, confirm, say
from tools.operations.service import DeployedService

SHOWN = 5
_LOOKED_AT = 100  # as many as CodePipeline gives at once
_SHORT = 8
_LONGEST_SUBJECT = 50

NOT_DEPLOYED = "no delivery has come through the pipeline yet"


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """An execution of the pipeline; ``returns_to`` is the one that a rollback repeats."""

    id: str
    status: str
    started: datetime
    commit: str = ""
    summary: str = ""
    returns_to: str = ""

    @classmethod
    def of(cls, execution: Mapping[str, Any]) -> Self:
        """Read what CodePipeline lists."""
        revisions: list[Mapping[str, Any]] = execution.get("sourceRevisions", [])
        revision = revisions[0] if revisions else {}
        target = execution.get("rollbackMetadata", {}).get("rollbackTargetPipelineExecutionId", "")
        return cls(
            id=execution["pipelineExecutionId"],
            status=execution["status"],
            started=execution["startTime"],
            commit=revision.get("revisionId", ""),
            summary=_subject(revision.get("revisionSummary", "")),
            returns_to=target if execution.get("executionType") == "ROLLBACK" else "",
        )

    @property
    def line(self) -> str:
        """Which one it is, in a line."""
        what = f"commit {self.commit[:_SHORT]}" if self.commit else "no commit"
        what += f' "{self.summary}"' if self.summary else ""
        back = f", a return to {self.returns_to}" if self.returns_to else ""
        return f"{self.started:%Y-%m-%d %H:%M}  {self.status}  {what}  {self.id}{back}"


class Pipeline:
    """The pipeline of a service, as it is now."""

    def __init__(self, service: DeployedService) -> None:
        self._account = service.account
        self.name = service.settings.service.full_name
        found = self._account.call(
            "codepipeline", "get_pipeline", "PipelineNotFoundException", name=self.name
        )
        if found is None:
            raise OperationError(f"there is no pipeline {self.name}")
        self.version: int = found["pipeline"]["version"]
        self._stages: list[dict[str, Any]] = found["pipeline"]["stages"]

    @property
    def source_action(self) -> str:
        """The name of the action that reads the source."""
        return str(self._stages[0]["actions"][0]["name"])

    @property
    def last_stage(self) -> str:
        """The name of the stage that puts an image into service and makes it live.

        ``OperationError`` if these are several: a stage is returned alone, and half of a return is
        undone by the next `cdk deploy`.
        """
        last = self._stages[-1]
        if not any(a["actionTypeId"]["provider"] == "ECS" for a in last["actions"]):
            raise OperationError(
                f"the last stage of {self.name}, {last['name']}, does not roll out: to return to "
                "an older image, revert the commit and push"
            )
        return str(last["name"])

    def deliveries(self, *, in_stage: str = "", most: int = _LOOKED_AT) -> list[Delivery]:
        """Return the newest executions, newest first; only those that a stage has completed."""
        wanted = {"filter": {"succeededInStage": {"stageName": in_stage}}} if in_stage else {}
        found = self._account.call(
            "codepipeline",
            "list_pipeline_executions",
            pipelineName=self.name,
            maxResults=most,
            **wanted,
        )
        return [Delivery.of(each) for each in found["pipelineExecutionSummaries"]]

    def version_of(self, execution: str) -> int:
        """Return which version of the pipeline an execution has run."""
        found = self._account.call(
            "codepipeline",
            "get_pipeline_execution",
            pipelineName=self.name,
            pipelineExecutionId=execution,
        )
        return int(found["pipelineExecution"].get("pipelineVersion", 0))

    def running(self) -> Iterator[str]:
        """Yield, for each stage at work or failed, a line with its actions."""
        state = self._account.call("codepipeline", "get_pipeline_state", name=self.name)
        for stage in state["stageStates"]:
            status = stage.get("latestExecution", {}).get("status")
            if status in {"InProgress", "Failed", "Stopping", "Stopped"}:
                yield f"{stage['stageName']}: {status}"
                yield from (
                    f"  {line}" for line in map(_action_line, stage["actionStates"]) if line
                )


def deliver(service: DeployedService, *, commit: str, yes: bool) -> None:
    """Start the pipeline: with the newest commit of its branch, or with the commit."""
    pipeline = Pipeline(service)
    what = f"commit {commit}" if commit else "the newest commit"
    confirm(f"Deliver {what} by {pipeline.name}", yes=yes)
    revision = {
        "actionName": pipeline.source_action,
        "revisionType": "COMMIT_ID",
        "revisionValue": commit,
    }
    started = service.account.call(
        "codepipeline",
        "start_pipeline_execution",
        name=pipeline.name,
        **({"sourceRevisions": [revision]} if commit else {}),
    )
    print(f"Started: {started['pipelineExecutionId']}. `make status` says how far it is.")


def roll_back(service: DeployedService, *, to: str, yes: bool) -> None:
    """Return to the delivery before the one in service, or to the one that is named.

    What can be returned to is CodePipeline's to say:
    https://docs.aws.amazon.com/codepipeline/latest/userguide/stage-rollback.html
    """
    pipeline = Pipeline(service)
    stage = pipeline.last_stage
    done = pipeline.deliveries(in_stage=stage)
    if not done:
        raise OperationError(f"{NOT_DEPLOYED}: there is nothing to return to")
    target = _named(done, to) if to else _before_the_one_in_service(done)
    if (version := pipeline.version_of(target.id)) != pipeline.version:
        raise OperationError(
            f"{target.id} has run version {version} of the pipeline, which is at version "
            f"{pipeline.version} now; CodePipeline returns to executions of the same version only. "
            f"Build that commit again: make deliver COMMIT={target.commit}, or revert and push"
        )
    say(f"To return to: {target.line}")
    confirm(f"Roll {service.name} back to commit {target.commit[:_SHORT]}", yes=yes)
    started = service.account.call(
        "codepipeline",
        "rollback_stage",
        pipelineName=pipeline.name,
        stageName=stage,
        targetPipelineExecutionId=target.id,
    )
    print(
        f"Started: {started['pipelineExecutionId']}. `make status` says how far it is. The next "
        "commit delivers again what this has taken back: revert it."
    )


def _before_the_one_in_service(done: list[Delivery]) -> Delivery:
    *older, in_service = _standing(done)
    # A return to an execution that is listed no more stands for itself, and cannot be a target.
    targets = [each for each in older if not each.returns_to]
    if not targets:
        raise OperationError(
            f"no delivery before {in_service.id}, which is in service, is known to the pipeline: "
            "to return to an older image, revert the commit and push"
        )
    return targets[-1]


def _standing(done: list[Delivery]) -> list[Delivery]:
    """Return the deliveries that nobody has taken back, oldest first; the last one is in service.

    ``done`` is newest first. A return takes back what came after the delivery that it returns to.
    """
    by_id = {each.id: each for each in done}
    standing: list[Delivery] = []
    for each in reversed(done):
        delivery = by_id.get(each.returns_to, each)
        if delivery in standing:
            del standing[standing.index(delivery) :]
        standing.append(delivery)
    return standing


def _named(done: list[Delivery], wanted: str) -> Delivery:
    for each in done:
        if each.id == wanted:
            if each.returns_to:
                raise OperationError(
                    f"{wanted} was a return itself, and cannot be returned to: TO={each.returns_to}"
                )
            return each
    known = "\n  ".join(each.line for each in done if not each.returns_to)
    raise OperationError(f"{wanted} has not been put into service; there are\n  {known}")


def _action_line(action: Mapping[str, Any]) -> str:
    latest = action.get("latestExecution", {})
    if latest.get("status") not in {"InProgress", "Failed"}:
        return ""
    reason = latest.get("errorDetails", {}).get("message") or latest.get("summary", "")
    return f"{action['actionName']}: {latest['status']}{f', {reason}' if reason else ''}"


def _subject(message: str) -> str:
    first = next(iter(message.splitlines()), "")
    return textwrap.shorten(first, _LONGEST_SUBJECT, placeholder=" ...")
