"""How this package adds and replaces resource types of MiniStack's CloudFormation engine.

The engine looks a type up in the table `provisioners._RESOURCE_HANDLERS`.
"""

import os
import re
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any, ClassVar, TypeAlias, TypeVar

from botocore.exceptions import ClientError
from ministack.core.responses import get_account_id, get_region
from ministack.services.cloudformation import provisioners, stacks

from cdk_rehearsal.access import Access
from cdk_rehearsal.environment import HOST, RootKey
from cdk_rehearsal.ministack.replacements import REPLACEMENTS, Name, replaces

Properties: TypeAlias = dict[str, Any]
Created: TypeAlias = tuple[str, dict[str, Any]]
"""The physical id (`Ref`) and the attributes (`Fn::GetAtt`)."""

ALL_BUT_TAGS = ("*",)
"""For `resource_type`: a change of anything except the tags makes a new resource."""

_replaced_by: dict[str, tuple[str, ...]] = {}
"""By type of this package, the properties whose change replaces the resource.

Without any, MiniStack decides.
"""
# How the services of this emulator answer if a resource is not there, in code or message.
_ABSENT = re.compile("NotFound|No scalable target|No scaling policy")


@dataclass(frozen=True)
class Change:
    """An update of a resource, with its old and its new properties."""

    physical_id: str
    old: Properties
    new: Properties
    stack: str
    logical_id: str


class ResourceType(ABC):
    """A CloudFormation type that creates, updates and deletes through the emulator's own APIs."""

    name: ClassVar[str]

    @abstractmethod
    def create(self, logical_id: str, properties: Properties, stack: str) -> Created: ...

    def update(self, change: Change) -> Created:
        old, new = change.old, change.new
        changed = sorted(key for key in old | new if old.get(key) != new.get(key))
        raise ValueError(f"{self.name}: the local AWS cannot change {', '.join(changed)} in place.")

    @abstractmethod
    def delete(self, physical_id: str, properties: Properties) -> None:
        """Delete the resource; fail or succeed if it does not exist any more."""


class PutType(ResourceType):
    """A type whose creation also updates."""

    def update(self, change: Change) -> Created:
        return self.create(change.logical_id, change.new, change.stack)


class PatchedType(ResourceType):
    """A type of MiniStack; methods that a subclass does not override call MiniStack's."""

    original: dict[str, Any]
    """MiniStack's own functions for the type."""

    def complete(self, physical_id: str, properties: Properties) -> dict[str, Any]:
        """Do what MiniStack leaves out of a creation or update; return more attributes."""
        return {}

    def create(self, logical_id: str, properties: Properties, stack: str) -> Created:
        physical_id, attributes = self.original["create"](logical_id, properties, stack)
        return physical_id, attributes | self.complete(physical_id, properties)

    def update(self, change: Change) -> Created:
        more = (change.logical_id,) if self.original.get("update_with_logical_id") else ()
        physical_id, attributes = self.original["update"](
            change.physical_id, change.old, change.new, change.stack, *more
        )
        return physical_id, attributes | self.complete(physical_id, change.new)

    def delete(self, physical_id: str, properties: Properties) -> None:
        self.original["delete"](physical_id, properties)


T = TypeVar("T", bound=ResourceType)


def resource_type(
    name: str, *, adds: bool = False, replaced_by: tuple[str, ...] = ()
) -> Callable[[type[T]], type[T]]:
    """Register a type: one that MiniStack lacks (``adds``), or one instead of MiniStack's.

    A `PatchedType` receives MiniStack's functions as its `original`.
    """

    def register(resource_class: type[T]) -> type[T]:
        entry = Name(provisioners, f"_RESOURCE_HANDLERS[{name}]")
        resource_class.name = name
        instance = resource_class()
        handlers: dict[str, Any] = {}
        if isinstance(instance, PatchedType) and entry.exists:
            instance.original = entry.value()
            handlers |= instance.original
        handlers |= {
            "create": instance.create,
            "update": lambda *change: instance.update(Change(*change)),
            "update_with_logical_id": True,
            "delete": partial(_delete, instance),
        }
        REPLACEMENTS.add([entry], function=resource_class, value=handlers, adds=adds)
        _replaced_by[name] = replaced_by
        return resource_class

    return register


def _delete(resource: ResourceType, physical_id: str, properties: Properties) -> None:
    """Delete a resource; as on AWS, somebody may have deleted it by hand."""
    try:
        resource.delete(physical_id, properties)
    except ClientError as error:
        if not _ABSENT.search(str(error)):
            raise


@replaces(stacks, "_runs_on_worker_thread")
def runs_on_worker_thread(original: Callable[[str], bool], resource_type: str) -> bool:
    """Run the types of this package off the event loop, since they call the emulator's own APIs."""
    return resource_type in _replaced_by or original(resource_type)


@replaces(provisioners, "_property_recreation", bound_in=[stacks])
def property_recreation(
    original: Callable[[str, str], str], resource_type: str, property_name: str
) -> str:
    """Say which changes replace a resource of this package's types, which MiniStack cannot know."""
    replaced_by = _replaced_by.get(resource_type)
    if not replaced_by:
        return original(resource_type, property_name)
    if replaced_by == ALL_BUT_TAGS:
        return "Never" if property_name == "Tags" else "Always"
    return "Always" if property_name in replaced_by else "Never"


def generated_name(stack: str, logical_id: str, *, longest: int) -> str:
    """Return the name that CloudFormation generates for a resource without one."""
    return str(provisioners._physical_name(stack, logical_id, max_len=longest))


def own_client(service: str) -> Any:
    """Return a client of this emulator, for the account and region of the current request."""
    return own_access().client(service)


def own_access() -> Access:
    """Return root's access to this emulator, for the account and region of the current request."""
    return _access(get_account_id(), get_region())


@cache
def _access(account: str, region: str) -> Access:
    return Access(
        endpoint_url=f"https://{HOST}:{os.environ['GATEWAY_PORT']}",
        account=account,
        region=region,
        key=RootKey.from_environment(),
        ca_bundle=Path(os.environ["AWS_CA_BUNDLE"]),
    )


# Below these properties the user chooses the keys (an option, a label): they are no API names.
_MAPS = frozenset({"Options", "DockerLabels", "Configuration", "Labels", "DriverOpts"})


def api_shape(value: Any) -> Any:
    """Spell every property name in `value` as the JSON APIs do: `TaskRoleArn` -> `taskRoleArn`."""
    if isinstance(value, list):
        return [api_shape(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        key[:1].lower() + key[1:]: item if key in _MAPS else api_shape(item)
        for key, item in value.items()
    }
