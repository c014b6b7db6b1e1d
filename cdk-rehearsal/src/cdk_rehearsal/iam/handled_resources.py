"""On which resources a handler of CloudFormation acts: ARNs, and patterns that are known before.

The Service Authorization Reference names the resource types of an action. One of them is that of
the resource itself; others are named by its properties (`VpcId`). Of an action with several types
the reference does not say which ones a call must have a permission for: those that are found here
are demanded. Where none is found, all resources of the type are meant, or `*`.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any, Self

from cdk_rehearsal.iam.authorization import arn_formats, resource_types
from cdk_rehearsal.iam.generated_names import GeneratedNames
from cdk_rehearsal.iam.handlers import CUSTOM, schema_of, table


@dataclass(frozen=True, kw_only=True)
class Subject:
    """A resource of a stack, with its resolved properties; new ones have no ``physical_id``."""

    kind: str
    stack: str
    logical_id: str
    properties: Mapping[str, Any]
    account: str
    region: str
    physical_id: str = ""

    def text(self, *names: str) -> str:
        """Return the first of the properties that has a text."""
        values = (self.properties.get(name) for name in names)
        return next((each for each in values if isinstance(each, str) and each), "")


@dataclass(frozen=True)
class Need:
    """An action on a resource, with the condition keys that a policy can name.

    ``pattern`` matches the resource, and is known before the deploy.
    """

    action: str
    resource: str
    pattern: str
    keys: Mapping[str, str] = field(default_factory=dict)

    def under(self, key: str, value: str) -> Self:
        """Return the need with one more condition key."""
        return replace(self, keys={**self.keys, key: value})


_LOWER_CASE = ("AWS::S3::Bucket", "AWS::ECR::Repository")
# A log group is authorised with an empty name of a stream, but tagged by its own ARN.
# https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/logs/iam-access-control-overview-cwl.html
_OF_TAGS = ("TagResource", "UntagResource", "ListTagsForResource")
_PLACE = re.compile(r"\{(\w+)\}")


def needs_of(action: str, subject: Subject, generated: GeneratedNames) -> Iterator[Need]:
    """Yield an action of a handler with each resource for which it needs the permission."""
    if action == "lambda:InvokeFunction" and subject.kind.startswith(CUSTOM):
        arns = {str(subject.properties.get("ServiceToken", "")): ""}
    elif action.startswith("s3:GetObject") and "Code" in subject.properties:
        code = subject.properties["Code"]
        bucket = f"arn:aws:s3:::{code['S3Bucket']}"
        # The key of an asset is a hash of its content, which changes with each version.
        arns = {f"{bucket}/{code['S3Key']}": f"{bucket}/*"}
    else:
        arns = dict(_arns(action, subject))
    for arn, pattern in arns.items():
        yield Need(action, arn, generated.pattern(pattern or arn))


def _arns(action: str, subject: Subject) -> Iterator[tuple[str, str]]:
    """Yield ARNs, each with its pattern, or none if it follows from the ARN."""
    types = resource_types(action)
    own, end = own_type(subject)
    if "tag" in action.lower() and any(each.lower() == own for each in types):
        types = (own,)  # a handler tags only its own resource
    found = False
    for kind in types:
        if kind.lower() == own:
            found = True
            yield _own_arn(action, subject, own, end)
        else:
            for arn in _linked(kind, subject):
                found = True
                yield arn, ""
    if not types:
        yield "*", "*"
    elif not found:
        prefix = prefix_of(types[0], subject) if len(types) == 1 else ""
        yield f"{prefix}*", f"{prefix}*"


def own_type(subject: Subject) -> tuple[str, str]:
    """Return the resource type of the subject, and the end of its ARN (`own` in the table)."""
    if found := table()["own"].get(subject.kind):
        kind, end = found
        return kind, end
    schema = schema_of(subject.kind, subject.region) or {}
    named = [str(each).rpartition("/")[2] for each in schema.get("primaryIdentifier", ())]
    read_only = [str(each).rpartition("/")[2] for each in schema.get("readOnlyProperties", ())]
    end = f"{{{named[0]}}}" if len(named) == 1 and named[0] not in read_only else ""
    _, service, name = f"{subject.kind}::".split("::")[:3]
    service = {"Logs": "logs", "ElasticLoadBalancingV2": "elasticloadbalancing"}.get(
        service, service.lower()
    )
    return f"{service}:{_type_of(service, name)}", end


@cache
def _type_of(service: str, name: str) -> str:
    """Return the name in the reference of a type: `LogGroup` is `log-group`."""
    spelled = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", name).lower()
    flat = spelled.replace("-", "")
    return next((each for each in (spelled, flat) if arn_formats(f"{service}:{each}")), spelled)


def _own_arn(action: str, subject: Subject, own: str, end: str) -> tuple[str, str]:
    prefix = prefix_of(own, subject)
    if subject.physical_id.startswith("arn:") and "*" not in end:
        return subject.physical_id, ""
    if own == "logs:log-group":
        end = end if action.endswith(_OF_TAGS) else f"{end}:*"
    name = _PLACE.sub(lambda place: _named(subject, place[1])[0], end)
    pattern = _PLACE.sub(lambda place: _named(subject, place[1])[1], end)
    if not end:
        name = pattern = subject.physical_id or "*"
    path = subject.text("Path").strip("/")
    if path and own.startswith("iam:"):
        prefix += f"{path}/"
    if own.startswith("ssm:"):  # the ARN of a parameter has no slash before its name
        name, pattern = name.lstrip("/"), pattern.lstrip("/")
    # A generated name has a wildcard for its end already.
    return f"{prefix}{name.replace('*-??????', '*')}", f"{prefix}{pattern.replace('*-??????', '*')}"


def _named(subject: Subject, name: str) -> tuple[str, str]:
    """Return the value of a naming property and its pattern; without it, a generated name."""
    if text := subject.text(name):
        last = text.rpartition("/")[2] if name == "Cluster" else text
        return last, last
    if subject.kind == "AWS::SecretsManager::Secret":
        return f"{subject.logical_id}-*", f"{subject.logical_id}-*"
    stack = subject.stack.lower() if subject.kind in _LOWER_CASE else subject.stack
    own = subject.physical_id.rpartition("/")[2].rpartition("|")[2]
    return own or f"{stack}-{subject.logical_id}-*", f"{stack}-*"


def _linked(kind: str, subject: Subject) -> Iterator[str]:
    """Yield the ARNs of resources of a type that properties name."""
    link = table()["links"].get(f"{subject.kind} {kind.lower()}", "")
    wanted = kind.partition(":")[2].replace("-", "").lower()
    ends = tuple(f"{wanted}{end}" for end in ("", "s", "id", "ids", "name", "names", "arn"))
    for name, value in subject.properties.items():
        if name == link or name.lower().endswith(ends):
            for text in value if isinstance(value, list) else [value]:
                if isinstance(text, str) and text:
                    arn = text if text.startswith("arn:") else f"{prefix_of(kind, subject)}{text}"
                    if arn.startswith(prefix_of(kind, subject)):
                        yield f"{arn}:*" if kind == "logs:log-group" else arn


def prefix_of(kind: str, subject: Subject) -> str:
    """Return the ARN of a resource type up to its name or id."""
    formats = arn_formats(kind) or (f"arn:${{Partition}}:{kind.partition(':')[0]}:*:*:.*",)
    prefix = formats[0].replace("${Partition}", "aws").replace("${Region}", subject.region)
    return prefix.replace("${Account}", subject.account).removesuffix(".*")
