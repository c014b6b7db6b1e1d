"""Templates of roles, functions and custom resources, policy documents, and refused calls."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

Template = dict[str, Any]

_ANSWERING = Path(__file__).with_name("answering.js").read_text("utf-8")


def role(service: str, *statements: Mapping[str, Any]) -> Template:
    """Return a role that a service may assume, with these statements in its policy."""
    trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": service}}
    properties: Template = {"AssumeRolePolicyDocument": document(trust)}
    if statements:
        properties["Policies"] = [{"PolicyName": "own", "PolicyDocument": document(*statements)}]
    return {"Type": "AWS::IAM::Role", "Properties": properties}


def function(
    code: str,
    *allowed: Mapping[str, Any],
    principal: str = "lambda.amazonaws.com",
    runtime: str = "nodejs22.x",
) -> Template:
    """Return a function `Function` with this code, and its role with these statements."""
    properties = {
        "Runtime": runtime,
        "Handler": "index.handler",
        "Role": {"Fn::GetAtt": ["Role", "Arn"]},
        "Code": {"ZipFile": code},
    }
    return {
        "Role": role(principal, *allowed),
        "Function": {"Type": "AWS::Lambda::Function", "Properties": properties},
    }


def custom(**properties: Any) -> Template:
    """Return a custom resource of the function."""
    token = {"Fn::GetAtt": ["Function", "Arn"]}
    return {"Type": "Custom::Thing", "Properties": {"ServiceToken": token, **properties}}


def document(*statements: Mapping[str, Any]) -> Template:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def allow(*actions: str, on: str = "*", **conditions: Any) -> Template:
    statement = {"Effect": "Allow", "Action": list(actions), "Resource": on}
    return statement | ({"Condition": conditions} if conditions else {})


@contextmanager
def refused(*parts: str) -> Iterator[None]:
    """Expect that the judge refuses the call in the block, with a message that has these parts."""
    with pytest.raises(ClientError) as error:
        yield
    message = str(error.value)
    for part in ("ot authorized to perform", *parts):
        assert part in message, message


def answering(body: str) -> str:
    """Return the code of a function that runs `body` and answers with its result."""
    return _ANSWERING.replace("BODY", body)
