"""Whether a grant that was taken away is missed."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from tools.rehearsal.context import RehearsalContext
from tools.rehearsal.expectation import RehearsalError
from tools.rehearsal.necessary.__main__ import Use, _missed, _reduced
from tools.rehearsal.necessary.plays import Play

PUT = Use("Stack-ReleaseFunctionRole-1", "Policy", "ecr:PutImage", "ecr:PutImage")
LOG = Use("Stack-ReleaseFunctionRole-1", "Policy", "logs:PutLogEvents", "logs:PutLogEvents")


def missed(use: Use, *, refusing: str = "", failing: str = "") -> str:
    """Play what is refused an action, fails, or neither."""
    refusals: list[dict[str, Any]] = []

    def run() -> None:
        if refusing:
            refusals.append({"principal": use.role, "action": refusing, "times": 1})
        if failing:
            raise RehearsalError(failing)

    access = SimpleNamespace(ledger=lambda: {"refusals": refusals})
    context = cast("RehearsalContext", SimpleNamespace(aws=SimpleNamespace(access=access)))
    return _missed(context, Play(name="Release", run=run), use)


def test_what_fails_has_to_name_the_action() -> None:
    assert missed(PUT, failing="not authorized to perform: ecr:PutImage") == ""
    with pytest.raises(RehearsalError, match="it names ecr:PutImage"):
        missed(PUT, refusing="ecr:PutImage", failing="there is no image")


def test_what_goes_through_was_not_necessary() -> None:
    with pytest.raises(RehearsalError, match="somebody was refused it"):
        missed(LOG)
    with pytest.raises(RehearsalError, match="somebody was refused it"):
        missed(LOG, refusing="logs:CreateLogStream")


def test_what_goes_on_in_silence_loses_something_that_is_known() -> None:
    assert missed(LOG, refusing="logs:PutLogEvents") == "refused in silence: the log is empty"
    with pytest.raises(RehearsalError, match="something is lost"):
        missed(PUT, refusing="ecr:PutImage")


def test_one_action_is_taken_away_and_nothing_that_denies() -> None:
    deny = {"Effect": "Deny", "Action": "s3:*", "Resource": "*"}
    put = {"Effect": "Allow", "Action": ["s3:GetObject", "s3:PutObject"], "Resource": "*"}
    only = {"Effect": "Allow", "Action": "s3:PutObject", "Resource": "*"}
    document = {"Version": "2012-10-17", "Statement": [deny, put, only]}
    assert _reduced(document, "s3:PutObject")["Statement"] == [
        deny,
        {**put, "Action": ["s3:GetObject"]},
    ]
