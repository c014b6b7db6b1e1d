"""The role with which CloudFormation makes a stack: whoever is not root has to give one.

Without a role CloudFormation acts with the rights of the caller. Here it acts as root, and nobody
judges what it does: so a stack that a user or a role makes without one is refused.
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-iam-servicerole.html
"""

from dataclasses import dataclass
from http import HTTPStatus

from ministack.core.responses import get_region

from tools.local_aws.api_request import ApiRequest
from tools.local_aws.iam.s3_calls import UnjudgedError

_MAKING = ("CreateStack", "CreateChangeSet")
_CHANGING = (
    "ContinueUpdateRollback",
    "CreateStackRefactor",
    "DeleteStack",
    "ExecuteChangeSet",
    "ExecuteStackRefactor",
    "ImportStacksToStackSet",
    "RollbackStack",
    "UpdateStack",
)
_SETS = ("StackSet", "StackInstances")

_roles: dict[tuple[str, str], str] = {}
"""The role of each stack, by its region and name."""
_change_sets: dict[tuple[str, str, str], str] = {}
"""The role of each change set that has one of its own."""


def require_role(call: ApiRequest) -> None:
    """Raise ``UnjudgedError`` if CloudFormation would change a stack, and nobody would judge it."""
    if call.service != "cloudformation":
        return
    sets = call.operation.endswith(_SETS) and not call.operation.startswith(("Describe", "List"))
    if sets or (call.operation in (*_MAKING, *_CHANGING) and not _role(call)):
        name = call.text("StackName", "StackSetName")
        raise UnjudgedError(
            f"{call.operation} of {name} has no role (RoleARN) with which CloudFormation acts;"
            " without one only root may"
        )


def _role(call: ApiRequest) -> str:
    """Return the role with which CloudFormation does what the call wants."""
    own = call.text("RoleARN") or _change_sets.get(_change_set(call), "")
    new = call.operation == "CreateStack" or call.text("ChangeSetType") in ("CREATE", "IMPORT")
    return own or ("" if new else _roles.get(_stack(call), ""))


def _stack(call: ApiRequest) -> tuple[str, str]:
    named = call.text("StackName")
    name = named.split("/")[1] if named.startswith("arn:") and "/" in named else named
    return get_region(), name


def _change_set(call: ApiRequest) -> tuple[str, str, str]:
    named = call.text("ChangeSetName")
    name = named.split("/")[1] if named.startswith("arn:") and "/" in named else named
    return *_stack(call), name


@dataclass(frozen=True)
class Pending:
    """A call that is allowed; what it changes about the roles of stacks counts when it is done."""

    call: ApiRequest

    def done(self, status: int) -> None:
        """Take note of the role of a stack or change set that was made or changed."""
        call = self.call
        if call.service != "cloudformation" or status != HTTPStatus.OK:
            return
        given = call.text("RoleARN")
        if call.operation == "CreateChangeSet":
            _change_sets[_change_set(call)] = given
            if call.text("ChangeSetType") in ("CREATE", "IMPORT"):
                _roles.pop(_stack(call), None)
        elif call.operation == "CreateStack":
            _roles[_stack(call)] = given
        elif call.operation == "ExecuteChangeSet":
            _roles[_stack(call)] = _role(call)
        elif given and call.operation in _CHANGING:
            _roles[_stack(call)] = given
