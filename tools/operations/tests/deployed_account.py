"""A made-up account with one deployed service; it records the calls that it gets."""

import copy
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

from settings.examples import ACCOUNT, REGION
from tools.doctor.tests.account_under_test import Replying, refusal

TASK = f"arn:aws:ecs:{REGION}:{ACCOUNT}:task/ecs-blueprint-infra/0123456789abcdef"
_STAGES = [{"name": name, "actions": [{"name": name}]} for name in ("Source", "Deploy")]
_TASK = {"taskArn": TASK, "lastStatus": "RUNNING", "enableExecuteCommand": False}
_ANSWERS: dict[str, Any] = {
    "get_caller_identity": {"Account": ACCOUNT, "Arn": f"arn:aws:iam::{ACCOUNT}:user/me"},
    "describe_stacks": {"Stacks": [{"StackStatus": "UPDATE_COMPLETE"}]},
    "describe_services": {"services": []},
    "list_tasks": {"taskArns": [TASK]},
    "describe_tasks": {"tasks": [_TASK]},
    "get_pipeline": {"pipeline": {"artifactStore": {"location": "artifacts"}, "stages": _STAGES}},
    "put_object": {"VersionId": "version"},
    "get_pipeline_state": {"stageStates": [{"stageName": "Deploy"}]},
    "list_action_executions": {},
    "filter_log_events": {
        "events": [{"eventId": "1", "timestamp": 1, "logStreamName": "task", "message": "line\n"}]
    },
    "list_pipeline_executions": {"pipelineExecutionSummaries": []},
    "start_pipeline_execution": {"pipelineExecutionId": "new"},
    "rollback_stage": {"pipelineExecutionId": "new"},
}


class DeployedAccount(Replying):
    """Tests change ``answers``, which are those of boto3 by the operation; ``calls`` is a record.

    It answers with an error if the answer is the text of its code.
    """

    def __init__(self) -> None:
        self.answers: dict[str, Any] = copy.deepcopy(_ANSWERS)
        self.calls: list[tuple[str, dict[str, Any]]] = []
        super().__init__()

    def add_execution(self, commit: str, *, returns_to: str = "") -> str:
        """Add a newer execution that succeeded, and return its id."""
        executions = self.answers["list_pipeline_executions"]["pipelineExecutionSummaries"]
        number = len(executions) + 1
        execution = {
            "pipelineExecutionId": f"execution-{number}",
            "status": "Succeeded",
            "startTime": datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=number),
            "sourceRevisions": [{"revisionId": commit, "revisionSummary": "A change\n\nwhy"}],
            "executionType": "ROLLBACK" if returns_to else "STANDARD",
            "rollbackMetadata": {"rollbackTargetPipelineExecutionId": returns_to},
        }
        executions.insert(0, execution)
        return f"execution-{number}"

    def parameters_of(self, operation: str) -> list[dict[str, Any]]:
        """Return the parameters of each call of an operation."""
        return [parameters for name, parameters in self.calls if name == operation]

    def __getattr__(self, operation: str) -> Any:
        def call(**given: Any) -> Any:
            self.calls.append((operation, given))
            answer = self.answers[operation]
            if isinstance(answer, str):
                raise refusal(answer, operation, f"no {operation}")
            return answer

        return call

    def get_paginator(self, operation: str) -> Any:
        return SimpleNamespace(paginate=lambda **given: [getattr(self, operation)(**given)])
