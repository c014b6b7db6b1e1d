"""What an update from one template to another would replace, remove or take away.

CloudFormation knows a resource by its logical id. It replaces one when a property changes that is
fixed at creation: the schema of the resource type says which (``createOnlyProperties``), and which
ones may be (``conditionalCreateOnlyProperties``). They are compared as they stand in the templates:
a ``Ref`` to a resource is the same as long as that resource stays. So is one to a parameter, for
the CDK CLI keeps the values of a deployed stack.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from cfnlint.schema import PROVIDER_SCHEMA_MANAGER, ResourceNotFoundError

from tools.rehearsal.upgrade.deployed import Templates

ON_PURPOSE: Mapping[str, str] = {
    "DeliveryPromotionLogGroupEDC0D015": "the promotion is a function, with a log group of its own",
}
"""What is replaced or removed on purpose: the name of the `Change`, and the reason.

CHANGELOG.md tells users of each what to do.
"""

REVISIONS = {"AWS::ECS::TaskDefinition": ("Family",)}
"""Types of which a replacement is one more revision of the same thing, as long as these stay."""

_KEPT_ATTRIBUTES = ("Condition", "DeletionPolicy", "UpdateReplacePolicy")
_FIXED = {
    "conditionalCreateOnlyProperties": "may be replaced",
    "createOnlyProperties": "replaced",
}
_LONGEST_VALUE = 120

Resource = Mapping[str, Any]
Path = tuple[str, ...]
"""To a property, as the schemas have it."""


@dataclass(frozen=True)
class Change:
    """One thing that an update does not leave as it is."""

    stack: str
    name: str
    """The logical id and the property, ``Service9571FDD8.ServiceName``; or what is gone."""
    what: str

    def __str__(self) -> str:
        return f"{self.stack}: {self.name} {self.what}"


def changes(old: Templates, new: Templates, *, region: str) -> list[Change]:
    """List what an update of all stacks of an app would replace, remove or take away.

    Besides resources these are outputs, exports, and what happens to a resource at its end. A new
    log group under ``/aws/`` is listed too: it cannot be created where AWS itself has made it.
    """
    found = []
    for stack, template in old.items():
        if stack not in new:
            found.append(Change(stack, stack, "is no stack of the app any more"))
            continue
        update = _Update(template, new[stack], region)
        found += [Change(stack, name, what) for name, what in update.changes()]
    return found


class _Update:
    """The update of one stack."""

    def __init__(self, old: Mapping[str, Any], new: Mapping[str, Any], region: str) -> None:
        self._resources: Mapping[str, Resource] = old["Resources"]
        self._updated: Mapping[str, Resource] = new["Resources"]
        self._outputs: Mapping[str, Any] = old.get("Outputs", {})
        self._updated_outputs: Mapping[str, Any] = new.get("Outputs", {})
        self._region = region
        self._replaced: set[str] = set()

    def changes(self) -> Iterator[tuple[str, str]]:
        """Yield name and text of each."""
        for key, old in self._resources.items():
            new = self._updated.get(key)
            if new is None:
                yield key, f"({old['Type']}) is removed"
                continue
            yield from self._other_attributes(key, old, new)
            replacing = list(self._replacing(key, old, new))
            revised = old["Type"] in REVISIONS and _properties(old) != _properties(new)
            if replacing or revised:
                self._replaced.add(key)
            yield from replacing
        while followers := list(self._followers()):
            self._replaced |= {key for key, _, _ in followers}
            yield from ((name, what) for _, name, what in followers)
        for key in self._outputs:
            yield from self._output(key)
        yield from self._taken_names()

    def _other_attributes(
        self, key: str, old: Resource, new: Resource
    ) -> Iterator[tuple[str, str]]:
        for attribute in _KEPT_ATTRIBUTES:
            if old.get(attribute) != new.get(attribute):
                text = _difference(old.get(attribute), new.get(attribute))
                yield f"{key}.{attribute}", f"({old['Type']}) {text}"

    def _replacing(self, key: str, old: Resource, new: Resource) -> Iterator[tuple[str, str]]:
        kind = old["Type"]
        if new["Type"] != kind:
            yield f"{key}.Type", f"{_difference(kind, new['Type'])}: replaced"
            return
        for path, effect in self._fixed(kind, _properties(old) | _properties(new)).items():
            before, after = _at(_properties(old), path), _at(_properties(new), path)
            if before != after:
                yield f"{key}.{'.'.join(path)}", f"({kind}) {_difference(before, after)}: {effect}"

    def _followers(self) -> Iterator[tuple[str, str, str]]:
        """Yield what a property replaces that refers to something replaced, and name and text."""
        for key in sorted(self._resources.keys() & self._updated.keys() - self._replaced):
            kind, properties = self._updated[key]["Type"], _properties(self._updated[key])
            for path in self._fixed(kind, properties):
                if causes := self._causes(_at(properties, path)):
                    yield key, f"{key}.{'.'.join(path)}", f"({kind}) {causes}: replaced with it"
                    break

    def _output(self, key: str) -> Iterator[tuple[str, str]]:
        old, new = self._outputs[key], self._updated_outputs.get(key)
        if new is None:
            yield key, "is no output any more"
        elif "Export" in old:
            for part in ("Export", "Value"):
                if old[part] != new.get(part):
                    yield f"{key}.{part}", f"(an export) {_difference(old[part], new.get(part))}"
            if causes := self._causes(old["Value"]):
                yield f"{key}.Value", f"(an export) {causes}: changes with it"

    def _taken_names(self) -> Iterator[tuple[str, str]]:
        """Yield new log groups of names under which AWS may have made one by itself."""
        for key in sorted(self._updated.keys() - self._resources.keys()):
            kind, properties = self._updated[key]["Type"], _properties(self._updated[key])
            name = json.dumps(properties.get("LogGroupName"))
            if kind == "AWS::Logs::LogGroup" and "/aws/" in name:
                yield (f"{key}.LogGroupName", f"({kind}) is new: where {name} exists, it fails")

    def _causes(self, value: Any) -> str:
        """Say which replaced resources a value refers to; nothing if there is none."""
        causes = sorted(self._replaced & set(_references(value)))
        return f"refers to {', '.join(causes)}" if causes else ""

    def _fixed(self, kind: str, properties: Resource) -> dict[Path, str]:
        """Return which properties of a type are fixed at creation, and what a change means.

        Of a custom resource it is each of the ``properties`` in use: its function decides, with the
        physical id that it answers.
        """
        if kind.startswith("Custom::"):
            return {(name,): "its function may replace it" for name in properties}
        if kind in REVISIONS:
            return {(name,): "another one begins" for name in REVISIONS[kind]}
        try:
            schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema(self._region, kind).schema
        except ResourceNotFoundError as unknown:
            raise LookupError(f"cfn-lint has no schema of {kind} for {self._region}") from unknown
        return {
            tuple(path.removeprefix("/properties/").split("/")): effect
            for section, effect in _FIXED.items()
            for path in schema.get(section) or ()
        }


def _properties(resource: Resource) -> dict[str, Any]:
    return dict(resource.get("Properties", {}))


def _at(value: Any, path: Path) -> Any:
    """Return what stands at a path of a schema; of a function on the way the whole of it.

    ``*`` stands for each of a list or an object.
    """
    if not path or _is_function(value):
        return value
    if isinstance(value, list):
        return [_at(part, path[1:] if path[0] == "*" else path) for part in value]
    if not isinstance(value, dict):
        return None
    if path[0] == "*":
        return {key: _at(part, path[1:]) for key, part in value.items()}
    return _at(value.get(path[0]), path[1:])


def _is_function(value: Any) -> bool:
    if not isinstance(value, dict) or len(value) != 1:
        return False
    (name,) = map(str, value)
    return name == "Ref" or name.startswith("Fn::")


def _references(value: Any) -> Iterator[str]:
    """Yield each logical id that a value refers to, and the names of parameters."""
    if isinstance(value, list):
        for part in value:
            yield from _references(part)
    elif isinstance(value, dict):
        for key, part in value.items():
            if key == "Ref":
                yield part
            elif key == "Fn::GetAtt":
                yield part.partition(".")[0] if isinstance(part, str) else part[0]
            elif key == "Fn::Sub":
                text = part if isinstance(part, str) else part[0]
                yield from re.findall(r"\$\{(\w+)", text)
                yield from _references(part)
            else:
                yield from _references(part)


def _difference(before: Any, after: Any) -> str:
    return f"changes from {_shown(before)} to {_shown(after)}"


def _shown(value: Any) -> str:
    text = "nothing" if value is None else json.dumps(value)
    return text if len(text) <= _LONGEST_VALUE else f"{text[:_LONGEST_VALUE]}..."
