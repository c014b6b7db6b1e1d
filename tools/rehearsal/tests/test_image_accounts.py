"""An image goes from one account to another: both must allow it, judged as IAM would."""

import json
from collections.abc import Sequence
from typing import Any

import pytest

from app import templates_of
from cdk_rehearsal.iam.policies import Caller, Policies, Request, Statement, decide, statements
from settings.examples import ACCOUNT, PROMOTED, example_deployment

STAGING, THIRD = "210987654321", "111122223333"
REPOSITORY = PROMOTED["image_source_repository_arn"]
PULL = ("ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer")

Resources = list[dict[str, Any]]


@pytest.fixture(scope="module")
def resources() -> Resources:
    """Return the resources of production, which itself lets the account of staging read."""
    template = templates_of(example_deployment(PROMOTED))["BackendServiceStack"]
    return list(template["Resources"].values())


@pytest.fixture(scope="module")
def production(resources: Resources) -> list[Statement]:
    """Return what the policies of production's roles say about the repository of staging."""
    return [
        statement
        for each in resources
        if each["Type"] == "AWS::IAM::Policy"
        for statement in statements(each["Properties"]["PolicyDocument"], policy="identity policy")
        if statement.content["Resource"] == REPOSITORY
    ]


@pytest.fixture(scope="module")
def staging(resources: Resources) -> list[Statement]:
    """Return the policy of a repository that lets the account of production read."""
    found = [each["Properties"].get("RepositoryPolicyText") for each in resources]
    (policy,) = filter(None, found)
    text = json.dumps(policy).replace('{"Ref": "AWS::Partition"}', '"aws"')
    return statements(text.replace(STAGING, ACCOUNT), policy="repository policy")


def may(
    action: str,
    own: Sequence[Statement],
    of_repository: Sequence[Statement],
    *,
    account: str = ACCOUNT,
) -> bool:
    role = f"arn:aws:iam::{account}:role/release"
    request = Request(
        caller=Caller(account=account, arn=role, role=role), action=action, resource=REPOSITORY
    )
    # Between accounts nothing is allowed without the policy of the resource.
    return decide(request, Policies(identity=own, resource=of_repository, decisive=True)).allowed


def test_one_role_of_production_may_pull_and_do_nothing_else(
    production: list[Statement], staging: list[Statement]
) -> None:
    assert len(production) == 1
    assert [may(action, production, staging) for action in PULL] == [True, True]
    assert not may("ecr:PutImage", production, staging)
    everything = {"Effect": "Allow", "Action": "*", "Resource": "*"}
    administrator = [Statement(policy="administrator", content=everything)]
    assert may("ecr:BatchGetImage", administrator, staging)
    assert not may("ecr:PutImage", administrator, staging)
    assert not may("ecr:BatchDeleteImage", administrator, staging)


def test_each_account_alone_allows_nothing(
    production: list[Statement], staging: list[Statement]
) -> None:
    assert not may(PULL[0], production, ())
    assert not may(PULL[0], (), staging)
    assert not may(PULL[0], production, staging, account=THIRD)
