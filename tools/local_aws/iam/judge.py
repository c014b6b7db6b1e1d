"""The judge: refuses every call of a user or role that its policies do not allow.

MiniStack calls three functions for each request, which determine its action, its resource, and the
decision. This module replaces all three: the first collects the call, the last requires every
permission that the call needs. Root may do everything, and does the work of AWS's own services.

Users and roles cannot use the paths of MiniStack that bypass these functions, nor calls that the
judge does not know. If a new MiniStack bypasses them in another way, `dispatch` withholds the
answer.
"""

import contextvars
import json
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs

from ministack import app
from ministack.core import iam_actions, iam_evaluator
from ministack.core.responses import get_account_id, get_region
from ministack.core.router import detect_service, extract_access_key_id, extract_region

from tools.local_aws.access import ALLOWED_PATH, LEDGER_PATH, SERVICE_HEADER
from tools.local_aws.iam.calls import KNOWN_KEYS, Call, Check, UnjudgedError, checks
from tools.local_aws.iam.ledger import LEDGER
from tools.local_aws.iam.policies import (
    Caller,
    Decision,
    Policies,
    PolicyError,
    Request,
    Statement,
    decide,
    statements,
)
from tools.local_aws.iam.principals import (
    ASSUMING,
    NoSuchPrincipalError,
    Principal,
    keys_of_now,
    policy_of_resource,
    principal_of,
)
from tools.local_aws.replacements import replaces
from tools.local_aws.responses import Response, json_response

_UPSTREAM = (
    "Gap: calls are judged on a coarser resource than the Service Authorization Reference has, or"
    " not at all; iam:PassRole is not judged; a call that is not known is allowed."
)
# They need no permission:
# https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html
_ALWAYS = frozenset({"sts:GetCallerIdentity", "sts:GetSessionToken"})

_call: contextvars.ContextVar[Call | UnjudgedError | None] = contextvars.ContextVar("judged_call")
_acting_service: contextvars.ContextVar[str] = contextvars.ContextVar("acting_service", default="")
_key: contextvars.ContextVar[str] = contextvars.ContextVar("calling_key", default="")
_judged: contextvars.ContextVar[bool] = contextvars.ContextVar("was_judged")
_refusal: contextvars.ContextVar["Refusal | None"] = contextvars.ContextVar("refusal")


class Refusal(Exception):  # noqa: N818 - an answer, not an error
    """A principal has no permission for a call; the message is AWS's."""

    def __init__(self, principal: str, check: Check, decision: Decision) -> None:
        super().__init__(
            f"User: {principal} is not authorized to perform: {check.action} on resource:"
            f" {check.resource} {decision.reason}"
        )
        self.principal = principal
        self.check = check
        self.explicit = decision.denied_by is not None


def require(principal: Principal, check: Check) -> None:
    """Raise ``Refusal`` unless the policies of principal and resource allow the check."""
    own, decisive = policy_of_resource(check.action, check.resource)
    policies = principal.policies(own, decisive=decisive)
    try:
        decision = _decision(principal, check, policies)
    except (PolicyError, UnjudgedError) as error:
        raise _unjudged(principal, check, error) from error
    if not decision.allowed:
        raise _refused(principal, check, decision)
    LEDGER.allowed(principal.name, check, decision.allowed_by)


# Services that assume a role immediately when it is passed to them.
# https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-iam-servicerole.html
_ASSUMED_AT_ONCE = ("cloudformation.amazonaws.com",)


def _require_trust(principal: Principal, check: Check) -> None:
    """Refuse to pass a role to a service that assumes it at once and that it does not trust."""
    service = check.keys.get("iam:passedtoservice", "")
    if check.action == "iam:PassRole" and service in _ASSUMED_AT_ONCE:
        own, _ = policy_of_resource("sts:AssumeRole", check.resource)
        if not trusts(own, service, check.resource):
            taking = Check(action="sts:AssumeRole", resource=check.resource)
            reason = f"because the role does not trust {service}"
            raise _refused(principal, taking, Decision(allowed=False, reason=reason))


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
    layers = (policies.identity, policies.boundary or (), policies.session or (), policies.resource)
    for statement in (each for layer in layers for each in layer):
        _require_known_keys(statement, request)
    return decide(request, policies)


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


# --- The functions of MiniStack.


def calling_key() -> str:
    """Return the access key that has signed the current request."""
    return _key.get()


def is_root(access_key_id: str) -> bool:
    return bool(iam_evaluator.is_root_access_key(access_key_id))


@replaces(iam_actions, "extract_iam_action", upstream=_UPSTREAM)
def extract_iam_action(
    original: Callable[..., str | None],
    service: str,
    method: str,
    path: str,
    headers: dict[str, str],
    body: bytes,
    query_params: dict[str, Any],
) -> str | None:
    """Return the action of a request, also for the APIs that moto serves, and keep the call."""
    found = original(service, method, path, headers, body, query_params)
    operation = headers.get("x-amz-target", "").rpartition(".")[2]
    if found is None and operation:
        found = f"{service}:{operation}"
    if is_root(extract_access_key_id(headers, query_params)):
        return found
    if found is None:
        _call.set(UnjudgedError(f"{method} {path} of {service} is no known action"))
        return f"{service}:{method}"
    prefix, _, name = found.partition(":")
    _call.set(
        Call(
            service=prefix,
            operation=name,
            # The body of a request to S3 is the content of an object.
            parameters=_parameters(b"" if prefix == "s3" else body, query_params),
            path=path,
            account=get_account_id(),
            region=extract_region(headers, query_params),
        )
    )
    return found


def _parameters(body: bytes, query: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters of a JSON API, or those of a query API, each with a list of values."""
    try:
        content = json.loads(body) if body[:1] == b"{" else None
    except (ValueError, UnicodeDecodeError):
        content = None
    if isinstance(content, dict):
        return content
    values = {key: value if isinstance(value, list) else [value] for key, value in query.items()}
    return values | parse_qs(body.decode("utf-8", "replace"), keep_blank_values=True)


@replaces(iam_actions, "extract_resource_arn", upstream=_UPSTREAM)
def extract_resource_arn(original: Callable[..., str], *request: Any) -> str:
    """Add the resource that MiniStack determines, which knows the ARNs that it generates."""
    arn = original(*request)
    call = _call.get(None)
    if isinstance(call, Call):
        _call.set(replace(call, known_arn=arn))
    return arn


@replaces(iam_evaluator, "enforce", upstream=_UPSTREAM)
def enforce(
    original: Callable[..., Any],
    access_key_id: str,
    iam_action: str,
    service: str,
    region: str,
    resource_arn: str = "*",
    service_context: dict[str, Any] | None = None,
) -> Any:
    """Require every permission that a call of a user or role needs.

    For S3, MiniStack calls this once for each resource, with its ARN and condition keys. For other
    services the first call checks everything.
    """
    if is_root(access_key_id):
        return original(access_key_id, iam_action, service, region, resource_arn, service_context)
    verified = iam_evaluator.authenticate(access_key_id, get_account_id())
    if isinstance(verified, iam_evaluator.AuthError):
        return verified
    _judged.set(True)
    if iam_action in _ALWAYS:
        return None
    try:
        principal = principal_of(access_key_id)
        for check in _checks(principal, iam_action, service, resource_arn, service_context or {}):
            require(principal, check)
            _require_trust(principal, check)
    except NoSuchPrincipalError as error:
        return iam_evaluator.AuthError("InvalidClientTokenId", str(error))
    except Refusal as refusal:
        _refusal.set(refusal)
        return iam_evaluator.EvalResult("ImplicitDeny", refusal.principal)
    return None


def _checks(
    principal: Principal, action: str, service: str, resource: str, context: Mapping[str, Any]
) -> list[Check]:
    keys = {key.lower(): value for key, value in context.items()}
    try:
        if service == "s3":
            if action in _S3_WITH_ROLE:
                raise UnjudgedError(f"{action} passes a role")
            return [Check(action=action, resource=resource, keys=keys)]
        call = _call.get(None)
        if call is None or isinstance(call, UnjudgedError):
            raise call or UnjudgedError(f"{action} bypasses the judge")
        return [replace(each, keys={**keys, **each.keys}) for each in checks(call)]
    except UnjudgedError as error:
        raise _unjudged(principal, Check(action=action, resource=resource), error) from error


_S3_WITH_ROLE = ("s3:PutReplicationConfiguration",)


@replaces(
    iam_evaluator,
    "evaluate_trust_policy",
    upstream="Bug: a service in a trust policy matches root, whichever service it is.",
)
def evaluate_trust_policy(
    original: Callable[..., bool], document: Any, caller_arn: str, context: Any = None
) -> bool:
    """Say whether root may assume a role: only as a service of AWS that the role trusts.

    For users and roles `enforce` has evaluated the trust policy before the call.
    https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
    """
    if context is None or context.action not in ASSUMING:
        return original(document, caller_arn, context)
    if context.principal_type != "Root":
        return True
    service = _acting_service.get()
    own = tuple(statements(document, policy="trust policy"))
    return bool(service) and trusts(own, service, context.resource_arn, context.action)


def trusts(
    policy: tuple[Statement, ...], service: str, role: str, action: str = "sts:AssumeRole"
) -> bool:
    """Say whether a trust policy lets a service of AWS assume its role."""
    caller = Caller(account=get_account_id(), service=service)
    keys = keys_of_now() | {"aws:sourceaccount": get_account_id()}
    request = Request(caller=caller, action=action, resource=role, keys=keys)
    return decide(request, Policies(resource=policy, decisive=True)).allowed


@replaces(iam_actions, "access_denied_response")
def access_denied_response(
    original: Callable[..., Response],
    /,
    service: str,
    action: str,
    principal_arn: str,
    request_id: str,
    **more: Any,
) -> Response:
    """Name the refused action, which may be another than that of the call, like iam:PassRole."""
    if (refusal := _refusal.get(None)) and not more.get("error_code"):
        more = {"headers": more.get("headers"), "message": str(refusal)}
        return original(
            service, action, principal_arn, request_id, error_code="AccessDenied", **more
        )
    return original(service, action, principal_arn, request_id, **more)


# --- Paths that MiniStack serves without these functions.


def _is_user_or_role(headers: dict[str, str], query: dict[str, Any]) -> bool:
    """Say whether a user or role has signed the request; other requests have another secret."""
    key = extract_access_key_id(headers, query)
    return bool(key) and not is_root(key)


_PATHS_UPSTREAM = "Gap: some paths are served without a check of permissions."
Handler = Callable[..., Awaitable[Response | None]]


@replaces(app, "_handle_pre_body_request", upstream=_PATHS_UPSTREAM)
async def pre_body_request(
    original: Handler, method: str, path: str, headers: dict[str, str], query: dict[str, Any],
    request_id: str,
) -> Response | None:  # fmt: skip
    """Do not serve users and roles on paths without permissions."""
    if _is_user_or_role(headers, query):
        return None
    if path == LEDGER_PATH:  # only root passes `authentication` with this path
        return json_response(LEDGER.content())
    return await original(method, path, headers, query, request_id)


@replaces(app, "_handle_post_body_shortcuts", upstream=_PATHS_UPSTREAM)
async def post_body_shortcuts(
    original: Handler, method: str, path: str, headers: dict[str, str], body: bytes,
    query: dict[str, Any], request_id: str,
) -> Response | None:  # fmt: skip
    """Do not serve users and roles on paths without permissions."""
    if _is_user_or_role(headers, query):
        return None
    if path == ALLOWED_PATH:
        return _is_allowed(**json.loads(body))
    return await original(method, path, headers, body, query, request_id)


def _is_allowed(*, access_key_id: str, action: str, resource: str) -> Response:
    """Judge a call that has no API here."""
    try:
        require(principal_of(access_key_id), Check(action=action, resource=resource))
    except (Refusal, NoSuchPrincipalError) as refusal:
        return json_response({"refused": str(refusal)})
    return json_response({"refused": ""})


@replaces(app, "_handle_special_data_plane_request", upstream=_PATHS_UPSTREAM)
async def data_plane_request(
    original: Handler, /, method: str, path: str, headers: dict[str, str], body: bytes,
    query: dict[str, Any], request_id: str, **more: Any,
) -> Response | None:  # fmt: skip
    """Do not serve users and roles on the data paths of services, which the judge does not know."""
    if _is_user_or_role(headers, query):
        return None
    return await original(method, path, headers, body, query, request_id, **more)


@replaces(app, "_dispatch_service_request", upstream=_PATHS_UPSTREAM)
async def dispatch(
    original: Handler, method: str, path: str, headers: dict[str, str], body: bytes,
    query: dict[str, Any], request_id: str,
) -> Response | None:  # fmt: skip
    """Withhold the answer to a user or role if nothing has judged the call."""
    for variable in (_call, _refusal):
        variable.set(None)
    _judged.set(False)
    _key.set(extract_access_key_id(headers, query))
    judging = _is_user_or_role(headers, query)
    _acting_service.set("" if judging else headers.get(SERVICE_HEADER.lower(), ""))
    # MiniStack serves the data of AppSync before it judges.
    graphql = judging and detect_service(method, path, headers, query) == "appsync"
    if not graphql:
        response = await original(method, path, headers, body, query, request_id)
        if not judging or _judged.get() or response is None or response[0] in _NEVER_JUDGED:
            return response
    message = f"{method} {path} is not judged here."
    withheld: Response = iam_actions.access_denied_response(
        "sts", "", "", request_id, error_code="AccessDenied", message=message, headers=headers
    )
    return withheld


# MiniStack answers a request without a known action like this before it judges.
_NEVER_JUDGED = (400, 404)
