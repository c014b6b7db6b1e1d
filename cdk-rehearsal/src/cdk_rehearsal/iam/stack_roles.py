"""The role with which CloudFormation changes a stack: users and roles must give one.

Without a role CloudFormation acts with the permissions of the caller. Here it acts as root, whom
nobody judges. So the judge refuses a change of a stack without a role.
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-iam-servicerole.html
"""

from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Self

from ministack.services import cloudformation
from ministack.services.cloudformation import changesets

from cdk_rehearsal.iam.authorization import UnjudgedError
from cdk_rehearsal.server.api_request import ApiRequest

_CHANGING = (
    "CreateStack",
    "ContinueUpdateRollback",
    "CreateStackRefactor",
    "DeleteStack",
    "ExecuteChangeSet",
    "ExecuteStackRefactor",
    "ImportStacksToStackSet",
    "RollbackStack",
    "UpdateStack",
)
_OF_NEW_STACKS = ("CREATE", "IMPORT")
_SETS = ("StackSet", "StackInstances")

_roles: dict[tuple[str, str], str] = {}
"""The role of each stack, by its region and name."""
_acting: dict[tuple[str, str], str] = {}
"""The role of the last operation on each stack, which may be under way; empty for root."""
_change_sets: dict[str, str] = {}
"""The role of each change set, by its id."""


def change_set(call: ApiRequest) -> tuple[str, dict[str, Any]]:
    """Return id and content of the change set that a call names, as its handler finds it."""
    name = call.text("ChangeSetName")
    if not name or call.service != "cloudformation" or call.operation == "CreateChangeSet":
        return "", {}
    number, content = changesets._find_change_set(name, call.text("StackName"))
    return number or "", content or {}


def acting_role(region: str, stack: str) -> str:
    """Return the role with which CloudFormation changes a stack now; empty if it acts as root.

    A nested stack is changed with the role of the stack that it is in.
    """
    while parent := (cloudformation._stacks.get(stack) or {}).get("_parent_stack_name"):
        stack = parent
    return _acting.get((region, stack), "")


def require_role(call: ApiRequest) -> None:
    """Raise ``UnjudgedError`` if CloudFormation would change a stack without a role."""
    if call.service != "cloudformation":
        return
    sets = call.operation.endswith(_SETS) and not call.operation.startswith(("Describe", "List"))
    if sets or (call.operation in ("CreateChangeSet", *_CHANGING) and not Pending.of(call).role):
        name = call.text("StackName", "StackSetName")
        raise UnjudgedError(
            f"{call.operation} of {name} has no role (RoleARN) with which CloudFormation acts;"
            " without one only root may"
        )


@dataclass(frozen=True)
class Pending:
    """An allowed call, which may change the role of a stack when its handler has done it."""

    call: ApiRequest
    stack: tuple[str, str]
    role: str
    """The role with which CloudFormation does what the call wants."""

    @classmethod
    def of(cls, call: ApiRequest) -> Self:
        number, content = change_set(call)
        named = content.get("StackId") or call.text("StackName")
        name = named.split("/")[1] if named.startswith("arn:") and "/" in named else named
        stack = (call.region, name)
        makes = call.operation == "CreateStack" or call.text("ChangeSetType") in _OF_NEW_STACKS
        own = call.text("RoleARN") or _change_sets.get(number, "")
        return cls(call, stack, own or ("" if makes else _roles.get(stack, "")))

    def begin(self) -> None:
        """Record the role before the handler of the call begins to change the stack."""
        if self.call.service == "cloudformation" and self.call.operation in _CHANGING:
            _acting[self.stack] = self.role

    def done(self, status: int) -> None:
        """Record the role of a stack or change set after the call."""
        call = self.call
        if call.service != "cloudformation" or status != HTTPStatus.OK:
            return
        if call.operation == "CreateChangeSet":
            number, _ = changesets._find_change_set(call.text("ChangeSetName"), self.stack[1])
            _change_sets[number or ""] = call.text("RoleARN")
            if call.text("ChangeSetType") in _OF_NEW_STACKS:
                _roles.pop(self.stack, None)
        elif call.operation in _CHANGING:
            _roles[self.stack] = self.role
