"""The function of a custom resource runs with the permissions of its role, and no others."""

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from support.functions import allow, answering, custom, function
from support.stacks import StackFailedError, Stacks

Client = Callable[[str], Any]

BUCKETS = answering("return { Count: String((await s3.listBuckets({})).Buckets.length) };")
COUNT = {"Count": {"Value": {"Fn::GetAtt": ["Thing", "Count"]}}}
MAY_LIST = allow("s3:ListAllMyBuckets")


def test_the_function_answers_for_the_resource(stacks: Stacks) -> None:
    resources = function(BUCKETS, allowed=[MAY_LIST]) | {"Thing": custom()}
    assert stacks.deploy("function", resources, Outputs=COUNT) == {"Count": "0"}


def test_the_function_has_only_the_permissions_of_its_role(stacks: Stacks) -> None:
    resources = function(BUCKETS) | {"Thing": custom()}
    with pytest.raises(StackFailedError, match="not authorized to perform: s3:ListAllMyBuckets"):
        stacks.deploy("function", resources)


def test_a_function_needs_a_role_that_trusts_lambda(stacks: Stacks) -> None:
    strange = function(BUCKETS, allowed=[MAY_LIST], principal="ec2.amazonaws.com")
    with pytest.raises(StackFailedError, match="not authorized to perform: sts:AssumeRole"):
        stacks.deploy("function", strange | {"Thing": custom()})


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


def test_an_error_has_the_name_that_the_sdk_gives_it(stacks: Stacks) -> None:
    code = answering(
        'try { await s3.listObjectVersions({ Bucket: "none" }); }'
        " catch (error) { return { Name: error.name }; }"
    )
    name = {"Name": {"Value": {"Fn::GetAtt": ["Thing", "Name"]}}}
    resources = function(code, allowed=[allow("s3:*")]) | {"Thing": custom()}
    assert stacks.deploy("function", resources, Outputs=name) == {"Name": "NoSuchBucket"}


def test_a_function_that_does_not_answer_fails_its_resource(stacks: Stacks) -> None:
    silent = "exports.handler = async () => { throw new Error('no idea'); };"
    with pytest.raises(StackFailedError, match=r"did not answer: Error: no idea"):
        stacks.deploy("function", function(silent) | {"Thing": custom()})


def test_the_function_logs_with_its_role(stacks: Stacks, client: Client) -> None:
    writes = allow("logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents")
    resources = function(BUCKETS, allowed=[MAY_LIST, writes]) | {"Thing": custom()}
    name = {"Name": {"Value": {"Ref": "Function"}}}
    group = f"/aws/lambda/{stacks.deploy('function', resources, Outputs=name)['Name']}"
    logs = client("logs")
    try:
        events = logs.filter_log_events(logGroupName=group)["events"]
        assert "asked to Create" in [event["message"] for event in events]
    finally:
        stacks.delete("function")
        logs.delete_log_group(logGroupName=group)
    # Without the permission there is no log and no error.
    stacks.deploy("quiet", function(BUCKETS, allowed=[MAY_LIST]) | {"Thing": custom()})
    with pytest.raises(ClientError, match="ResourceNotFound"):
        logs.filter_log_events(logGroupName=group)
