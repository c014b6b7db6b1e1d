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
    assert answer(question).allowed is question["allowed"]


def asked(**policies: list[dict[str, Any]]) -> dict[str, Any]:
    """Return a question about reading an object."""
    return {
        "principal": SESSION,
        "action": "s3:GetObject",
        "resource": "arn:aws:s3:::data/a",
        "context": {"several": ["v", "w"]},
        **policies,
    }


def statement(**more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": "s3:Get*", "Resource": "*"} | more


@pytest.mark.parametrize(
    ("layer", "named"),
    [("boundary", "a permissions boundary"), ("resource_policy", "a resource-based policy")],
)
def test_the_reason_names_the_policy_that_denies(layer: str, named: str) -> None:
    deny = statement(Effect="Deny", Principal="*")
    decision = answer(asked(**{"identity": [statement()], layer: [deny]}))
    assert decision.reason == f"with an explicit deny in {named}"


def test_a_decision_lists_every_statement_that_allows() -> None:
    grant = statement(Principal={"AWS": ROLE})
    decision = answer(asked(identity=[statement(), statement()], resource_policy=[grant]))
    found = [each.policy for each in decision.allowed_by]
    assert found == ["identity", "identity", "resource_policy"]


@pytest.mark.parametrize(
    ("element", "reason"),
    [
        ({"NotPrincipal": {"AWS": []}}, "NotPrincipal"),
        ({"Condition": {"StringEqualz": {"k": "v"}}}, "StringEqualz"),
        ({"Condition": {"DateLessThan": {"k": "2026-01-31"}}}, "DateLessThan"),
        ({"Condition": {"StringEqualsIfExists": {"k": "v"}}}, "StringEqualsIfExists"),
        ({"Condition": {"ForAnyValue:StringEquals": {"k": "v"}}}, "ForAnyValue:StringEquals"),
        ({"Condition": {"StringEquals": {"several": "v"}}}, "several values"),
        ({"Condition": {"StringLike": {"k": "${aws:username}"}}}, "policy variables"),
        ({"Resource": "arn:aws:s3:::data/${aws:username}"}, "policy variables"),
    ],
)
def test_a_policy_that_cannot_be_judged_is_an_error(element: dict[str, Any], reason: str) -> None:
    layer = {"resource_policy": [{"Principal": "*"} | statement(**element)]}
    with pytest.raises(PolicyError, match=reason):
        answer(asked(**layer))
