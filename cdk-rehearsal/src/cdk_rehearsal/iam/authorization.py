"""The Service Authorization Reference, of which cfn-lint contains a copy.

It has the resource types of each action, but not which of them a request must name, nor the
condition keys of an action.
"""

import json
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any


class UnjudgedError(Exception):
    """The judge does not know which permissions a call needs; the message says why."""


def resource_types(action: str) -> tuple[str, ...]:
    """Return the resource types of an action, like `ecs:service`; none if it has only `*`."""
    service, _, name = action.partition(":")
    try:
        types = _service_authorization()[service]["Actions"][name.lower()].get("Resources", [])
    except KeyError:
        raise UnjudgedError(f"the Service Authorization data has no {action}") from None
    return tuple(f"{service}:{each}" for each in types)


@cache
def arn_formats(kind: str) -> tuple[str, ...]:
    """Return the formats of the ARN of a resource type, like `ecs:service`.

    They have `${Partition}`, `${Region}` and `${Account}`, and end with `.*` for the rest.
    """
    return tuple(_resource_type(kind).get("ARNFormats", ()))


def knows_tags(kind: str) -> bool:
    """Say whether a condition may name the tags of resources of a type (aws:ResourceTag)."""
    return "aws:ResourceTag/${TagKey}" in _resource_type(kind).get("ConditionKeys", ())


def _resource_type(kind: str) -> dict[str, Any]:
    service, _, name = kind.partition(":")
    types: dict[str, Any] = _service_authorization().get(service, {}).get("Resources", {})
    found: dict[str, Any] = types.get(name, types.get(name.lower(), {}))
    return found


@cache
def _service_authorization() -> dict[str, Any]:
    file = data_of_cfn_lint() / "AdditionalSpecs" / "Policies.json"
    services: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return services


@cache
def data_of_cfn_lint() -> Path:
    """Return the folder of cfn-lint with AWS's schemas and the reference."""
    # Only located, not imported, since the package takes a while to load.
    package = find_spec("cfnlint")
    if package is None or package.origin is None:
        raise ModuleNotFoundError("cfn-lint is not installed")
    return Path(package.origin).parent / "data"
