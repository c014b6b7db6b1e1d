"""An image goes from one account to another: both must allow it, judged as IAM would."""

import json
from collections.abc import Sequence
from typing import Any

import pytest

from app import templates_of
from cdk_rehearsal.iam.policies import Caller, Policies, Request, Statement, decide, statements
from settings.examples import ACCOUNT, REGION, example_deployment

PRODUCTION, THIRD = "210987654321", "111122223333"
REPOSITORY = f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/ecsdemo-backend"
PULL = ("ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer")


def resources(kind: str, **changes: str) -> list[dict[str, Any]]:
    template = templates_of(example_deployment(changes))["BackendServiceStack"]
    return [each["Properties"] for each in template["Resources"].values() if each["Type"] == kind]


@pytest.fixture(scope="module")
def staging() -> list[Statement]:
    """Return the policy of the repository of staging."""
    found = resources("AWS::ECR::Repository", image_reader_accounts=PRODUCTION)
    (policy,) = (each["RepositoryPolicyText"] for each in found if "RepositoryPolicyText" in each)
    text = json.dumps(policy).replace('{"Ref": "AWS::Partition"}', '"aws"')
    return statements(text, policy="repository policy")


@pytest.fixture(scope="module")
def production() -> list[Statement]:
    """Return what the policies of production's roles say about the repository of staging."""
    found = resources(
        "AWS::IAM::Policy", account_number=PRODUCTION, image_source_repository_arn=REPOSITORY
    )
    return [
        statement
        for policy in found
        for statement in statements(policy["PolicyDocument"], policy="identity policy")
        if statement.content["Resource"] == REPOSITORY
    ]


def may(
    action: str,
    own: Sequence[Statement],
    of_repository: Sequence[Statement],
    *,
    account: str = PRODUCTION,
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
