"""What policies decide about one request.

policy_questions.json has questions with their right answers. An independent evaluator, npm's
`@cloud-copilot/iam-simulate` 0.1.173, gave the answers, except where a question names a page of
AWS's documentation as its source: there the evaluator contradicts the page. The questions that are
called random were drawn from 8,000 that both evaluators were asked; each shows an error in the
code that no other question shows.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from cdk_rehearsal.iam.policies import (
    Caller,
    Decision,
    Policies,
    PolicyError,
    Request,
    Statement,
    decide,
    statements,
)

ACCOUNT = "111122223333"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/builder"
SESSION = f"arn:aws:sts::{ACCOUNT}:assumed-role/builder/one"
QUESTIONS = json.loads(Path(__file__).with_name("policy_questions.json").read_text("utf-8"))


def caller(principal: str) -> Caller:
    if principal.endswith(".amazonaws.com"):
        return Caller(account=ACCOUNT, service=principal)
    return Caller(account=ACCOUNT, arn=principal, role=ROLE if principal == SESSION else "")


def policies(question: dict[str, Any]) -> Policies:
    def parsed(layer: str) -> list[Statement]:
        return statements({"Statement": question.get(layer, [])}, policy=layer)

    return Policies(
        identity=parsed("identity"),
        boundary=parsed("boundary") if "boundary" in question else None,
        resource=parsed("resource_policy"),
        decisive=question.get("resource_policy_decides", False),
    )


def answer(question: dict[str, Any]) -> Decision:
    request = Request(
        caller=caller(question["principal"]),
        action=question["action"],
        resource=question["resource"],
        keys={key.lower(): value for key, value in question.get("context", {}).items()},
    )
    return decide(request, policies(question))


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question["about"])
def test_policies_decide_as_iam_does(question: dict[str, Any]) -> None:
    """Compare the decision, and where a question has them, its reason and what allows it.

    What cannot be judged is an error that names it (`unjudged`).
    """
    if "unjudged" in question:
        with pytest.raises(PolicyError, match=question["unjudged"]):
            answer(question)
        return
    decision = answer(question)
    assert decision.allowed is question["allowed"]
    assert decision.reason == question.get("reason", decision.reason)
    allowing = [each.policy for each in decision.allowed_by]
    assert allowing == question.get("allowed_by", allowing)
