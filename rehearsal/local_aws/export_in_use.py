"""Exports of a stack that other stacks import: neither removed, nor changed, nor taken over.

CloudFormation looks when the outputs of an update are known, before anything is removed, and rolls
the update back. It accepts the deletion of the whole stack and cancels it in the stack's events.
MiniStack lets an update remove an export in use, and refuses the deletion as a request.
"""

from collections.abc import Callable
from typing import Any

from ministack.services import cloudformation
from ministack.services.cloudformation import handlers, stacks

from rehearsal.local_aws.api_answer import Handler, Request, Response

Exports = dict[str, dict[str, str]]

# States of a stack that uses nothing: not yet made, or gone.
_NO_USER = ("REVIEW_IN_PROGRESS", "DELETE_COMPLETE")

_resolve_stack_outputs: Callable[..., tuple[list[dict[str, str]], Exports]] = (
    stacks._resolve_stack_outputs
)
_delete_stack: Handler = handlers._delete_stack


def importers(export: str) -> list[str]:
    """Return the names of the stacks that import the export."""
    return sorted(
        name
        for name, stack in cloudformation._stacks.items()
        if stack["StackStatus"] not in _NO_USER
        and export in handlers._imported_export_names(stack, name)
    )


def resolve_stack_outputs(*sections: Any) -> tuple[list[dict[str, str]], Exports]:
    """Resolve as MiniStack does; its arguments end with the name and the id of the stack."""
    outputs, new = _resolve_stack_outputs(*sections)
    stack_id = sections[-1]
    old = {name: e for name, e in cloudformation._exports.items() if e["StackId"] == stack_id}
    for name in old:
        if name not in new and (users := importers(name)):
            raise ValueError(f"Cannot delete export {name} as it is in use by {_and(users)}.")
        if name in new and new[name]["Value"] != old[name]["Value"] and (users := importers(name)):
            raise ValueError(f"Cannot update export {name} as it is in use by {_and(users)}.")
    for name in new.keys() - old.keys():
        if other := cloudformation._exports.get(name):
            owner = other["StackId"].split("/")[1]
            raise ValueError(f"Export with name {name} is already exported by stack {owner}.")
    for name in old.keys() - new.keys():
        cloudformation._exports.pop(name)
    return outputs, new


def delete_stack(request: Request) -> Response:
    stack = handlers._resolve_stack(handlers._p(request, "StackName"))
    for output in stack["Outputs"] if stack and "Outputs" in stack else []:
        export = output.get("ExportName")
        if export and stack["StackStatus"] not in _NO_USER and (users := importers(export)):
            reason = f"Cannot delete export {export} as it is in use by {_and(users)}."
            _cancel_deletion(stack, f"Delete canceled. {reason}")
            answer: Response = handlers._xml(200, "DeleteStackResponse", "")
            return answer
    return _delete_stack(request)


def _cancel_deletion(stack: dict[str, Any], reason: str) -> None:
    stacks._add_event(
        stack["StackId"],
        stack["StackName"],
        stack["StackName"],
        "AWS::CloudFormation::Stack",
        stack["StackStatus"],
        reason,
        stack["StackId"],
    )


def _and(names: list[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]] if names[1:] else names)


def install() -> None:
    stacks._resolve_stack_outputs = resolve_stack_outputs
    handlers._ACTION_HANDLERS["DeleteStack"] = delete_stack
