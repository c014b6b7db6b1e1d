"""The ledger as a page."""

from dataclasses import replace
from typing import Any

from tools.rehearsal.permissions import Grant, Ledger, page, reason

USED = Grant("Stack/Role", "ecr:PutImage", ("arn",))
SHARED = Grant("Stack/Role", "logs:PutLogEvents", ("arn",))
UNUSED = Grant("Stack/Delivery/Deploy/RolloutRole", "ecs:TagResource", ("arn",))
UNEXPLAINED = Grant("Stack/Role", "ec2:RunInstances", ("*",))


def use(action: str, *, alone: bool) -> dict[str, Any]:
    return {"action": action, "alone": alone}


def test_each_grant_has_a_call_or_a_reason() -> None:
    uses: dict[Grant, list[Any]] = {
        USED: [use("ecr:PutImage", alone=False), use("ecr:PutImage", alone=True)],
        SHARED: [use("logs:PutLogEvents", alone=False)],
        UNUSED: [],
    }
    ledger = Ledger(calls=3, refusals=0, uses=uses)
    text = page(ledger)
    assert "| `ecr:PutImage` | `ecr:PutImage` |  |" in text
    assert f"| `ecs:TagResource` |  | {reason(UNUSED)} |" in text
    assert ledger.unused == [UNUSED]
    assert ledger.doubled == [SHARED]


def test_a_grant_that_nobody_uses_and_nobody_explains_has_no_reason() -> None:
    assert reason(UNUSED)
    assert reason(UNEXPLAINED) == ""
    assert reason(replace(UNUSED, role="Stack/Another/Role")) == ""
