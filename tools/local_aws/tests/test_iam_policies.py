"""What policies decide. `make iam-oracle` compares the same code with an independent evaluator."""

from typing import Any

import pytest

from tools.local_aws.iam.policies import (
    Caller,
    Decision,
    Policies,
    PolicyError,
    Request,
    arn_matches,
    decide,
    resource_matches,
    statements,
)

ACCOUNT = "111122223333"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/builder"
SESSION = f"arn:aws:sts::{ACCOUNT}:assumed-role/builder/one"
CALLER = Caller(account=ACCOUNT, arn=SESSION, role=ROLE)
OBJECT = "arn:aws:s3:::data/a:b"


def judged(*own: dict[str, Any], keys: dict[str, Any] | None = None, **layers: Any) -> Decision:
    """Decide about reading an object, with one statement in each layer."""
    filled = {name: parsed(each) for name, each in layers.items()}
    request = Request(caller=CALLER, action="s3:GetObject", resource=OBJECT, keys=keys or {})
    return decide(request, Policies(identity=parsed(*own), **filled))


def parsed(*content: dict[str, Any]) -> Any:
    return statements({"Version": "2012-10-17", "Statement": list(content)}, policy="p")


def allow(**more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": "s3:Get*", "Resource": "*"} | more


@pytest.mark.parametrize(
    ("pattern", "resource", "matches"),
    [
        ("arn:aws:s3:::data/*", "arn:aws:s3:::data/a:b", True),
        ("arn:aws:s3:::data/?:b", "arn:aws:s3:::data/a:b", True),
        ("arn:aws:s3:::d?ta", "arn:aws:s3:::data", True),
        ("arn:aws:s3:::d?ta", "arn:aws:s3:::da:ta", False),
        ("arn:aws:ecs:*:1:service/a", "arn:aws:ecs:eu-west-1:1:service/a", True),
        ("arn:aws:ecs:eu*1:1:service/a", "arn:aws:ecs:eu-west-1:1:service/a", True),
        ("arn:aws:ecs:e*1:service/a", "arn:aws:ecs:eu-west-1:1:service/a", False),
        ("arn:aws:ecs:*", "arn:aws:ecs:eu-west-1:1:service/a", True),
        ("arn:aws:iam::1:user/Bob", "arn:aws:iam::1:user/bob", False),
        ("*", "*", True),
        ("arn:aws:ecs:*", "*", False),
    ],
)
def test_a_wildcard_stays_within_its_part_unless_it_ends_it(
    pattern: str, resource: str, *, matches: bool
) -> None:
    assert resource_matches(pattern, resource) is matches


def test_the_arn_operators_look_at_each_part_by_itself() -> None:
    arn = "arn:aws:ecs:eu-west-1:1:service/a:b"
    assert arn_matches("arn:aws:ecs:*:*:service/*", arn)
    assert not arn_matches("arn:aws:ecs:*:service/a:b", arn)
    assert not arn_matches("arn:aws:ecs:*", arn)


def test_nothing_is_allowed_that_nobody_allows() -> None:
    assert not judged().allowed
    assert judged(allow()).allowed
    assert judged(allow(Action="S3:getobjec?")).allowed


def test_a_denial_wins_wherever_it_stands() -> None:
    deny = allow(Effect="Deny")
    everybody = {"Principal": "*"}
    for layers in ({"boundary": deny}, {"session": deny}, {"resource": deny | everybody}):
        decision = judged(allow(), **layers)
        assert not decision.allowed
        assert "explicit deny" in decision.reason


def test_a_boundary_and_a_session_limit_what_is_allowed() -> None:
    other = allow(Action="s3:PutObject")
    assert not judged(allow(), boundary=other).allowed
    assert not judged(allow(), session=other).allowed
    assert judged(allow(), boundary=allow(), session=allow()).allowed


@pytest.mark.parametrize(
    ("principal", "alone", "despite_a_boundary"),
    [
        ({"AWS": SESSION}, True, True),
        ({"AWS": ROLE}, True, False),
        ({"AWS": ACCOUNT}, False, False),
        ({"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, False, False),
        ({"AWS": "arn:aws:iam::999999999999:root"}, False, False),
        ({"Service": "codebuild.amazonaws.com"}, False, False),
    ],
)
def test_a_resource_may_let_somebody_in(
    principal: dict[str, str], *, alone: bool, despite_a_boundary: bool
) -> None:
    grant = allow(Principal=principal)
    assert judged(resource=grant).allowed is alone
    limited = judged(resource=grant, boundary=allow(Action="s3:PutObject"))
    assert limited.allowed is despite_a_boundary


def test_not_principal_excepts_only_who_is_listed_with_its_account() -> None:
    account = f"arn:aws:iam::{ACCOUNT}:root"
    deny = allow(Effect="Deny") | {"NotPrincipal": {"AWS": [account]}}
    assert not judged(allow(), resource=deny).allowed
    deny["NotPrincipal"] = {"AWS": [account, ROLE, SESSION]}
    assert judged(allow(), resource=deny).allowed
    with pytest.raises(PolicyError, match="lets everybody else in"):
        judged(resource=allow(NotPrincipal={"AWS": []}))


def test_a_policy_variable_stands_for_one_literal_value() -> None:
    own = allow(Resource="arn:aws:s3:::${aws:PrincipalTag/team}/*")
    assert judged(own, keys={"aws:principaltag/team": "data"}).allowed
    assert not judged(own, keys={"aws:principaltag/team": "*"}).allowed
    assert not judged(own).allowed
    assert judged(allow(Resource="arn:aws:s3:::${aws:PrincipalTag/team, 'data'}/*")).allowed
    but = {"Effect": "Allow", "Action": "*", "NotResource": "arn:aws:s3:::${aws:username}"}
    assert not judged(but).allowed


@pytest.mark.parametrize(
    ("condition", "present", "absent"),
    [
        ({"StringEquals": {"k": "v"}}, True, False),
        ({"StringNotEquals": {"k": "w"}}, True, True),
        ({"StringEqualsIfExists": {"k": "v"}}, True, True),
        ({"Null": {"k": "true"}}, False, True),
        ({"ForAllValues:StringEquals": {"k": "v"}}, True, True),
        ({"ForAnyValue:StringEquals": {"k": ["u", "v"]}}, True, False),
        ({"StringEquals": {"k": "V"}}, False, False),
        ({"StringLike": {"k": "?"}}, True, False),
    ],
)
def test_a_condition_says_what_it_makes_of_a_key_that_is_not_there(
    condition: dict[str, Any], *, present: bool, absent: bool
) -> None:
    assert judged(allow(Condition=condition), keys={"k": "v"}).allowed is present
    assert judged(allow(Condition=condition)).allowed is absent


def test_an_unknown_operator_is_an_error() -> None:
    with pytest.raises(PolicyError, match="StringEqualz"):
        judged(allow(Condition={"StringEqualz": {"k": "v"}}))
