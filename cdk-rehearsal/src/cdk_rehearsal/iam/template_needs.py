"""What CloudFormation's role needs for a template itself: functions, parameters, references."""

import json
import re
from collections.abc import Iterator
from typing import Any

from ministack.services import cloudformation

from cdk_rehearsal.iam.generated_names import GeneratedNames
from cdk_rehearsal.iam.handled_resources import Need, Subject

# https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference-getavailabilityzones.html
_ZONES, _OF_ZONES = (
    '"Fn::GetAZs"',
    ("ec2:DescribeAvailabilityZones", "ec2:DescribeAccountAttributes", "ec2:DescribeSubnets"),
)
# https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/dynamic-references.html
_REFERENCE = re.compile(
    r"\{\{resolve:(?P<service>[a-z-]+):"
    r'(?P<name>arn:(?:[^:}]*:){5}[^:}]+|", \{"Ref": "\w+"|[^:}]+)'
)
# What is left of a reference to a secret of the same stack, which CDK joins from its parts.
_JOINED = re.compile(r'", \{"Ref": "(\w+)"')


def needs_of_template(subject: Subject, generated: GeneratedNames) -> Iterator[Need]:
    """Yield what the creation or update of a resource needs besides its handler."""
    stack = _under_way(subject.stack) or cloudformation._stacks.get(subject.stack) or {}
    own = stack.get("_template", {}).get("Resources", {}).get(subject.logical_id, {})
    text = json.dumps(own.get("Properties", {}), default=str)
    if _ZONES in text:
        yield from (Need(action, "*", "*") for action in _OF_ZONES)
    for service, name in dict.fromkeys(m.groups() for m in _REFERENCE.finditer(text)):
        joined = _JOINED.match(name)
        secret = _physical_id(subject, joined[1]) if joined else name
        yield from _of_reference(subject, service, secret, generated)
    # A parameter that is the name of one of the Parameter Store, like the bootstrap's version.
    for parameter in (stack.get("_resolved_params") or {}).values():
        if name := parameter.get("SsmName"):
            yield _parameter(subject, name)


def _physical_id(subject: Subject, logical_id: str) -> str:
    resources = (cloudformation._stacks.get(subject.stack) or {}).get("_resources", {})
    return str(resources.get(logical_id, {}).get("PhysicalResourceId", "*"))


def _under_way(stack: str) -> dict[str, Any]:
    """Return the change set that is executed now; its template becomes that of the stack later."""
    executed = (
        each
        for each in cloudformation._change_sets.values()
        if each["StackName"] == stack and each["ExecutionStatus"] == "EXECUTE_IN_PROGRESS"
    )
    return next(executed, {})


def _of_reference(
    subject: Subject, service: str, name: str, generated: GeneratedNames
) -> Iterator[Need]:
    if service == "secretsmanager":
        arn = f"arn:aws:secretsmanager:{subject.region}:{subject.account}:secret:{name}-??????"
        secret = name if name.startswith("arn:") else arn
        yield Need("secretsmanager:GetSecretValue", secret, generated.pattern(secret))
    elif service.startswith("ssm"):
        yield _parameter(subject, name)


def _parameter(subject: Subject, name: str) -> Need:
    place = f"arn:aws:ssm:{subject.region}:{subject.account}"
    arn = f"{place}:parameter/{name.lstrip('/')}"
    return Need("ssm:GetParameters", arn, arn)
