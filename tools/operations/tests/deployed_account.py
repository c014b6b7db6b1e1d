"""An account with one deployed service, as boto3 would show it; calls are checked and kept."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import botocore.session
from botocore.exceptions import ClientError
from botocore.validate import validate_parameters

from settings.examples import ACCOUNT, REGION
from tools.doctor.aws import Aws

CLUSTER, SERVICE = "ecs-blueprint-infra", "ecsdemo-backend"
NAME = f"{CLUSTER}-{SERVICE}"
STACK = "BackendServiceStack"
TASK = f"arn:aws:ecs:{REGION}:{ACCOUNT}:task/{CLUSTER}/0123456789abcdef"
URI = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/{SERVICE}"
BEGAN = datetime(2026, 1, 1, tzinfo=UTC)


@cache
def _model(service: str) -> Any:
    return botocore.session.get_session().get_service_model(service)


@dataclass
class DeployedAccount(Aws):
    """What a test changes are the fields; ``refused`` has error codes by operation."""

    account: str = ACCOUNT
    stack_status: str = "UPDATE_COMPLETE"
    stages: tuple[str, ...] = ("Source", "Build", "Deploy")
    version: int = 3
    executions: list[dict[str, Any]] = field(default_factory=list)
    tags: dict[str, list[str]] = field(default_factory=lambda: {"sha256:first": ["live"]})
    running: str = "sha256:first"
    exec_is_on: bool = False
    alarms: dict[str, str] = field(default_factory=dict)
    events: list[dict[str, Any]] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)
    calls: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__(REGION)

    def client(self, service: str) -> Any:
        return _Client(self, service)

    def execution(self, commit: str, *, returns_to: str = "", version: int = 3) -> str:
        """Have one more execution that went through, newest first."""
        number = len(self.executions) + 1
        identity = f"{number:08d}-0000-0000-0000-000000000000"
        self.executions.insert(
            0,
            {
                "pipelineExecutionId": identity,
                "status": "Succeeded",
                "startTime": BEGAN + timedelta(days=number),
                "sourceRevisions": [{"revisionId": commit, "revisionSummary": "A change\n\nwhy"}],
                "executionType": "ROLLBACK" if returns_to else "STANDARD",
                "rollbackMetadata": {"rollbackTargetPipelineExecutionId": returns_to},
                "version": version,
            },
        )
        return identity

    def called(self, operation: str) -> list[dict[str, Any]]:
        return [parameters for name, parameters in self.calls if name == operation]

    def answer(self, service: str, operation: str, given: dict[str, Any]) -> Any:
        model = _model(service).operation_model(
            next(o for o in _model(service).operation_names if _snake(o) == operation)
        )
        validate_parameters(given, model.input_shape)
        self.calls.append((operation, given))
        if code := self.refused.get(operation):
            raise ClientError({"Error": {"Code": code, "Message": f"no {operation}"}}, operation)
        return getattr(self, f"_{operation}")(**given)

    def _get_caller_identity(self) -> Any:
        return {"Account": self.account, "Arn": f"arn:aws:iam::{self.account}:user/me"}

    def _describe_stacks(self, **_: Any) -> Any:
        return {"Stacks": [{"StackStatus": self.stack_status}]}

    def _describe_services(self, **_: Any) -> Any:
        definition = f"arn:aws:ecs:{REGION}:{ACCOUNT}:task-definition/{NAME}:7"
        deployment = {
            "status": "PRIMARY",
            "taskDefinition": definition,
            "rolloutState": "COMPLETED",
        }
        service = {"status": "ACTIVE", "runningCount": 1, "desiredCount": 1}
        return {"services": [service | {"taskDefinition": definition, "deployments": [deployment]}]}

    def _list_tasks(self, **_: Any) -> Any:
        return {"taskArns": [TASK]}

    def _describe_tasks(self, **_: Any) -> Any:
        task = {
            "taskArn": TASK,
            "lastStatus": "RUNNING",
            "healthStatus": "HEALTHY",
            "startedAt": BEGAN,
            "enableExecuteCommand": self.exec_is_on,
            "containers": [
                {
                    "imageDigest": self.running,
                    "networkInterfaces": [{"privateIpv4Address": "10.0.0.4"}],
                }
            ],
        }
        return {"tasks": [task]}

    def _describe_task_definition(self, **_: Any) -> Any:
        tag = self.tags[self.running][0]
        return {"taskDefinition": {"containerDefinitions": [{"image": f"{URI}:{tag}"}]}}

    def _describe_images(self, imageIds: list[dict[str, str]], **_: Any) -> Any:  # noqa: N803
        (wanted,) = imageIds
        for digest, tags in self.tags.items():
            if wanted.get("imageDigest") == digest or wanted.get("imageTag") in tags:
                return {"imageDetails": [{"imageDigest": digest, "imageTags": tags}]}
        raise ClientError({"Error": {"Code": "ImageNotFoundException"}}, "DescribeImages")

    def _get_pipeline(self, **_: Any) -> Any:
        providers = {"Source": "GitHub", "Build": "CodeBuild", "Deploy": "ECS"}
        stages = [
            {
                "name": stage,
                "actions": [
                    {
                        "name": stage,
                        "actionTypeId": {"provider": providers.get(stage, "Commands")},
                    }
                ],
            }
            for stage in self.stages
        ]
        return {"pipeline": {"version": self.version, "stages": stages}}

    def _get_pipeline_state(self, **_: Any) -> Any:
        return {"stageStates": [{"stageName": stage} for stage in self.stages]}

    def _list_pipeline_executions(self, **_: Any) -> Any:
        return {"pipelineExecutionSummaries": self.executions}

    def _get_pipeline_execution(self, pipelineExecutionId: str, **_: Any) -> Any:  # noqa: N803
        (found,) = (
            each for each in self.executions if each["pipelineExecutionId"] == pipelineExecutionId
        )
        return {"pipelineExecution": {"pipelineVersion": found["version"]}}

    def _start_pipeline_execution(self, **_: Any) -> Any:
        return {"pipelineExecutionId": "new"}

    _rollback_stage = _start_pipeline_execution

    def _describe_alarms(self, AlarmNames: list[str], **_: Any) -> Any:  # noqa: N803
        states = {name: self.alarms.get(name, "OK") for name in AlarmNames}
        return {
            "MetricAlarms": [
                {"AlarmName": name, "StateValue": state, "StateReason": "Threshold crossed"}
                for name, state in states.items()
                if state
            ]
        }

    def _describe_log_groups(self, logGroupNamePrefix: str) -> Any:  # noqa: N803
        return {"logGroups": [{"logGroupName": logGroupNamePrefix}]}

    def _filter_log_events(self, **_: Any) -> Any:
        return {"events": self.events}


class _Client:
    def __init__(self, account: DeployedAccount, service: str) -> None:
        self._account = account
        self._service = service

    def __getattr__(self, operation: str) -> Any:
        return lambda **given: self._account.answer(self._service, operation, given)

    def get_paginator(self, operation: str) -> Any:
        account, service = self._account, self._service

        class Paginator:
            def paginate(self, **given: Any) -> Any:
                return [account.answer(service, operation, given)]

        return Paginator()


def _snake(operation: str) -> str:
    return str(botocore.xform_name(operation))
