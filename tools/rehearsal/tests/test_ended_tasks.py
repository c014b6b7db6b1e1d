"""Tasks that end by themselves, or were refused a call, are the reason of whatever fails then."""

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast

import pytest

from cdk_rehearsal import RehearsalError, expect
from tools.rehearsal.context import RehearsalContext
from tools.rehearsal.ended_tasks import explained
from tools.rehearsal.task_role import told

MISSING = "because no identity-based policy allows the s3:PutObject action"
STARTED, LATER = (datetime(2026, 1, 1, 0, minute, tzinfo=UTC) for minute in (1, 2))


def deployed(container: dict[str, Any] | None = None, **of_task: Any) -> RehearsalContext:
    """Return a service with one stopped task, as ECS and its log describe it."""
    task = {
        "taskArn": "arn:aws:ecs:eu-west-1:1:task/infra/0a1b",
        "stopCode": "EssentialContainerExited",
        "startedAt": STARTED,
        "stoppingAt": LATER,
        "healthStatus": "UNKNOWN",
        "containers": [{"name": "orders", "exitCode": 1}],
        **of_task,
    }
    answers = SimpleNamespace(
        status=lambda: "UPDATE_COMPLETE",
        task_definition=lambda: {"containerDefinitions": [container or {}]},
        stopped_tasks=lambda: [task],
        refused_calls=list,
        log_lines=lambda stream: [f"the end of {stream}"],
    )
    return cast("RehearsalContext", answers)


def failing(**of_task: Any) -> str:
    """Return what is said of a step that fails while a task is like this."""
    with pytest.raises(RehearsalError) as error, explained(deployed(**of_task)):
        expect("the tasks that run", ["a"], ["b"])
    return str(error.value)


def test_it_is_named_with_its_exit_code_and_its_last_lines() -> None:
    said = failing()
    assert "the task 0a1b has ended" in said
    assert "ended with exit code 1, 60 s after its start" in said
    assert said.endswith("| the end of orders/0a1b")


def test_a_healthy_one_is_named_too() -> None:
    assert "0a1b" in failing(container={"healthCheck": {}}, healthStatus="HEALTHY")


def test_it_is_named_also_if_nothing_has_failed_yet() -> None:
    with pytest.raises(RehearsalError, match="0a1b"), explained(deployed()):
        pass


@pytest.mark.parametrize(
    "of_task",
    [
        {"stopCode": "UserInitiated"},
        {"stoppingAt": STARTED},
        {"container": {"healthCheck": {}}},
    ],
    ids=["stopped", "not settled yet", "never healthy"],
)
def test_another_task_is_no_reason(of_task: dict[str, Any]) -> None:
    said = failing(**of_task)
    assert "0a1b" not in said
    assert "in a state that the rehearsal did not expect" in said


def test_a_refused_call_is_told_with_the_statement_that_is_missing() -> None:
    call = {"action": "s3:PutObject", "resource": "arn:aws:s3:::b/k"}
    (said,) = told([{**call, "reason": MISSING}])
    assert said.startswith(f"AccessDenied, s3:PutObject on arn:aws:s3:::b/k: {MISSING}")
    assert '{"Effect": "Allow", "Action": "s3:PutObject", "Resource": "arn:aws:s3:::b/k"}' in said
    (denied,) = told([{**call, "reason": "with an explicit deny in an identity-based policy"}])
    assert "missing" not in denied, "another statement would not help"
