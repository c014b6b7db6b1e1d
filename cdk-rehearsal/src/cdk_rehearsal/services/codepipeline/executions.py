"""The executions of pipelines: the order of their actions, their states, and jobs for a worker.

This does no action itself. As for a custom action on AWS, a worker polls for jobs, acknowledges one
and reports its result; then the next action is offered.
https://docs.aws.amazon.com/codepipeline/latest/userguide/actions-create-custom-action.html
"""

import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from cdk_rehearsal.services.codepipeline.errors import error

Shape: TypeAlias = dict[str, Any]

_APPROVAL = "Approval"
_AT_WORK = "InProgress"


@dataclass
class Action:
    """An action of one execution; its status is empty until it begins."""

    stage: str
    definition: Shape
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    status: str = ""
    summary: str = ""
    changed: float = field(default_factory=time.time)
    began: float = 0.0
    variables: Shape = field(default_factory=dict)
    continuation: str = ""
    """The token with which the job goes on in another call of its function."""

    def become(self, status: str, summary: str = "") -> None:
        self.status, self.summary, self.changed = status, summary, time.time()
        self.continuation = ""
        if status == _AT_WORK:
            self.began = self.changed

    def state(self) -> Shape:
        """Return the action as GetPipelineState shows it."""
        latest: Shape = {
            "actionExecutionId": self.id,
            "status": self.status,
            "summary": self.summary,
            "lastStatusChange": self.changed,
        }
        if self.status == "Failed":
            latest["errorDetails"] = {"code": "JobFailed", "message": self.summary}
        if self.is_approval and self.status == _AT_WORK:
            latest["token"] = self.id
        return {"actionName": self.definition["name"]} | (
            {"latestExecution": latest} if self.status else {}
        )

    def output(self) -> Shape:
        """Return the output of the action as ListActionExecutions shows it."""
        failure = {"message": self.summary} if self.status == "Failed" else {}
        return {
            "outputVariables": self.variables,
            "executionResult": {"errorDetails": failure},
        }

    @property
    def is_approval(self) -> bool:
        return bool(self.definition["actionTypeId"]["category"] == _APPROVAL)


@dataclass
class Execution:
    """One run through the pipeline; a rollback has the actions of one stage, and a ``target``."""

    pipeline: str
    version: int
    actions: list[Action]
    target: str = ""
    revision: Shape = field(default_factory=dict)
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    status: str = _AT_WORK
    stop_reason: str = ""
    started: float = field(default_factory=time.time)

    def advance(self) -> Action | None:
        """Return the next action; end the execution if there is none."""
        if self.status != _AT_WORK:
            return None
        waiting = next((a for a in self.actions if a.status != "Succeeded"), None)
        if waiting is None:
            self.status = "Succeeded"
        elif waiting.is_approval and not waiting.status:
            waiting.become(_AT_WORK)
        return waiting

    def stage_status(self, stage: str) -> str:
        """Return the status of a stage; empty if the execution has not reached it."""
        statuses = [a.status for a in self.actions if a.stage == stage]
        if not any(statuses):
            return ""
        if "Failed" in statuses:
            return "Failed"
        return "Succeeded" if set(statuses) == {"Succeeded"} else self.status

    def summary(self) -> Shape:
        """Return the execution as ListPipelineExecutions and GetPipelineExecution show it."""
        shown: Shape = {
            "pipelineExecutionId": self.id,
            "pipelineName": self.pipeline,
            "pipelineVersion": self.version,
            "status": self.status,
            "executionType": "ROLLBACK" if self.target else "STANDARD",
            "startTime": self.started,
            "lastUpdateTime": max(action.changed for action in self.actions),
        }
        if self.status == "Stopped":
            shown["stopTrigger"] = {"reason": self.stop_reason}
        if self.target:
            shown["rollbackMetadata"] = {"rollbackTargetPipelineExecutionId": self.target}
        return shown | ({"sourceRevisions": [self.revision]} if self.revision else {})


class Executions:
    """The executions of all pipelines of an account and region, newest last."""

    def __init__(self) -> None:
        self._all: list[Execution] = []

    def start(self, pipeline: Shape, overrides: list[Shape] | None) -> str:
        execution = Execution(pipeline["name"], pipeline["version"], _actions(pipeline))
        for override in overrides or []:
            execution.revision = {
                "actionName": override["actionName"],
                "revisionId": override["revisionValue"],
            }
        self._all.append(execution)
        return execution.id

    def roll_back(self, pipeline: Shape, stage: str, target_id: str) -> str:
        """Do a stage again with the artifacts of an earlier execution.

        https://docs.aws.amazon.com/codepipeline/latest/userguide/stage-rollback.html
        """
        target = self.find(pipeline["name"], target_id)
        actions = [a for a in _actions(pipeline) if a.stage == stage]
        if not actions:
            raise error("StageNotFoundException", stage=stage)
        reasons = {
            "a source stage cannot be rolled back": pipeline["stages"][0]["name"] == stage,
            "the target is a rollback itself": bool(target.target),
            "the stage is running": any(
                each.stage_status(stage) == _AT_WORK for each in self.of(pipeline["name"])
            ),
            "the pipeline has changed since": target.version != pipeline["version"],
            "the target was not successful in the stage": target.stage_status(stage) != "Succeeded",
        }
        if applying := [reason for reason, applies in reasons.items() if applies]:
            raise error("UnableToRollbackStageException", reasons="; ".join(applying))
        back = Execution(
            pipeline["name"],
            pipeline["version"],
            actions,
            target=target_id,
            revision=target.revision,
        )
        self._all.append(back)
        return back.id

    def retry(self, pipeline: str, stage: str, execution_id: str, mode: str) -> str:
        execution = self.find(pipeline, execution_id)
        if execution.stage_status(stage) not in ("Failed", "Stopped"):
            raise error("StageNotRetryableException", stage=stage, execution=execution_id)
        for action in execution.actions:
            ended = action.status in ("Failed", "Abandoned")
            if action.stage == stage and (mode == "ALL_ACTIONS" or ended):
                action.become("")
        execution.status = _AT_WORK
        return execution_id

    def stop(self, pipeline: str, execution_id: str, reason: str) -> None:
        """Abandon the actions of an execution that are in progress.

        https://docs.aws.amazon.com/codepipeline/latest/userguide/pipelines-stop.html
        """
        execution = self.find(pipeline, execution_id)
        if execution.status != _AT_WORK:
            raise error("PipelineExecutionNotStoppableException", execution=execution_id)
        for action in execution.actions:
            if action.status == _AT_WORK:
                action.become("Abandoned")
        execution.status, execution.stop_reason = "Stopped", reason

    def forget(self, pipeline: str) -> None:
        """Delete the history of a deleted pipeline."""
        self._all = [each for each in self._all if each.pipeline != pipeline]

    def find(self, pipeline: str, execution_id: str) -> Execution:
        for execution in self.of(pipeline):
            if execution.id == execution_id:
                return execution
        raise error("PipelineExecutionNotFoundException", execution=execution_id, name=pipeline)

    def of(self, pipeline: str) -> Iterator[Execution]:
        """Yield the executions of a pipeline, newest first."""
        return (each for each in reversed(self._all) if each.pipeline == pipeline)

    def summaries(self, pipeline: str, in_stage: str, most: int) -> list[Shape]:
        listed = [
            each.summary()
            for each in self.of(pipeline)
            if not in_stage or each.stage_status(in_stage) == "Succeeded"
        ]
        return listed[:most]

    def begun_actions(self, pipeline: str, only_execution: str | None) -> list[Shape]:
        """Return the actions that have begun as ListActionExecutions shows them, newest first."""
        return [
            {
                "pipelineExecutionId": execution.id,
                "pipelineVersion": execution.version,
                "stageName": action.stage,
                "actionName": action.definition["name"],
                "actionExecutionId": action.id,
                "status": action.status,
                "startTime": action.began,
                "lastUpdateTime": action.changed,
                "input": {"actionTypeId": action.definition["actionTypeId"]},
                "output": action.output(),
            }
            for execution in self.of(pipeline)
            for action in reversed(execution.actions)
            if action.status and only_execution in (None, execution.id)
        ]

    def stage_state(self, pipeline: str, stage: Shape) -> Shape:
        """Return the state of a stage in the newest execution that has reached it."""
        name = stage["name"]
        for execution in self.of(pipeline):
            if status := execution.stage_status(name):
                return {
                    "latestExecution": {
                        "pipelineExecutionId": execution.id,
                        "status": status,
                        "type": execution.summary()["executionType"],
                    },
                    "actionStates": [a.state() for a in execution.actions if a.stage == name],
                }
        return {"actionStates": [{"actionName": action["name"]} for action in stage["actions"]]}

    # --- The worker.

    def poll(self, kind: Shape) -> list[Shape]:
        """Return the next jobs of a type."""
        wanted = kind["category"], kind["provider"]
        jobs, busy = [], set[str]()
        for execution in self._all:
            action = execution.advance()
            # One execution at a time, so that a delivery finds the result of the one before it.
            if action is None or execution.pipeline in busy:
                continue
            busy.add(execution.pipeline)
            found = action.definition["actionTypeId"]
            if not action.status and (found["category"], found["provider"]) == wanted:
                jobs.append(_job(execution, action))
        return jobs

    def job(self, job: str) -> Shape:
        """Return a job as GetJobDetails shows it."""
        return _job(*self._action(job))

    def acknowledge(self, job: str) -> str:
        self._action(job)[1].become(_AT_WORK)
        return _AT_WORK

    def go_on(self, job: str, token: str) -> None:
        """Keep a job in progress, for another call of its function."""
        self._action(job)[1].continuation = token

    def succeed(
        self, job: str, summary: str, revision: Shape | None, variables: Shape | None = None
    ) -> None:
        execution, action = self._action(job)
        action.variables = variables or {}
        if revision:
            execution.revision = {
                "actionName": action.definition["name"],
                "revisionId": revision["revision"],
                "revisionSummary": revision.get("revisionSummary", ""),
            }
        if execution.status == _AT_WORK:
            action.become("Succeeded", summary)
            execution.advance()

    def fail(self, job: str, message: str) -> None:
        execution, action = self._action(job)
        if execution.status == _AT_WORK:
            action.become("Failed", message)
            execution.status = "Failed"

    def approve(self, token: str, status: str, summary: str) -> None:
        """Approve or reject, as PutApprovalResult does."""
        if status == "Approved":
            self.succeed(token, summary, None)
        else:
            self.fail(token, summary or "rejected")

    def _action(self, job: str) -> tuple[Execution, Action]:
        for execution in self._all:
            for action in execution.actions:
                if action.id == job:
                    return execution, action
        raise error("JobNotFoundException", job=job)


def _actions(pipeline: Shape) -> list[Action]:
    """Return the actions in the order in which CodePipeline does them."""
    return [
        Action(stage["name"], definition)
        for stage in pipeline["stages"]
        for definition in sorted(stage["actions"], key=lambda a: int(a.get("runOrder", 1)))
    ]


def _job(execution: Execution, action: Action) -> Shape:
    definition = action.definition
    return {
        "id": action.id,
        "nonce": "1",
        "data": {
            "actionTypeId": definition["actionTypeId"],
            "pipelineContext": {
                "pipelineName": execution.pipeline,
                "stage": {"name": action.stage},
                "action": {"name": definition["name"], "actionExecutionId": action.id},
                "pipelineExecutionId": execution.id,
            },
            "continuationToken": action.continuation,
        },
    }
