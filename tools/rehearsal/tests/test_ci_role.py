"""The role of docs/images-from-elsewhere.md: who can assume it, judged as IAM would."""

from collections.abc import Mapping

import pytest

from cdk_rehearsal.iam.policies import Caller, Policies, Request, Statement, decide, statements
from tools.rehearsal.failures.images_from_elsewhere import role_of_page

PROVIDER = "arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com"
ROLE = "arn:aws:iam::123456789012:role/deliver"
ISSUER = "token.actions.githubusercontent.com"
ASSUME = "sts:AssumeRoleWithWebIdentity"
TOKEN = {"aud": "sts.amazonaws.com", "sub": "repo:acme/shop:ref:refs/heads/main"}


def trust() -> list[Statement]:
    document = role_of_page(Repository="acme/shop", Branch="main")["AssumeRolePolicyDocument"]
    for statement in document["Statement"]:
        assert statement["Principal"] == {"Federated": {"Ref": "GitHub"}}
        # The judge knows no federated principals; it treats the provider as a service.
        statement["Principal"] = {"Service": PROVIDER}
    return statements(document, policy="trust policy")


def may_assume(token: Mapping[str, str], *, provider: str = PROVIDER, action: str = ASSUME) -> bool:
    keys = {f"{ISSUER}:{claim}": value for claim, value in token.items()}
    caller = Caller(account="123456789012", service=provider)
    request = Request(caller=caller, action=action, resource=ROLE, keys=keys)
    return decide(request, Policies(resource=trust(), decisive=True)).allowed


def test_a_push_to_the_branch_of_the_repository_can_assume_the_role() -> None:
    assert may_assume(TOKEN)


@pytest.mark.parametrize(
    "changes",
    [
        {"sub": "repo:acme/shop:ref:refs/heads/main2"},
        {"sub": "repo:acme/shop:ref:refs/heads/*"},
        {"sub": "repo:acme/shop:ref:refs/tags/main"},
        {"sub": "repo:acme/shop:pull_request"},
        {"sub": "repo:acme/shop:environment:main"},
        {"sub": "repo:acme/shop2:ref:refs/heads/main"},
        {"sub": "repo:evil/shop:ref:refs/heads/main"},
        {"aud": "https://github.com/acme"},
    ],
)
def test_no_other_token_of_github_can_assume_it(changes: dict[str, str]) -> None:
    assert not may_assume(TOKEN | changes)
    assert not may_assume({key: value for key, value in TOKEN.items() if key not in changes})


def test_no_other_provider_and_no_other_call_can_assume_it() -> None:
    assert not may_assume(TOKEN, provider="arn:aws:iam::123456789012:oidc-provider/evil")
    assert not may_assume(TOKEN, action="sts:AssumeRole")
