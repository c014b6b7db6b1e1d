"""The templates of one deployment, and what in them refers to what."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Resource:
    """One resource of a template."""

    stack: str
    logical_id: str
    kind: str
    properties: Mapping[str, Any]

    @property
    def tags(self) -> dict[str, str]:
        """Its tags."""
        return {tag["Key"]: tag["Value"] for tag in self.properties.get("Tags", ())}


class Templates:
    """Finds resources by type, and by reference, also through exports of another stack."""

    def __init__(self, by_stack: Mapping[str, Mapping[str, Any]]) -> None:
        self._resources = {
            (stack, logical_id): Resource(
                stack, logical_id, resource["Type"], resource.get("Properties", {})
            )
            for stack, template in by_stack.items()
            for logical_id, resource in template["Resources"].items()
        }
        self._exports = {
            output["Export"]["Name"]: (stack, output["Value"])
            for stack, template in by_stack.items()
            for output in template.get("Outputs", {}).values()
            if "Export" in output
        }

    @property
    def kinds(self) -> set[str]:
        """The types of all resources."""
        return {resource.kind for resource in self._resources.values()}

    def of(self, *kinds: str) -> list[Resource]:
        """Return the resources of the types, in the order of the templates."""
        return [resource for resource in self._resources.values() if resource.kind in kinds]

    def stack_with(self, kind: str) -> str:
        """Return the name of the stack that holds the resources of a type."""
        (stack,) = {resource.stack for resource in self.of(kind)}
        return stack

    def referred(self, source: Resource, value: Any) -> list[Resource]:
        """Return the resources that a value among the properties of ``source`` refers to."""
        found = {(r.stack, r.logical_id): r for r in self._walk(source.stack, value)}
        return list(found.values())

    def refers(self, source: Resource, value: Any, target: Resource) -> bool:
        """Return whether a value among the properties of ``source`` refers to ``target``."""
        return target in self.referred(source, value)

    def _walk(self, stack: str, value: Any) -> Iterator[Resource]:
        match value:
            case {"Fn::ImportValue": str(name)} if name in self._exports:
                yield from self._walk(*self._exports[name])
            case {"Ref": str(logical_id)} | {"Fn::GetAtt": [str(logical_id), *_]}:
                if (stack, logical_id) in self._resources:
                    yield self._resources[stack, logical_id]
            case Mapping():
                for part in value.values():
                    yield from self._walk(stack, part)
            case list():
                for part in value:
                    yield from self._walk(stack, part)


def plain(value: Any) -> str:
    """Return the literal text in a value that may be joined from tokens."""
    match value:
        case {"Fn::Join": [str(separator), list(parts)]}:
            return separator.join(plain(part) for part in parts)
        case str() | int() | float():
            return str(value)
        case _:
            return ""
