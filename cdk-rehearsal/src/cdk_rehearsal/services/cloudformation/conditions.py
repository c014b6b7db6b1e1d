"""CloudFormation: conditions that join the members of a list."""

from collections.abc import Callable, Mapping
from typing import Any

from ministack.services.cloudformation import changesets, engine, handlers, stacks

from cdk_rehearsal.ministack.replacements import replaces


@replaces(engine, "_evaluate_conditions", bound_in=[changesets, handlers, stacks])
def evaluate_conditions(
    original: Callable[..., dict[str, bool]],
    template: Mapping[str, Any],
    parameters: Mapping[str, Any],
) -> dict[str, bool]:
    """Join texts and lists of texts in conditions, which MiniStack then compares."""
    conditions = _joined(template.get("Conditions", {}), parameters)
    return original({**template, "Conditions": conditions}, parameters)


def _joined(value: Any, parameters: Mapping[str, Any]) -> Any:
    match value:
        case {"Fn::Join": [str(between), parts]}:
            return between.join(_members(parts, parameters))
        case dict():
            return {key: _joined(item, parameters) for key, item in value.items()}
        case list():
            return [_joined(item, parameters) for item in value]
    return value


def _members(parts: Any, parameters: Mapping[str, Any]) -> list[str]:
    """Return the texts of a list, or the members of a parameter that is a list."""
    if isinstance(parts, list):
        return [member for part in parts for member in _members(part, parameters)]
    if isinstance(parts, dict) and parts.get("Ref") in parameters:
        return [each.strip() for each in str(parameters[parts["Ref"]]["Value"]).split(",")]
    return [str(parts)]
