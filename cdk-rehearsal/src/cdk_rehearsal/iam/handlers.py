"""The permissions that CloudFormation's handler of a resource type needs.

They are those of AWS's registry, of which cfn-lint contains a copy: `handlers.<name>.permissions`
of the schema of the type. A handler lists what any property may need. So `handlers.json` says which
permissions belong to a property; they are needed only if the template sets it. It also has the
permissions of types without handlers, and the right names of permissions that do not exist.
"""

import fnmatch
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from cdk_rehearsal.iam.authorization import UnjudgedError, data_of_cfn_lint, resource_types

CUSTOM = ("Custom::", "AWS::CloudFormation::CustomResource")
"""How the types of custom resources begin: CloudFormation only invokes their function."""

_NOTHING = frozenset({"AWS::CDK::Metadata", "AWS::CloudFormation::WaitConditionHandle"})
# CloudFormation reads a resource after its creation (for `Fn::GetAtt`) and around an update.
# https://docs.aws.amazon.com/cloudformation-cli/latest/userguide/resource-type-develop.html
_HANDLERS = {"create": ("create", "read"), "update": ("update", "read"), "delete": ("delete",)}
_TAGS = re.compile(r":(Tag|AddTag|CreateTags|Put\w*Tagging)")
_TABLE = Path(__file__).with_name("handlers.json")


@dataclass(frozen=True, kw_only=True)
class Permissions:
    """The actions that an operation on a resource needs, and what is doubtful about them."""

    actions: tuple[str, ...]
    doubts: tuple[str, ...] = ()
    """The permissions of its schema that do not exist, with what they mean."""
    is_described: bool = True
    """False if nobody says what the handlers of the type need."""


def permissions(
    kind: str, operation: str, properties: Mapping[str, Any], *, region: str
) -> Permissions:
    """Return what ``operation`` (create, update or delete) on a resource needs."""
    if kind in _NOTHING:
        return Permissions(actions=())
    if kind.startswith(CUSTOM):
        return Permissions(actions=("lambda:InvokeFunction",))
    handlers = handlers_of(kind, region)
    if handlers is None:
        return Permissions(actions=(), is_described=False)
    names = frozenset(_names(properties))
    actions: dict[str, None] = {}
    doubts: dict[str, None] = {}
    if operation == "create" and properties.get("Tags"):
        actions |= dict.fromkeys(_tagging(kind, region))
    for handler in _HANDLERS[operation]:
        for named in handlers.get(handler, ()):
            action, doubt = _existing(named)
            if doubt:
                doubts[doubt] = None
            if action and not _left_out(kind, handler, action, names):
                actions[action] = None
    return Permissions(actions=tuple(actions), doubts=tuple(doubts))


@cache
def _tagging(kind: str, region: str) -> tuple[str, ...]:
    """Return the permissions to tag at a creation, which a few handlers of creation lack."""
    tagging = (schema_of(kind, region) or {}).get("tagging", {})
    of_type = [each for each in tagging.get("permissions", ()) if _TAGS.search(each)]
    return tuple(action for action, _ in map(_existing, of_type) if action)


@cache
def handlers_of(kind: str, region: str) -> Mapping[str, tuple[str, ...]] | None:
    """Return the permissions of each handler of a type; None if nobody says them."""
    own = table()["handlers"].get(kind)
    schema = schema_of(kind, region)
    of_schema = {
        name: tuple(handler.get("permissions", ()))
        for name, handler in (schema or {}).get("handlers", {}).items()
    }
    if own:
        of_schema |= {name: tuple(own[name]) for name in own if name != "source"}
    return of_schema or None


@cache
def schema_of(kind: str, region: str) -> Mapping[str, Any] | None:
    """Return cfn-lint's copy of the registry's schema of a type; None if it has none."""
    folder = data_of_cfn_lint() / "schemas"
    number = _schemas(region).get(kind)
    if number is None:
        return None
    file = folder / "resources" / f"{number}.json"
    schema: Mapping[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return schema


@cache
def _schemas(region: str) -> Mapping[str, str]:
    folder = data_of_cfn_lint() / "schemas" / "providers"
    file = folder / f"{region}.json"
    used = file if file.exists() else folder / "us-east-1.json"
    numbers: Mapping[str, str] = json.loads(used.read_text(encoding="utf-8"))
    return numbers


@cache
def table() -> dict[str, Any]:
    """Return the content of `handlers.json`, which says what its parts are."""
    content: dict[str, Any] = json.loads(_TABLE.read_text(encoding="utf-8"))
    return content


@cache
def _existing(named: str) -> tuple[str, str]:
    """Return the action that a schema means, empty if there is none, and what is wrong with it."""
    meant = table()["renamed"].get(named, named)
    try:
        resource_types(meant)
    except UnjudgedError:
        return "", named
    return meant, "" if meant == named else f"{named} (there is {meant})"


def _left_out(kind: str, handler: str, action: str, names: frozenset[str]) -> bool:
    """Say whether the action belongs to a property that is not among the names."""
    return any(
        fnmatch.fnmatchcase(kind, row["type"])
        and handler in row.get("in", handler).split()
        and _matches(action, row["actions"])
        and not any(_matches(name, row.get("with", "")) for name in names)
        for row in table()["only_with"]
    )


def _matches(text: str, patterns: str) -> bool:
    return any(fnmatch.fnmatchcase(text, each) for each in patterns.split())


def _names(value: Any, path: str = "") -> Iterator[str]:
    """Yield the path of each property that has a value, like `Code.S3Bucket`, and `path=value`.

    Lists do not count as a level. An empty list or map counts as not set.
    """
    if isinstance(value, Mapping):
        for key, item in value.items():
            own = f"{path}.{key}" if path else str(key)
            if item not in ({}, [], "", None):
                yield own
                yield from _names(item, own)
    elif isinstance(value, list):
        for item in value:
            yield from _names(item, path)
    elif isinstance(value, (str, bool)) and path:
        yield f"{path}={str(value).lower() if isinstance(value, bool) else value}"
