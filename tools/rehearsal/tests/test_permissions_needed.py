"""Whether a permission that was taken away counts as needed."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from cdk_rehearsal import RehearsalError
from tools.rehearsal.context import RehearsalContext
from tools.rehearsal.permissions_needed.__main__ import (
    UsedPermission,
    loss_without,
    without_action,
)

ROLE = "Stack-ReleaseFunctionRole-1"
PUT = UsedPermission(ROLE, "Policy", "ecr:PutImage", "ecr:PutImage")
ALARMS = "cloudwatch:DescribeAlarms"
LOOK = UsedPermission(ROLE, "Policy", ALARMS, ALARMS)


def loss(use: UsedPermission, *, refused: str = "", failure: str = "") -> str:
    """Do an action that is refused a permission, fails, or neither."""
    refusals: list[dict[str, Any]] = []

    def run() -> None:
        if refused:
            refusals.append({"principal": use.role, "action": refused, "times": 1})
        if failure:
            raise RehearsalError(failure)

    access = SimpleNamespace(ledger=lambda: {"refusals": refusals})
    context = cast("RehearsalContext", SimpleNamespace(aws=SimpleNamespace(access=access)))
    return loss_without(context, run, use)


def test_it_is_needed_if_the_failure_names_it_or_something_is_lost() -> None:
    assert loss(PUT, failure="not authorized to perform: ecr:PutImage") == ""
    assert loss(LOOK, refused=ALARMS).endswith("Release does not mention alarms")


@pytest.mark.parametrize(
    ("use", "refused", "failure", "message"),
    [
        (PUT, "ecr:PutImage", "there is no image", "the failure names ecr:PutImage"),
        (PUT, "ecr:PutImage", "", "something is lost without ecr:PutImage"),
        (LOOK, "logs:CreateLogStream", "", f"{ALARMS} was refused"),
    ],
)
def test_otherwise_it_is_not(use: UsedPermission, refused: str, failure: str, message: str) -> None:
    with pytest.raises(RehearsalError, match=message):
        loss(use, refused=refused, failure=failure)


def test_a_permission_is_taken_out_of_the_statements_that_allow_it() -> None:
    deny = {"Effect": "Deny", "Action": "s3:PutObject", "Resource": "*"}
    both = {"Effect": "Allow", "Action": ["s3:GetObject", "s3:PutObject"], "Resource": "*"}
    only = {"Effect": "Allow", "Action": "s3:PutObject", "Resource": "*"}
    policy = {"Version": "2012-10-17", "Statement": [deny, both, only]}
    assert without_action(policy, "s3:PutObject")["Statement"] == [
        deny,
        {**both, "Action": ["s3:GetObject"]},
    ]
