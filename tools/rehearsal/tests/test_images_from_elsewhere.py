"""An image between two accounts, and the role of a CI: who may do what, judged as IAM would."""

import json
from collections.abc import Mapping, Sequence

import pytest

from app import templates_of
from cdk_rehearsal.iam.policies import Caller, Policies, Request, Statement, decide, statements
from settings.examples import ACCOUNT, PROMOTED, REGION, example_deployment
from tools.rehearsal.failures.images_from_elsewhere import role_of_page

STAGING, THIRD = "210987654321", "111122223333"
REPOSITORY = PROMOTED["image_source_repository_arn"]
PULL = ("ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer")

Both = tuple[list[Statement], list[Statement]]


@pytest.fixture(scope="module")
def both() -> Both:
    """Return what production's roles may do there, and the policy of the repository of staging.

    One template has both: it lets the account of staging read, which the test swaps.
    """
    template = templates_of(example_deployment(PROMOTED))["BackendServiceStack"]
    properties = [each.get("Properties", {}) for each in template["Resources"].values()]
    documents = [each["PolicyDocument"] for each in properties if "PolicyDocument" in each]
    of_roles = [each for text in documents for each in statements(text, policy="identity policy")]
    (policy,) = filter(None, (each.get("RepositoryPolicyText") for each in properties))
    text = json.dumps(policy).replace('{"Ref": "AWS::Partition"}', '"aws"')
    of_repository = statements(text.replace(STAGING, ACCOUNT), policy="repository policy")
    return [each for each in of_roles if each.content["Resource"] == REPOSITORY], of_repository


def may(
    action: str,
    own: Sequence[Statement],
    other: Sequence[Statement] | None = None,
    *,
    account: str = ACCOUNT,
    resource: str = REPOSITORY,
) -> bool:
    role = f"arn:aws:iam::{account}:role/release"
    caller = Caller(account=account, arn=role, role=role)
    request = Request(caller=caller, action=action, resource=resource)
    # Between accounts nothing is allowed without the policy of the resource.
    policies = Policies(identity=own, resource=other or (), decisive=other is not None)
    return decide(request, policies).allowed


def test_one_role_of_production_may_pull_and_do_nothing_else(both: Both) -> None:
    production, staging = both
    assert len(production) == 1
    assert [may(action, production, staging) for action in PULL] == [True, True]
    everything = {"Effect": "Allow", "Action": "*", "Resource": "*"}
    administrator = [Statement(policy="administrator", content=everything)]
    assert not may("ecr:PutImage", administrator, staging)


def test_each_account_alone_allows_nothing(both: Both) -> None:
    production, staging = both
    assert not may(PULL[0], production, ())
    assert not may(PULL[0], (), staging)
    assert not may(PULL[0], production, staging, account=THIRD)


PROVIDER = f"arn:aws:iam::{ACCOUNT}:oidc-provider/token.actions.githubusercontent.com"
PIPELINES = f"arn:aws:codepipeline:{REGION}:{ACCOUNT}"
ASSUME = "sts:AssumeRoleWithWebIdentity"
SUBJECT = "repo:acme@123456/shop@456789:ref:refs/heads/main"
TOKEN = {"aud": "sts.amazonaws.com", "sub": SUBJECT}


def may_assume(token: Mapping[str, str], provider: str = PROVIDER, action: str = ASSUME) -> bool:
    document = role_of_page(Subject=SUBJECT)["AssumeRolePolicyDocument"]
    (statement,) = document["Statement"]
    assert statement["Principal"] == {"Federated": {"Ref": "GitHub"}}
    # The judge knows no federated principals; it treats the provider as a service.
    statement["Principal"] = {"Service": PROVIDER}
    request = Request(
        caller=Caller(account=ACCOUNT, service=provider),
        action=action,
        resource=f"arn:aws:iam::{ACCOUNT}:role/deliver",
        keys={f"token.actions.githubusercontent.com:{key}": text for key, text in token.items()},
    )
    trust = statements(document, policy="trust policy")
    return decide(request, Policies(resource=trust, decisive=True)).allowed


def test_a_push_to_the_branch_of_the_repository_can_assume_the_role() -> None:
    assert may_assume(TOKEN)
    assert not may_assume(TOKEN, provider=f"arn:aws:iam::{ACCOUNT}:oidc-provider/evil")
    assert not may_assume(TOKEN, action="sts:AssumeRole")


@pytest.mark.parametrize(
    ("claim", "text"),
    [
        ("sub", "repo:acme@123456/shop@456789:ref:refs/heads/main2"),
        ("sub", "repo:acme@123456/shop@456789:ref:refs/heads/*"),
        ("sub", "repo:acme@123456/shop@456789:ref:refs/tags/main"),
        ("sub", "repo:acme@123456/shop@456789:pull_request"),
        ("sub", "repo:acme@123456/shop@456789:environment:main"),
        ("sub", "repo:acme@123456/shop@1:ref:refs/heads/main"),
        ("sub", "repo:acme@1/shop@456789:ref:refs/heads/main"),
        ("sub", "repo:acme/shop:ref:refs/heads/main"),
        ("aud", "https://github.com/acme"),
    ],
)
def test_no_other_token_of_github_can_assume_it(claim: str, text: str) -> None:
    assert not may_assume(TOKEN | {claim: text})


@pytest.mark.parametrize("claim", ["aud", "sub"])
def test_a_token_without_one_of_the_claims_cannot_assume_it(claim: str) -> None:
    assert not may_assume({key: value for key, value in TOKEN.items() if key != claim})


@pytest.mark.parametrize(
    ("action", "resource", "allowed"),
    [
        ("ecr:PutImage", f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/shop/builds", True),
        ("ecr:PutImage", f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/shop", False),
        ("ecr:BatchDeleteImage", f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/shop/builds", False),
        ("s3:PutObject", "arn:aws:s3:::artifacts/source/image.json", True),
        ("s3:GetObject", "arn:aws:s3:::artifacts/source/image.json", False),
        ("s3:PutObject", "arn:aws:s3:::artifacts/other", False),
        ("codepipeline:StartPipelineExecution", f"{PIPELINES}:shop", True),
        ("codepipeline:StartPipelineExecution", f"{PIPELINES}:shop2", False),
        ("codepipeline:PutApprovalResult", f"{PIPELINES}:shop", False),
    ],
)
def test_the_role_pushes_builds_and_starts_one_delivery(
    action: str, resource: str, allowed: bool
) -> None:
    place = {"AWS::Partition": "aws", "AWS::Region": REGION, "AWS::AccountId": ACCOUNT}
    names = {"Builds": "shop/builds", "Bucket": "artifacts", "Pipeline": "shop"}
    (policy,) = role_of_page(**place, **names)["Policies"]
    own = statements(policy["PolicyDocument"], policy="deliver")
    assert may(action, own, resource=resource) is allowed
