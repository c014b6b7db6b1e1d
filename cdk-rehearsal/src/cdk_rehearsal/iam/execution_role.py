"""Judges what CloudFormation does to a resource with its execution role.

CloudFormation's handlers call the APIs of the services as the role. Here the resource is made in
another way, so each permission of the handler (`handlers`) is required before.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from ministack.services import iam

from cdk_rehearsal.iam.authorization import knows_tags
from cdk_rehearsal.iam.calls import ROLE, Check
from cdk_rehearsal.iam.demands import DEMANDS
from cdk_rehearsal.iam.generated_names import GeneratedNames
from cdk_rehearsal.iam.handled_resources import Need, Subject, needs_of, own_type, prefix_of
from cdk_rehearsal.iam.handlers import CUSTOM, permissions, schema_of, table
from cdk_rehearsal.iam.judge import Refusal, require
from cdk_rehearsal.iam.policies import statements
from cdk_rehearsal.iam.principals import statements_of_managed
from cdk_rehearsal.iam.service_roles import CannotAssumeError, as_service
from cdk_rehearsal.iam.template_needs import needs_of_template
from cdk_rehearsal.iam.values import texts

_SERVICE, _SESSION = "cloudformation.amazonaws.com", "AWSCloudFormation"
GENERATED = GeneratedNames()

_OF_BOUNDED_ROLES = frozenset(
    {
        "iam:AttachRolePolicy",
        "iam:CreateRole",
        "iam:DeleteRolePolicy",
        "iam:DetachRolePolicy",
        "iam:PutRolePermissionsBoundary",
        "iam:PutRolePolicy",
    }
)
"""The actions that have the key iam:PermissionsBoundary."""


class NotAuthorizedError(ValueError):
    """The execution role lacks permissions; the message is that of CloudFormation."""


def require_for(role: str, subject: Subject, operation: str) -> None:
    """Raise ``NotAuthorizedError`` unless the role may do the operation to the resource.

    All missing permissions are recorded in the ledger; the message has CloudFormation's words for
    the first, and names the others.
    """
    needs = _needs(subject, operation)
    DEMANDS.add(role, subject, operation, needs)
    try:
        principal = as_service(role, _SERVICE, _SESSION)
    except CannotAssumeError as error:
        raise NotAuthorizedError(f"Role {role} is invalid or cannot be assumed: {error}") from error
    refused: dict[str, Refusal] = {}
    for need in needs:
        try:
            require(principal, Check(action=need.action, resource=need.resource, keys=_keys(need)))
        except Refusal as refusal:
            refused[f"{need.action} on {need.resource}"] = refusal
    if refused:
        first, *others = refused
        also = f". Also missing: {'; '.join(others)}" if others else ""
        raise NotAuthorizedError(
            f'Resource handler returned message: "{refused[first]}"'
            f" (HandlerErrorCode: AccessDenied){also}"
        )


def foresee_update(role: str, subject: Subject) -> None:
    """Record what an update of a resource would need, since any property may be changed later."""
    DEMANDS.add(role, subject, "update", _needs(subject, "update"))


def learn(subject: Subject, physical_id: str, attributes: Mapping[str, Any]) -> None:
    """Remember which names of a new resource were generated, and what its policies grant."""
    GENERATED.add(subject.stack, subject.properties, physical_id, attributes, subject.logical_id)
    DEMANDS.grant(subject.stack, _granted(subject))


def _needs(subject: Subject, operation: str) -> list[Need]:
    found = permissions(subject.kind, operation, subject.properties, region=subject.region)
    for doubt in found.doubts:
        DEMANDS.doubt(f"{subject.kind}: its schema names what does not exist", doubt)
    if not found.is_described:
        DEMANDS.doubt("nobody says what the handlers need, so nothing is judged", subject.kind)
    needs = [need for action in found.actions for need in _of_action(action, subject, operation)]
    more = needs_of_template(subject, GENERATED) if operation != "delete" else ()
    return [*needs, *_passed(subject, operation), *more]


def _of_action(action: str, subject: Subject, operation: str) -> Iterable[Need]:
    if action == "iam:PassRole":
        return ()  # `_passed` knows the roles; a read or a deletion hands none over
    if action == "iam:GetRole" and not subject.kind.startswith("AWS::IAM::"):
        roles = _roles(subject) if operation != "delete" else []
        return [Need(action, role, GENERATED.pattern(role)) for role in roles]
    if action == "iam:CreateServiceLinkedRole":
        return [_linked_role(subject)]
    needs = [_of_existing_role(each) for each in needs_of(action, subject, GENERATED)]
    if action in ("iam:AttachRolePolicy", "iam:DetachRolePolicy"):
        needs = list(_of_managed_policies(needs, subject))
    if action in _OF_BOUNDED_ROLES:
        return [_with_boundary(need, subject) for need in needs]
    if operation == "delete" and _REMOVES.search(action):
        return [_of_stack(need, subject) for need in needs]
    return needs


_REMOVES = re.compile(r":(Delete|Release|Schedule)")
_STACK_TAG = "aws:ResourceTag/aws:cloudformation:stack-name"


def _of_stack(need: Need, subject: Subject) -> Need:
    """Limit the deletion of a resource with a generated id to those that have the stack's tag.

    CloudFormation sets it at the creation if the schema of the type says so.
    https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-properties-resource-tags.html
    """
    tagging = (schema_of(subject.kind, subject.region) or {}).get("tagging", {})
    own, _ = own_type(subject)
    if not need.pattern.endswith("/*") or need.pattern != f"{prefix_of(own, subject)}*":
        return need
    if not tagging.get("cloudFormationSystemTags") or not knows_tags(own):
        return need
    return need.under(_STACK_TAG, subject.stack)


def _of_existing_role(need: Need) -> Need:
    """Return a need on a role with the ARN of the role, since only that has its path."""
    role = iam._roles.get(need.resource.rpartition("/")[2]) if ":role/" in need.resource else None
    if role is None or role["Arn"] == need.resource:
        return need
    return replace(need, resource=role["Arn"], pattern=GENERATED.pattern(role["Arn"]))


def _with_boundary(need: Need, subject: Subject) -> Need:
    role = iam._roles.get(need.resource.rpartition("/")[2]) or {}
    boundary = subject.text("PermissionsBoundary") or role.get("PermissionsBoundary")
    return need.under("iam:PermissionsBoundary", str(boundary)) if boundary else need


def _of_managed_policies(needs: list[Need], subject: Subject) -> Iterator[Need]:
    policies = subject.properties.get("ManagedPolicyArns") or [subject.physical_id or "*"]
    for need in needs:
        for arn in policies:
            yield need if arn == "*" else need.under("iam:PolicyARN", GENERATED.pattern(str(arn)))


def _linked_role(subject: Subject) -> Need:
    """Return the permission to make the role of a service, which most accounts have already."""
    known = table()["linked_roles"].get(subject.kind, "")
    name = known.replace("{ServiceNamespace}", subject.text("ServiceNamespace"))
    service = f"{name}.amazonaws.com" if name else "*"
    arn = f"arn:aws:iam::{subject.account}:role/aws-service-role/{service}/*"
    keys = {"iam:AWSServiceName": service} if name else {}
    return Need("iam:CreateServiceLinkedRole", arn, arn, keys)


def _passed(subject: Subject, operation: str) -> Iterator[Need]:
    """Yield the permission to hand over each role in the properties to the service of the type.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_passrole.html
    """
    roles = _roles(subject) if operation != "delete" else []
    service = next(
        (to for kind, to in table()["passed_to"].items() if subject.kind.startswith(kind)), ""
    )
    if roles and not service:
        DEMANDS.doubt("to which service the type hands a role is not known", subject.kind)
    keys = {"iam:PassedToService": f"{service}.amazonaws.com"} if service else {}
    for role in roles:
        yield Need("iam:PassRole", role, GENERATED.pattern(role), keys)


def _roles(subject: Subject) -> list[str]:
    """Return the roles that the properties hand over to a service."""
    if subject.kind.startswith((*CUSTOM, "AWS::IAM::", "AWS::CloudFormation::")):
        return []
    found = texts(subject.properties, skipped=_MENTIONS)
    return list(dict.fromkeys(text for _, text in found if ROLE.fullmatch(text)))


# Texts of these properties only mention roles.
_MENTIONS = re.compile(r".*Policy(Document|Text)?|Environment|EnvironmentVariables|Tags")


def _keys(need: Need) -> dict[str, Any]:
    """Return the condition keys of a need as IAM compares them."""
    keys: dict[str, Any] = {name.lower(): value for name, value in need.keys.items()}
    if need.action in _OF_BOUNDED_ROLES:
        keys.setdefault("iam:permissionsboundary", None)
    return keys


def _granted(subject: Subject) -> Iterator[str]:
    """Yield the actions that a role or policy of the app allows."""
    if not subject.kind.startswith("AWS::IAM::"):
        return
    documents = [subject.properties.get("PolicyDocument")]
    documents += [each.get("PolicyDocument") for each in subject.properties.get("Policies", [])]
    found = [each for doc in documents if doc for each in statements(doc, policy="")]
    for arn in subject.properties.get("ManagedPolicyArns", []):
        try:
            found += statements_of_managed(arn)
        except LookupError:
            continue  # a policy of the same stack, which is seen by itself
    for statement in found:
        if statement.allows:
            yield from statement.values("Action")
