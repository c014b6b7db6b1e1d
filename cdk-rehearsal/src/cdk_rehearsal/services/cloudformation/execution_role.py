"""CloudFormation: each change of a resource needs the permissions of its handler."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from ministack.core.responses import get_account_id, get_region
from ministack.services.cloudformation import provisioners, stacks

from cdk_rehearsal.iam import execution_role
from cdk_rehearsal.iam.handled_resources import Subject
from cdk_rehearsal.iam.stack_roles import acting_role
from cdk_rehearsal.ministack.replacements import replaces
from cdk_rehearsal.ministack.resource_types import Created, Properties


@replaces(provisioners, "_provision_resource", bound_in=[stacks])
def provision_resource(
    original: Callable[..., Created], kind: str, logical_id: str, properties: Properties, stack: str
) -> Created:
    """Create a resource if the execution role may, as the handler of its type would need it."""
    subject = _subject(kind, logical_id, properties, stack)
    if role := acting_role(subject.region, stack):
        execution_role.require_for(role, subject, "create")
    made = original(kind, logical_id, properties, stack)
    if role:
        physical_id, attributes = made
        execution_role.learn(subject, str(physical_id), attributes or {})
        execution_role.foresee_update(role, replace(subject, physical_id=str(physical_id)))
    return made


@replaces(provisioners, "_update_resource", bound_in=[stacks])
def update_resource(
    original: Callable[..., Created],
    kind: str,
    physical_id: str,
    old: Properties,
    new: Properties,
    stack: str,
    logical_id: str | None = None,
    old_attrs: dict[str, Any] | None = None,
) -> Created:
    """Update a resource if the execution role may; a replacement is a creation and a deletion."""
    role = acting_role(get_region(), stack)
    if role and old != new and not provisioners._replacing_change(kind, old, new):
        # What has been set may have to be removed.
        subject = _subject(kind, logical_id or physical_id, {**old, **new}, stack, physical_id)
        execution_role.require_for(role, subject, "update")
    return original(kind, physical_id, old, new, stack, logical_id, old_attrs)


@replaces(provisioners, "_delete_resource", bound_in=[stacks])
def delete_resource(
    original: Callable[..., None],
    kind: str,
    physical_id: str,
    properties: Properties,
    stack: str | None = None,
    logical_id: str | None = None,
) -> None:
    """Delete a resource if the execution role may."""
    subject = _subject(kind, logical_id or physical_id, properties, stack or "", physical_id)
    if role := acting_role(subject.region, subject.stack):
        execution_role.require_for(role, subject, "delete")
    original(kind, physical_id, properties, stack, logical_id)


def _subject(
    kind: str, logical_id: str, properties: Properties, stack: str, physical_id: str = ""
) -> Subject:
    return Subject(
        kind=kind,
        stack=stack,
        logical_id=logical_id,
        properties=properties,
        account=get_account_id(),
        region=get_region(),
        physical_id=physical_id,
    )
