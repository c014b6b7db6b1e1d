"""The function of a custom resource runs with the permissions of its role, and no others."""

from collections.abc import Callable
from typing import Any

import pytest

from support.functions import allow, answering, custom, function
from support.stacks import StackFailedError, Stacks

Client = Callable[[str], Any]

BUCKETS = answering("return { Count: String((await s3.listBuckets({})).Buckets.length) };")
COUNT = {"Count": {"Value": {"Fn::GetAtt": ["Thing", "Count"]}}}
MAY_LIST = allow("s3:ListAllMyBuckets")
MAY_LOG = allow("logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents")


def test_the_function_answers_for_the_resource_and_logs_with_its_role(
    stacks: Stacks, client: Client
) -> None:
    outputs = COUNT | {"Name": {"Value": {"Ref": "Function"}}}
    resources = function(BUCKETS, MAY_LIST, MAY_LOG) | {"Thing": custom()}
    made = stacks.deploy("function", resources, Outputs=outputs)
    assert made["Count"] == "0"
    logs, group = client("logs"), f"/aws/lambda/{made['Name']}"
    messages = [e["message"] for e in logs.filter_log_events(logGroupName=group)["events"]]
    stacks.delete("function")  # which logs, too
    logs.delete_log_group(logGroupName=group)
    assert "asked to Create" in messages


@pytest.mark.parametrize(
    ("resources", "reason"),
    [
        (function(BUCKETS), "not authorized to perform: s3:ListAllMyBuckets"),
        (
            function(BUCKETS, MAY_LIST, principal="ec2.amazonaws.com"),
            "not authorized to perform: sts:AssumeRole",
        ),
        (
            function("exports.handler = async () => { throw new Error('no idea'); };"),
            "did not answer: Error: no idea",
        ),
    ],
    ids=["permission", "trust", "answer"],
)
def test_a_function_that_fails_fails_its_resource(
    stacks: Stacks, resources: dict[str, Any], reason: str
) -> None:
    with pytest.raises(StackFailedError, match=reason):
        stacks.deploy("function", resources | {"Thing": custom()})


def test_the_function_has_no_key_but_that_of_its_role(stacks: Stacks) -> None:
    code = answering(
        "return { Key: process.env.AWS_ACCESS_KEY_ID.slice(0, 4),"
        " Names: Object.keys(process.env).filter((name) => /AWS|LOCAL/.test(name)).sort().join() };"
    )
    values = {key: {"Value": {"Fn::GetAtt": ["Thing", key]}} for key in ("Key", "Names")}
    outputs = stacks.deploy("function", function(code) | {"Thing": custom()}, Outputs=values)
    assert outputs["Key"] == "ASIA"
    assert outputs["Names"].split(",") == [
        "AWS_ACCESS_KEY_ID",
        "AWS_LAMBDA_FUNCTION_NAME",
        "AWS_REGION",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
    ]
