"""CloudFormation: responses when an operation is over, and exports that other stacks import."""

import asyncio
import re
import time
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any, TypeAlias

from ministack import app
from ministack.services import cloudformation
from ministack.services.cloudformation import handlers, stacks

from cdk_rehearsal.ministack.replacements import replaces
from cdk_rehearsal.ministack.responses import Handler, Request, Response

Exports: TypeAlias = dict[str, dict[str, str]]
Outputs: TypeAlias = list[dict[str, str]]

_LONGEST_HOLD_SECONDS = 4.0
_PAUSE_SECONDS = 0.02
_OPERATION = re.compile(rb"(?:^|&)Action=(?:ExecuteChangeSet|(?:Create|Update|Delete)Stack)(?:&|$)")

# States of a stack that does not exist yet or any more.
_NO_USER = ("REVIEW_IN_PROGRESS", "DELETE_COMPLETE")


@replaces(app, "SERVICE_HANDLERS[cloudformation]")
async def handle_request(
    original: Callable[..., Awaitable[Response]],
    method: str,
    path: str,
    headers: dict[str, str],
    body: bytes,
    query: dict[str, Any],
) -> Response:
    """Answer a request when its operation is over, since the CDK CLI looks only every 5 seconds.

    It looks first right after the beginning, but most operations take a fraction of a second here.
    During a long operation the request is answered, as on AWS.
    """
    response = await original(method, path, headers, body, query)
    if _OPERATION.search(body):
        deadline = time.monotonic() + _LONGEST_HOLD_SECONDS
        await asyncio.sleep(_PAUSE_SECONDS)  # the operation has yet to begin
        while _under_way() and time.monotonic() < deadline:
            await asyncio.sleep(_PAUSE_SECONDS)
    return response


def _under_way() -> bool:
    return any(
        stack["StackStatus"].endswith("IN_PROGRESS")
        and stack["StackStatus"] != "REVIEW_IN_PROGRESS"
        for stack in cloudformation._stacks.values()
    )


@replaces(stacks, "_resolve_stack_outputs")
def resolve_stack_outputs(
    original: Callable[..., tuple[Outputs, Exports]], *sections: Any
) -> tuple[Outputs, Exports]:
    """Fail an update that removes or changes an imported export, or has another stack's export.

    CloudFormation checks this when it has resolved the outputs of an update, before it deletes old
    resources. The arguments end with the name and the id of the stack.
    """
    outputs, new = original(*sections)
    stack_id = sections[-1]
    old = {name: e for name, e in cloudformation._exports.items() if e["StackId"] == stack_id}
    for name, export in old.items():
        is_same = name in new and new[name]["Value"] == export["Value"]
        if not is_same and (users := _importers(name)):
            change = "update" if name in new else "delete"
            raise ValueError(f"Cannot {change} export {name} as it is in use by {users}.")
    for name in new.keys() - old.keys():
        if other := cloudformation._exports.get(name):
            owner = other["StackId"].split("/")[1]
            raise ValueError(f"Export with name {name} is already exported by stack {owner}.")
    for name in old.keys() - new.keys():
        cloudformation._exports.pop(name)
    return outputs, new


@replaces(handlers, "_ACTION_HANDLERS[CreateChangeSet]")
def create_change_set(original: Handler, request: Request) -> Response:
    """Accept a change set that changes no resource, but adds, changes or removes an output.

    The CDK CLI relies on it where a stack begins to use another one:
    https://github.com/aws/aws-cdk/pull/2029. Changed conditions or descriptions do not suffice.
    """
    response = original(request)
    if response[0] == HTTPStatus.OK:
        made = list(cloudformation._change_sets.values())[-1]
        deployed = cloudformation._stacks[made["StackName"]]["_template"]
        changed = made["_template"].get("Outputs") != deployed.get("Outputs")
        if changed and "didn't contain changes" in made["StatusReason"]:
            possible = {"Status": "CREATE_COMPLETE", "ExecutionStatus": "AVAILABLE"}
            made.update(possible, StatusReason="")
    return response


def _importers(export: str) -> str:
    """Return the names of the stacks that import the export."""
    return " and ".join(
        name
        for name, stack in sorted(cloudformation._stacks.items())
        if stack["StackStatus"] not in _NO_USER
        and export in handlers._imported_export_names(stack, name)
    )
