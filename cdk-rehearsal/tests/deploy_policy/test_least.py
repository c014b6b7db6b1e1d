"""The least policy, made from what a rehearsal has demanded."""

from pathlib import Path
from typing import Any

import pytest

from cdk_rehearsal import RehearsalError
from cdk_rehearsal.deploy_policy.least import POLICY_CHARACTERS, least_policy, size
from cdk_rehearsal.deploy_policy.other_policies import boundary
from cdk_rehearsal.deploy_policy.written import table_of_changes, write
from cdk_rehearsal.iam.generated_names import GeneratedNames

TOPIC = "arn:aws:sns:eu-west-1:111122223333:Shop-*"
ROLE = "arn:aws:iam::111122223333:role/Shop-*"


def demand(action: str, pattern: str, *, stack: str = "Shop", **keys: str) -> dict[str, Any]:
    use = {
        "stack": stack,
        "logical_id": "Thing",
        "type": "AWS::SNS::Topic",
        "operation": "create",
        "resources": [pattern],
    }
    named = {f"iam:{name}": value for name, value in keys.items()}
    return {"action": action, "pattern": pattern, "keys": named, "uses": [use]}


def demanded(*demands: dict[str, Any], **grants: list[str]) -> dict[str, Any]:
    return {"demands": list(demands), "doubts": [], "grants": grants}


def test_there_is_a_statement_for_each_resource_with_the_conditions() -> None:
    policy = least_policy(
        demanded(
            demand("sns:CreateTopic", TOPIC),
            demand("sns:DeleteTopic", TOPIC),
            demand("ec2:DescribeVpcs", "*"),
            demand("route53:CreateHostedZone", "*"),
            demand("iam:PassRole", ROLE, PassedToService="lambda.amazonaws.com"),
        ),
        region="eu-west-1",
    )
    contents = {each.sid: each.content for each in policy.granted}
    assert contents["Sns"]["Action"] == ["sns:CreateTopic", "sns:DeleteTopic"]
    region = {"StringEquals": {"aws:RequestedRegion": "eu-west-1"}}
    assert contents["OnEverything"]["Condition"] == region
    assert "Condition" not in contents["OnEverythingGlobal"], "its calls go to us-east-1"
    service = {"StringEquals": {"iam:PassedToService": "lambda.amazonaws.com"}}
    assert contents["IamPassRole"]["Condition"] == service
    assert not policy.unmet()
    assert all(policy.needed.values())


def test_a_statement_that_another_one_makes_superfluous_is_left_out() -> None:
    policy = least_policy(
        demanded(
            demand("sns:CreateTopic", f"{TOPIC[:-1]}Orders"),
            demand("sns:CreateTopic", TOPIC),
            demand("sns:DeleteTopic", TOPIC),
        ),
        region="eu-west-1",
    )
    (granted,) = policy.granted
    assert granted.content["Action"] == ["sns:CreateTopic", "sns:DeleteTopic"]


def test_stacks_of_other_apps_are_left_out_and_nested_stacks_are_not() -> None:
    content = demanded(
        demand("sns:CreateTopic", TOPIC, stack="Shop-Nested-1"),
        demand("sns:DeleteTopic", TOPIC, stack="Shopping"),
        Shop=["s3:GetObject"],
        Shopping=["s3:PutObject"],
    )
    policy = least_policy(content, region="eu-west-1", stacks=["Shop"])
    assert [each.content["Action"] for each in policy.granted] == [["sns:CreateTopic"]]
    (statement,) = boundary(content, stacks=["Shop"])["Statement"]
    assert statement["Action"] == ["s3:GetObject"]


def test_no_document_is_larger_than_iam_accepts() -> None:
    many = [
        demand(f"sns:Action{number}OfSomeTopic", f"{TOPIC}{number % 40}") for number in range(2000)
    ]
    policy = least_policy(demanded(*many), region="eu-west-1")
    assert len(policy.documents) > 1
    assert max(map(size, policy.documents)) <= POLICY_CHARACTERS
    kept = [s for document in policy.documents for s in document["Statement"]]
    assert len(kept) == len({each["Sid"] for each in kept}) == len(policy.granted)


def test_a_change_is_a_table_of_what_is_needed_more_and_less() -> None:
    before = least_policy(demanded(demand("sns:CreateTopic", TOPIC)), region="eu-west-1")
    after = least_policy(demanded(demand("sns:TagResource", TOPIC)), region="eu-west-1")
    assert "same" in "".join(table_of_changes(before.documents, before.documents))
    lines = list(table_of_changes(before.documents, after.documents))
    assert lines[1] == f"| more | `sns:TagResource` | `{TOPIC}` |  |"
    assert lines[2] == f"| less | `sns:CreateTopic` | `{TOPIC}` |  |"


def test_what_is_generated_becomes_a_pattern_and_what_the_template_names_stays() -> None:
    names = GeneratedNames()
    arn = "arn:aws:iam::111122223333:role/Shop-Reader-1A2B"
    names.add("Shop", {"Description": "Reads", "Empty": ""}, "Shop-Reader-1A2B", {"Arn": arn})
    assert names.pattern(arn) == ROLE
    names.add("Shop", {"CidrBlock": "10.0.0.0/16"}, "vpc-0a1b2c", {})
    assert names.pattern("arn:aws:ec2:eu-west-1:111122223333:vpc/vpc-0a1b2c").endswith(":vpc/*")
    arn = "arn:aws:ecs:eu-west-1:111122223333:cluster/main"
    names.add("Shop", {"ClusterName": "main"}, "main", {"Arn": arn})
    assert names.pattern(arn) == arn
    arn = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:token-Ab1Cd2"
    names.add("Shop", {"Name": "token"}, arn, {})
    assert names.pattern(arn) == f"{arn[:-6]}??????"
    # What the template finds in a rehearsal has another id in the account.
    found = "arn:aws:ec2:eu-west-1:111122223333:vpc/vpc-0123456789abcdef0"
    assert names.pattern(found).endswith(":vpc/*")
    assert names.pattern("vpc-of-somebody") == "vpc-of-somebody"


def test_a_folder_is_written_again_only_if_its_files_are_ours(tmp_path: Path) -> None:
    policy = least_policy(demanded(demand("sns:CreateTopic", TOPIC)), region="eu-west-1")
    (left,) = write(policy, {}, tmp_path / "new")
    left.rename(superfluous := left.with_name("policy-2.json"))
    assert write(policy, {}, tmp_path / "new") == [left]
    assert not superfluous.exists()
    theirs = tmp_path / "theirs" / "policy-2.json"
    theirs.parent.mkdir()
    theirs.write_text("{}", encoding="utf-8")
    with pytest.raises(RehearsalError, match="did not write"):
        write(policy, {}, theirs.parent)
    assert [each.name for each in theirs.parent.iterdir()] == [theirs.name]
