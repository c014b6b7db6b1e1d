"""How a CloudFormation resource type of ours joins MiniStack's CloudFormation engine.

These are MiniStack's private names (pinned to 1.5.33); this file and its `mend` are the only place
that knows how the engine finds a type.
"""

import os
from abc import ABC, abstractmethod
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, ClassVar, TypeAlias

from ministack.core.responses import get_account_id, get_region
from ministack.services.cloudformation import custom_resource, provisioners, stacks

from rehearsal.local_aws.access import Access
from rehearsal.local_aws.credentials import HOST, RootKey

Properties: TypeAlias = dict[str, Any]
Created: TypeAlias = tuple[str, dict[str, Any]]
"""The physical id (`Ref`) and the attributes (`Fn::GetAtt`)."""

_ours: set[str] = set()


class ResourceType(ABC):
    """A CloudFormation type: made, changed and removed through the emulator's own service APIs."""

    name: ClassVar[str]
    # The properties whose change needs a new resource; empty: as MiniStack has it.
    replaced_by: ClassVar[tuple[str, ...]] = ()

    @abstractmethod
    def create(self, logical_id: str, properties: Properties, stack: str) -> Created: ...

    def update(
        self, physical_id: str, old: Properties, new: Properties, stack: str, logical_id: str
    ) -> Created:
        changed = sorted(key for key in old | new if old.get(key) != new.get(key))
        raise ValueError(f"{self.name}: the local AWS cannot change {', '.join(changed)} in place.")

    @abstractmethod
    def delete(self, physical_id: str, properties: Properties) -> None:
        """Remove the resource; one that is already gone is removed."""


class MendedType(ResourceType):
    """A type that MiniStack has, with a part of it mended; the rest stays as the engine does it."""

    def __init__(self) -> None:
        self._engine: dict[str, Callable[..., Any]] = dict(
            provisioners._RESOURCE_HANDLERS[self.name]
        )

    def create(self, logical_id: str, properties: Properties, stack: str) -> Created:
        physical_id, attributes = self._engine["create"](logical_id, properties, stack)
        return physical_id, attributes

    def update(
        self, physical_id: str, old: Properties, new: Properties, stack: str, logical_id: str
    ) -> Created:
        physical_id, attributes = self._engine["update"](physical_id, old, new, stack, logical_id)
        return physical_id, attributes

    def delete(self, physical_id: str, properties: Properties) -> None:
        self._engine["delete"](physical_id, properties)


def register(resource_type: ResourceType) -> None:
    provisioners._RESOURCE_HANDLERS[resource_type.name] = {
        "create": resource_type.create,
        "update": resource_type.update,
        "update_with_logical_id": True,
        "delete": resource_type.delete,
    }
    if resource_type.replaced_by:
        provisioners._REPLACING_PROPERTIES[resource_type.name] = resource_type.replaced_by
    _ours.add(resource_type.name)


def generated_name(stack: str, logical_id: str, *, longest: int, lowercase: bool = False) -> str:
    """Return the name that CloudFormation gives a resource whose template names none."""
    name = provisioners._physical_name(stack, logical_id, max_len=longest, lowercase=lowercase)
    return str(name)


def own_client(service: str) -> Any:
    """Return a client to this very emulator, in the account and region of the request at hand."""
    return _client(service, get_account_id(), get_region())


@cache
def _client(service: str, account: str, region: str) -> Any:
    return Access(
        endpoint_url=f"https://{HOST}:{os.environ['GATEWAY_PORT']}",
        account=account,
        region=region,
        key=RootKey.from_environment(),
        ca_bundle=Path(os.environ["AWS_CA_BUNDLE"]),
    ).client(service)


def _refuse_custom_resource(*call: object, **_options: object) -> Created:
    """Stand in for the engine's call of a Lambda function: (request, logical id, ..., type)."""
    _, logical_id, _, _, _, kind, *_ = call
    raise ValueError(
        f"Custom resource {logical_id} is of type {kind}, which the local AWS does not know: "
        "the code of Lambda functions is not run here."
    )


def install() -> None:
    runs_on_worker_thread = stacks._runs_on_worker_thread
    # Our types call the emulator's APIs, so they must not block its event loop.
    stacks._runs_on_worker_thread = lambda kind: kind in _ours or runs_on_worker_thread(kind)
    custom_resource.invoke_custom_resource = _refuse_custom_resource
