"""The two spellings of one thing: a property in a template and a parameter of the service's API."""

from typing import Any

# The keys below these are the user's own words (an option, a label), not names of the API.
_MAPS = frozenset({"Options", "DockerLabels", "Configuration", "Labels", "DriverOpts"})


def api_shape(value: Any, *, maps: frozenset[str] = _MAPS) -> Any:
    """Spell every property name in `value` as the JSON APIs do: `TaskRoleArn` -> `taskRoleArn`.

    The keys of a map in `maps` are left alone.
    """
    if isinstance(value, list):
        return [api_shape(item, maps=maps) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        key[:1].lower() + key[1:]: item
        if key in maps and _flat(item)
        else api_shape(item, maps=maps)
        for key, item in value.items()
    }


def _flat(value: Any) -> bool:
    """Tell a map of plain values from a structure, as `Configuration` of an ECS cluster is one."""
    return isinstance(value, dict) and not any(isinstance(v, (dict, list)) for v in value.values())


def tag_pairs(properties: dict[str, Any]) -> list[dict[str, str]]:
    """Return the template's tags in the spelling of the query APIs (EC2, S3, ECR)."""
    return [{"Key": tag["Key"], "Value": str(tag["Value"])} for tag in properties.get("Tags", [])]
