"""The principal of a call, and its policies as IAM has them at the moment of the call."""

import importlib
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any

from ministack.core import iam_evaluator
from ministack.core.responses import get_account_id
from ministack.services import iam, sts

from cdk_rehearsal.iam.policies import Caller, Policies, Statement, statements
from cdk_rehearsal.ministack.replacements import replaces

_MANAGED_BY_AWS = re.compile(r"arn:aws[a-z-]*:iam::aws:policy/(?:[\w-]+/)*(?P<name>[\w-]+)$")
# Services whose resources allow nothing without their policy.
_DECISIVE = ("kms",)
ASSUMING = ("sts:AssumeRole", "sts:TagSession")
"""The actions on a role for which its trust policy is the resource policy."""


@dataclass(frozen=True, kw_only=True)
class Principal:
    """A caller with its condition keys and policies; ``name`` is that of the user or role."""

    caller: Caller
    name: str
    keys: Mapping[str, Any]
    own: Policies
    """Those of the user or role, without that of a resource."""


class NoSuchPrincipalError(LookupError):
    """The user or role of the credentials does not exist any more."""


def principal_of(access_key_id: str) -> Principal:
    """Return the principal of an access key; root has no policies, and is an error."""
    credential = iam_evaluator.resolve_credential(access_key_id, get_account_id())
    if isinstance(credential, iam_evaluator.CredentialResolutionError):
        raise NoSuchPrincipalError(credential.message)
    if sts._sessions.get(access_key_id, {}).get("SessionPolicies") is not None:
        raise NoSuchPrincipalError("the local AWS does not judge session policies")
    keys = {key.lower(): value for key, value in iam_evaluator._principal_keys(credential).items()}
    arn = credential.principal_arn
    if credential.principal_type == "AssumedRole":
        role = _existing(iam._roles.get(arn.split("/")[1]), arn)
        caller = Caller(account=credential.account_id, arn=arn, role=role["Arn"])
        return principal_of_role(role, caller, keys)
    if credential.principal_type != "User":
        raise NoSuchPrincipalError(f"the local AWS does not judge {credential.principal_type}")
    name = credential.principal_name
    user = _existing(iam._users.get(name), arn)
    if any(name in group.get("Users", []) for group in iam._groups.values()):
        raise NoSuchPrincipalError("the local AWS does not judge the policies of groups")
    return Principal(
        caller=Caller(account=credential.account_id, arn=arn),
        name=name,
        keys={**keys, "aws:principalarn": user["Arn"], "aws:principaltype": "User"},
        own=_policies(user, iam._user_inline_policies.get(name)),
    )


def _existing(entity: Mapping[str, Any] | None, arn: str) -> Mapping[str, Any]:
    if entity is None:
        raise NoSuchPrincipalError(f"{arn} does not exist any more")
    return entity


def principal_of_role(
    role: Mapping[str, Any], caller: Caller, keys: Mapping[str, Any] | None = None
) -> Principal:
    """Return the principal of a session; one in which a service acts has no keys of its own."""
    # The key aws:PrincipalArn of a session is the ARN of its role.
    of_role = {"aws:principalarn": role["Arn"], "aws:principaltype": "AssumedRole"}
    own = _policies(role, role.get("InlinePolicies"))
    return Principal(
        caller=caller, name=role["RoleName"], keys={**(keys or {}), **of_role}, own=own
    )


def _policies(entity: Mapping[str, Any], inline: Mapping[str, Any] | None) -> Policies:
    """Return the policies of a user or role, with its boundary."""
    identity = [
        each
        for policy, document in (inline or {}).items()
        for each in statements(document, policy=policy)
    ]
    for arn in entity.get("AttachedPolicies", []):
        identity += statements_of_managed(arn)
    boundary = entity.get("PermissionsBoundary")
    limits = list(statements_of_managed(boundary)) if boundary else None
    return Policies(identity=identity, boundary=limits)


def statements_of_managed(arn: str) -> Iterator[Statement]:
    """Yield the statements of a managed policy; ``NoSuchPrincipalError`` if there is none."""
    document = _document(arn)
    if document is None:
        raise NoSuchPrincipalError(f"the local AWS has no policy {arn}")
    yield from statements(document, policy=arn.rpartition("/")[2])


def _document(arn: str) -> Any:
    if aws := _MANAGED_BY_AWS.match(arn):
        return _managed_by_aws().get(aws["name"], {}).get("Document")
    return iam_evaluator._resolve_managed_policy_document(arn, get_account_id())


@cache
def _managed_by_aws() -> dict[str, Any]:
    """Return all policies that AWS publishes; moto contains a copy."""
    module = importlib.import_module("moto.iam.aws_managed_policies")
    policies: dict[str, Any] = json.loads(module.aws_managed_policies_data)
    return policies


@replaces(iam, "_lookup_policy")
def lookup_policy(original: Callable[[str], Any], arn: str) -> Any:
    """Find the policies that AWS publishes also in moto's copy, for the calls that read them."""
    found = original(arn)
    if found is None and _MANAGED_BY_AWS.match(arn) and (document := _document(arn)):
        name = arn.partition(":policy/")[2]
        found = iam._make_aws_managed_record(name, json.dumps(document))
    return found


# --- Policies of resources and of roles.


def policy_of_resource(action: str, arn: str) -> tuple[tuple[Statement, ...], bool]:
    """Return the policy of a resource, and whether nothing is allowed without it."""
    if action in ASSUMING:
        role = iam._roles.get(arn.rpartition("/")[2])
        trust = role["AssumeRolePolicyDocument"] if role and role["Arn"] == arn else ""
        return tuple(statements(trust, policy="trust policy")) if trust else (), True
    service = action.partition(":")[0]
    found = iam_evaluator._resource_policy(service, arn)
    document = found[0] if found else None
    owner = arn.partition("/")[0] if service == "s3" else arn
    own = tuple(statements(document, policy=f"policy of {owner}")) if document else ()
    return own, bool(found) and service in _DECISIVE


def keys_of_now() -> dict[str, Any]:
    """Return the condition keys that every request has."""
    address, secure = iam_evaluator._request_origin.get()
    now = datetime.now(UTC)
    return {
        "aws:currenttime": now.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "aws:epochtime": str(int(now.timestamp())),
        "aws:sourceip": address,
        "aws:securetransport": str(secure).lower(),
        # The server accepts no lower version.
        "s3:tlsversion": "1.2",
    }
