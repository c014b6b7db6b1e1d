"""The function of a custom resource runs with the permissions of its role, and no others."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cdk_rehearsal import Access
from cdk_rehearsal.services.awslambda.python import run
from support.functions import allow, answering, custom, function
from support.stacks import StackFailedError, Stacks

Client = Callable[[str], Any]

BUCKETS = answering("return { Count: String((await s3.listBuckets({})).Buckets.length) };")
COUNT = {"Count": {"Value": {"Fn::GetAtt": ["Thing", "Count"]}}}
PYTHON = """
import json, urllib.error, urllib.request
import boto3

def handler(event, context):
    assert context.get_remaining_time_in_millis() > 0
    data = {"Buckets": str(len(boto3.client("s3").list_buckets()["Buckets"]))}
    data |= read(event["ResourceProperties"]["Image"])
    body = {"Status": "SUCCESS", "PhysicalResourceId": "made", "Data": data}
    url = event["ResponseURL"]
    urllib.request.urlopen(urllib.request.Request(url, json.dumps(body).encode(), method="PUT"))

def read(image):
    url = f"https://registry.example/v2/{image}"
    try:
        urllib.request.urlopen(f"{url}/manifests/1")
    except urllib.error.HTTPError as error:
        realm = error.headers["WWW-Authenticate"].partition('realm="')[2].partition('"')[0]
    token = json.load(urllib.request.urlopen(realm))["token"]
    headers = {"Authorization": f"Bearer {token}", "Range": "bytes=0-9"}
    get = lambda path: urllib.request.urlopen(urllib.request.Request(url + path, headers=headers))
    digest = json.load(get("/manifests/1"))["config"]["digest"]
    return {"Config": get(f"/blobs/{digest}").read().decode()}
"""
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


def test_a_function_for_python_calls_aws_and_a_registry_and_answers(stacks: Stacks) -> None:
    resources = function(PYTHON, MAY_LIST, MAY_LOG, runtime="python3.14")
    outputs = {key: {"Value": {"Fn::GetAtt": ["Thing", key]}} for key in ("Buckets", "Config")}
    made = stacks.deploy("python", resources | {"Thing": custom(Image="shop")}, Outputs=outputs)
    assert made == {"Buckets": "0", "Config": '{"architec'}


def test_each_call_of_a_function_for_python_is_a_process_with_its_own_libraries(
    access: Access, tmp_path: Path
) -> None:
    code = tmp_path / "code"
    code.mkdir()
    (code / "boto3.py").write_text("calls = []", "utf-8")
    handler = "import boto3, sys\ndef handler(event, _):\n    boto3.calls.append(event)\n"
    (code / "index.py").write_text(
        f"{handler}    print(*boto3.calls)\n    sys.exit('over')", "utf-8"
    )
    configuration = {"Handler": "index.handler", "Timeout": 3}
    ended = [run(configuration, access, event, code) for event in (1, 2)]
    assert [each.log.splitlines()[0] for each in ended] == ["1", "2"]
    assert [each.failure for each in ended] == ["SystemExit: over"] * 2


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
        (function(PYTHON, runtime="python3.14"), "not authorized to perform: s3:ListAllMyBuckets"),
    ],
    ids=["permission", "trust", "answer", "permission of Python"],
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
