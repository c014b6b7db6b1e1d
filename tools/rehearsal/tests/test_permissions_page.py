"""The ledger as a page."""

from typing import Any

from tools.rehearsal.permissions import Grant, Ledger, page

USED = Grant("Stack/Role", "ecr:PutImage", ("arn",))
SHARED = Grant("Stack/Role", "logs:PutLogEvents", ("arn",))
UNUSED = Grant("Stack/Delivery/Deploy/RolloutRole", "ecs:TagResource", ("arn",))
UNEXPLAINED = Grant("Stack/Role", "ec2:RunInstances", ("*",))


def test_each_grant_has_a_call_or_a_page_of_aws_that_wants_it() -> None:
    uses: dict[Grant, list[Any]] = {
        USED: [{"action": "ecr:PutImage", "alone": alone} for alone in (False, True)],
        SHARED: [{"action": "logs:PutLogEvents", "alone": False}],
        UNUSED: [],
        UNEXPLAINED: [],
    }
    ledger = Ledger(calls=3, refusals=[], uses=uses)
    text = page(ledger)
    assert "Used: `ecr:PutImage`.\n" in text
    assert f"- `ecs:TagResource`: [unused]({UNUSED.reason})\n" in text
    assert UNUSED.reason
    assert ledger.unexplained == [UNEXPLAINED]
    assert ledger.superfluous == [SHARED]
