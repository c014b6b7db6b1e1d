"""The function at the end of a failed rollout: which delivery it stops, and what it says."""

# The arguments of boto3 are called as AWS calls them.
# ruff: noqa: N803

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from backend_service.release.failed_rollout import LONGEST_STOP_REASON, end_delivery
from tests.backend_service import fake_ecr
from tests.backend_service.fake_ecr import KilledError

TOPIC = "arn:aws:sns:eu-west-1:123456789012:mails"
SERVICE = replace(fake_ecr.SERVICE, alarms="web-cpu", topic=TOPIC)
REPOSITORY = SERVICE.repository
IMAGE, OTHER = f"{REPOSITORY}@sha256:{'1' * 64}", f"{REPOSITORY}@sha256:{'2' * 64}"
REASON = f"ECS deployment circuit breaker: {'x' * 300}"
EVENT = {"deploymentId": "ecs-svc/1", "reason": REASON}
BEGAN = datetime(2026, 11, 30, tzinfo=UTC)


class EndedError(Exception):
    """The execution has ended, or is being stopped."""


class MissingError(Exception):
    """There is no such log stream, or no such pipeline."""


def minute(number: int) -> datetime:
    return BEGAN + timedelta(minutes=number)


def action(delivery: str, provider: str, status: str, began: int, **output: str) -> dict[str, Any]:
    return {
        "pipelineExecutionId": delivery,
        "status": status,
        "startTime": minute(began),
        "input": {"actionTypeId": {"provider": provider}},
        "output": {"outputVariables": output},
    }


def rollout(
    delivery: str, began: int, *, image: str = IMAGE, status: str = "InProgress"
) -> list[dict[str, Any]]:
    """Return a release, and the rollout that began a minute after it, the newest first."""
    return [
        action(delivery, "ECS", status, began),
        action(delivery, "Lambda", "Succeeded", began - 1, image=image),
    ]


def task(began: int, *, deployment: str = "ecs-svc/1", image: str = IMAGE) -> dict[str, Any]:
    return {
        "taskArn": f"arn:aws:ecs:eu-west-1:123456789012:task/cluster/task{began}",
        "startedBy": deployment,
        "createdAt": minute(began),
        "stoppedReason": "Essential container in task exited",
        "containers": [{"name": "web", "image": image, "exitCode": 3}, {"name": "x", "image": ""}],
    }


@dataclass
class Account:
    """One account as its own client of every service; ``dies_at`` kills the function once."""

    actions: list[dict[str, Any]] | None = field(default_factory=lambda: rollout("new", 10))
    tasks: list[dict[str, Any]] = field(default_factory=lambda: [task(11), task(12)])
    log: tuple[str, ...] = ("no database", "bye")
    dies_at: str = ""
    stopped: list[str] = field(default_factory=list)
    stop_reason: str = ""
    mails: list[str] = field(default_factory=list)
    exceptions = SimpleNamespace(
        DuplicatedStopRequestException=EndedError,
        PipelineExecutionNotStoppableException=EndedError,
        ResourceNotFoundException=MissingError,
        PipelineNotFoundException=MissingError,
    )

    def client(self, service: str) -> "Account":
        if service == self.dies_at:
            self.dies_at = ""
            raise KilledError
        return self

    def get_paginator(self, name: str) -> Any:
        assert name == "list_tasks"
        return SimpleNamespace(paginate=self._list_tasks)

    def _list_tasks(self, *, desiredStatus: str, **_: str) -> list[dict[str, Any]]:
        arns = [each["taskArn"] for each in self.tasks] if desiredStatus == "STOPPED" else []
        return [{"taskArns": arns}]

    def describe_tasks(self, *, cluster: str, tasks: list[str]) -> dict[str, Any]:
        assert cluster == "cluster"
        return {"tasks": [each for each in self.tasks if each["taskArn"] in tasks]}

    def describe_alarms(self, **_: Any) -> dict[str, Any]:
        return {"MetricAlarms": [{"AlarmName": "web-cpu", "StateReason": "Threshold Crossed"}]}

    def get_log_events(self, *, logStreamName: str, **_: Any) -> dict[str, Any]:
        if not self.log:
            raise MissingError(logStreamName)
        return {"events": [{"message": f"{logStreamName}: {line}\n"} for line in self.log]}

    def list_action_executions(self, **_: Any) -> dict[str, Any]:
        if self.actions is None:
            raise MissingError("delivery")
        return {"actionExecutionDetails": self.actions}

    def stop_pipeline_execution(
        self, *, pipelineName: str, pipelineExecutionId: str, abandon: bool, reason: str
    ) -> None:
        assert pipelineName == "delivery"
        assert abandon
        if pipelineExecutionId in self.stopped:
            raise EndedError
        self.stopped.append(pipelineExecutionId)
        self.stop_reason = reason

    def publish(self, *, TopicArn: str, Subject: str, Message: str) -> None:
        assert (TopicArn, len(Subject) < 100) == (SERVICE.topic, True)
        self.mails.append(Message)


def test_the_whole_reason_is_logged_and_mailed_and_the_stop_has_that_of_ecs(
    capsys: pytest.CaptureFixture[str],
) -> None:
    account = Account()
    end_delivery(EVENT, SERVICE, client=account.client)
    lines = (
        f"Delivery new failed: {REASON}",
        "web-cpu in ALARM: Threshold Crossed",
        "task task12: Essential container in task exited",
        "container web: exit code 3",
        "log: web/web/task12: no database",
        "log: web/web/task12: bye",
    )
    assert account.mails == ["\n".join(lines)]
    assert capsys.readouterr().out == f"{' | '.join(lines)}\n"
    assert account.stopped == ["new"]
    assert len(account.stop_reason) == LONGEST_STOP_REASON
    assert account.stop_reason[:100] == REASON[:100]


BY_HAND = {"tasks": [task(11, image=f"{REPOSITORY}:live")]}
LATE = {"tasks": [task(6)], "actions": [*rollout("new", 10), *rollout("old", 5, status="Failed")]}
OF_ANOTHER_IMAGE = {"actions": rollout("new", 10, image=OTHER)}
ENDED = {"actions": rollout("new", 10, status="Succeeded")}


@pytest.mark.parametrize(
    "others",
    [
        *(BY_HAND, LATE, OF_ANOTHER_IMAGE, ENDED),
        *({"tasks": []}, {"tasks": [task(11, deployment="x")]}, {"actions": []}, {"actions": None}),
    ],
    ids=[
        *("cdk deploy", "late event", "other image", "promoting"),
        *("no task", "other deployment", "no delivery yet", "no pipeline yet"),
    ],
)
def test_only_the_delivery_whose_rollout_failed_is_stopped(others: dict[str, Any]) -> None:
    """A late event finds another delivery in the stage, even one of the same image."""
    account = Account(**others)
    end_delivery(EVENT, SERVICE, client=account.client)
    assert account.stopped == []
    assert account.mails


@pytest.mark.parametrize("dies_at", ["ecs", "cloudwatch", "logs", "codepipeline", "sns"])
def test_the_next_attempt_finishes_what_a_killed_one_began(dies_at: str) -> None:
    account = Account(dies_at=dies_at)
    with pytest.raises(KilledError):
        end_delivery(EVENT, SERVICE, client=account.client)
    end_delivery(EVENT, SERVICE, client=account.client)
    assert account.stopped == ["new"]
    assert account.mails


def test_an_event_that_comes_twice_stops_once() -> None:
    account = Account()
    for _ in range(2):
        end_delivery(EVENT, SERVICE, client=account.client)
    assert account.stopped == ["new"]


def test_a_container_that_has_not_started_has_no_log() -> None:
    account = Account(log=())
    end_delivery(EVENT, SERVICE, client=account.client)
    assert account.mails[0].endswith("container web: exit code 3")
