"""The judge: refuses every call of a user or role that its policies do not allow.

The `door` asks about each request to an API, as it was read, before its handler runs. The judge
requires every permission that the call needs (`calls`), and refuses what it does not know. Root may
do everything, and does the work of AWS's own services.
"""

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from ministack.core import iam_actions, iam_evaluator
from ministack.core.responses import get_account_id, get_region
from ministack.services import tagging

from cdk_rehearsal.iam import stack_roles
from cdk_rehearsal.iam.authorization import UnjudgedError
from cdk_rehearsal.iam.calls import EVERYTHING, KNOWN_KEYS, Check, checks
from cdk_rehearsal.iam.ledger import LEDGER
from cdk_rehearsal.iam.policies import (
    Caller,
    Decision,
    Policies,
    PolicyError,
    Request,
    Statement,
    decide,
)
from cdk_rehearsal.iam.principals import (
    ASSUMING,
    Principal,
    keys_of_now,
    policy_of_resource,
    principal_of,
)
from cdk_rehearsal.ministack.replacements import replaces
from cdk_rehearsal.server.api_request import ApiRequest

# They need no permission:
# https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html
_ALWAYS = frozenset({"sts:GetCallerIdentity", "sts:GetSessionToken"})


class Refusal(Exception):  # noqa: N818 - an answer, not an error
    """A principal has no permission for a call; the message is AWS's."""

    def __init__(self, principal: str, check: Check, decision: Decision) -> None:
        super().__init__(
            f"User: {principal} is not authorized to perform: {check.action} on resource:"
            f" {check.resource} {decision.reason}"
        )


def require(principal: Principal, check: Check) -> None:
    """Raise ``Refusal`` unless the policies of principal and resource allow the check."""
    own, decisive = policy_of_resource(check.action, check.resource)
    policies = replace(principal.own, resource=own, decisive=decisive)
    try:
        decision = _decision(principal, check, policies)
    except (PolicyError, UnjudgedError) as error:
        raise _unjudged(principal, check, error) from error
    if not decision.allowed:
        raise _refused(principal, check, decision)
    LEDGER.allowed(principal.name, check, decision.allowed_by)


def _unjudged(principal: Principal, check: Check, error: Exception) -> Refusal:
    reason = f"because it is not judged here: {error}"
    return _refused(principal, check, Decision(allowed=False, reason=reason))


def _refused(principal: Principal, check: Check, decision: Decision) -> Refusal:
    LEDGER.refused(principal.name, check, decision.reason)
    return Refusal(principal.caller.arn, check, decision)


def _decision(principal: Principal, check: Check, policies: Policies) -> Decision:
    keys = {
        **keys_of_now(),
        **principal.keys,
        "aws:principalaccount": principal.caller.account,
        "aws:requestedregion": get_region(),
        "aws:resourceaccount": _owner(check.resource, principal.caller.account),
        "s3:resourceaccount": _owner(check.resource, principal.caller.account),
        **check.keys,
    }
    request = Request(
        caller=principal.caller, action=check.action, resource=check.resource, keys=keys
    )
    layers = (policies.identity, policies.boundary or (), policies.resource)
    for statement in (each for layer in layers for each in layer):
        _require_known_keys(statement, request)
        tags_are_given = any(key.startswith(_RESOURCE_TAG) for key in check.keys)
        if statement.names_action(check.action) and not tags_are_given:
            keys |= _resource_tags(statement, check.resource)
    return decide(request, policies)


_RESOURCE_TAG = "aws:resourcetag/"


def _resource_tags(statement: Statement, resource: str) -> dict[str, str]:
    """Return the tags of a resource as condition keys, if a statement speaks of them."""
    if _RESOURCE_TAG not in str(statement.content).lower():
        return {}
    tags = tagging.resource_tags(resource)
    if tags is None:
        raise UnjudgedError(f"{statement.policy} has a condition on tags of {resource}")
    return {f"{_RESOURCE_TAG}{key}".lower(): value for key, value in tags.items()}


def _owner(resource: str, account: str) -> str:
    named = re.match(r"arn:[^:]*:[^:]*:[^:]*:(\d{12}):", resource)
    return named[1] if named else account


# Global keys: a request lacks those that `_decision` does not set, also on AWS.
_GLOBAL_KEYS = ("aws:", "s3:")


def _require_known_keys(statement: Statement, request: Request) -> None:
    unknown = [
        key
        for key in statement.condition_keys()
        if not key.startswith(_GLOBAL_KEYS) and key not in KNOWN_KEYS and key not in request.keys
    ]
    if unknown and statement.concerns(request):
        raise UnjudgedError(f"{statement.policy} has a condition on {', '.join(unknown)}")


def is_root(access_key_id: str) -> bool:
    return bool(iam_evaluator.is_root_access_key(access_key_id))


def judge(call: ApiRequest, *, acting_service: str = "") -> stack_roles.Pending:
    """Raise ``Refusal`` or ``NoSuchPrincipalError`` unless the caller may make the call.

    Root assumes a role only in the name of a service that the role trusts: ``acting_service``.
    https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
    """
    if is_root(call.access_key_id):
        if call.action in ASSUMING:
            _require_trusted_service(call, acting_service)
    elif call.action not in _ALWAYS:
        principal = principal_of(call.access_key_id)
        for check in _checks(principal, call):
            require(principal, check)
    pending = stack_roles.Pending.of(call)
    pending.begin()
    return pending


def _checks(principal: Principal, call: ApiRequest) -> list[Check]:
    try:
        stack_roles.require_role(call)
        tags = _request_tags(call)
        needed = [replace(each, keys={**tags, **each.keys}) for each in checks(call)]
        if not needed:
            raise UnjudgedError(f"nobody says what {call.action} needs")
        return needed
    except (UnjudgedError, RecursionError) as error:
        raise _unjudged(principal, Check(action=call.action, resource=EVERYTHING), error) from error


def _request_tags(call: ApiRequest) -> dict[str, Any]:
    if not any("tag" in name.lower() for name in call.parameters):
        return {}
    keys = iam_actions.request_tag_context(
        call.handler, call.action, call.body, dict(call.parameters)
    )
    return {key.lower(): value for key, value in keys.items()}


def _require_trusted_service(call: ApiRequest, service: str) -> None:
    role = call.text("RoleArn")
    own, _ = policy_of_resource("sts:AssumeRole", role)
    actions = ASSUMING if any(key.startswith("Tags.") for key in call.parameters) else ASSUMING[:1]
    for action in actions:
        if not service or not trusts(own, service, role, action):
            reason = f"because the role does not trust {service or 'root'}"
            root = f"arn:aws:iam::{call.account}:root"
            refused = Decision(allowed=False, reason=reason)
            raise Refusal(root, Check(action=action, resource=role), refused)


@replaces(iam_evaluator, "evaluate_trust_policy")
def evaluate_trust_policy(
    original: Callable[..., bool], document: Any, caller_arn: str, context: Any = None
) -> bool:
    """Allow what the judge has allowed: it has evaluated the trust policy before the call."""
    if context is not None and context.action in ASSUMING:
        return True
    return original(document, caller_arn, context)


def trusts(
    policy: tuple[Statement, ...], service: str, role: str, action: str = "sts:AssumeRole"
) -> bool:
    """Say whether a trust policy lets a service of AWS assume its role."""
    caller = Caller(account=get_account_id(), service=service)
    keys = keys_of_now() | {"aws:sourceaccount": get_account_id()}
    request = Request(caller=caller, action=action, resource=role, keys=keys)
    return decide(request, Policies(resource=policy, decisive=True)).allowed
