"""Policies: what their statements say, and what they decide together about one request.

This module knows neither HTTP requests nor MiniStack: a `Request` is one action on one resource by
one caller. The rules are those of the IAM User Guide; each names its page.
tests/policy_questions.json has questions with their right answers.
"""

import fnmatch
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from functools import cache
from typing import Any, TypeAlias

Document: TypeAlias = str | Mapping[str, Any]


class PolicyError(ValueError):
    """A policy uses an element that the judge does not know; the message names it."""


@dataclass(frozen=True, kw_only=True)
class Caller:
    """The caller: ``arn`` of the user or session, and ``role``, the ARN of the session's role.

    A service of AWS has only ``service``.
    """

    account: str
    arn: str = ""
    role: str = ""
    service: str = ""


@dataclass(frozen=True, kw_only=True)
class Request:
    """One action on one resource; ``keys`` are its condition keys, in lower case."""

    caller: Caller
    action: str
    resource: str
    keys: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Statement:
    """A statement, with the name of its policy."""

    policy: str
    content: Mapping[str, Any]

    @property
    def allows(self) -> bool:
        return bool(self.content["Effect"] == "Allow")

    def values(self, element: str) -> list[str]:
        value = self.content.get(element, [])
        return [value] if isinstance(value, str) else list(value)

    def applies(self, request: Request) -> bool:
        """Say whether action, resource and conditions match the request."""
        return self.concerns(request) and self._conditions_hold(request)

    def concerns(self, request: Request) -> bool:
        """Say whether action and resource match the request, without regard to conditions."""
        return self.names_action(request.action) and self._names_resource(request)

    def granted_actions(self, action: str) -> list[str]:
        """Return the patterns in ``Action`` that match the action."""
        return [each for each in self.values("Action") if action_matches(each, action)]

    def condition_keys(self) -> Iterator[str]:
        for operands in self.content.get("Condition", {}).values():
            yield from (key.lower() for key in operands)

    def names_action(self, action: str) -> bool:
        """Say whether the statement is about an action, without regard to the resource."""
        if "NotAction" in self.content:
            return not any(action_matches(each, action) for each in self.values("NotAction"))
        return any(action_matches(each, action) for each in self.values("Action"))

    def _names_resource(self, request: Request) -> bool:
        element = "NotResource" if "NotResource" in self.content else "Resource"
        if element not in self.content:
            return True  # a trust policy has no Resource, since it belongs to its role
        patterns = [_plain(each) for each in self.values(element)]
        matches = any(resource_matches(each, request.resource) for each in patterns)
        return matches != (element == "NotResource")

    def _conditions_hold(self, request: Request) -> bool:
        return all(
            self._condition_holds(operator, key, operand, request)
            for operator, operands in self.content.get("Condition", {}).items()
            for key, operand in operands.items()
        )

    def _condition_holds(self, operator: str, key: str, operand: Any, request: Request) -> bool:
        operands = operand if isinstance(operand, list) else [operand]
        texts = [
            str(each).lower() if isinstance(each, bool) else _plain(str(each)) for each in operands
        ]
        return _holds(operator, request.keys.get(key.lower()), texts)


def _plain(text: str) -> str:
    """Return a text without policy variables; ``PolicyError`` if it has one.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html
    """
    if "${" in text:
        raise PolicyError(f"policy variables are not judged here: {text}")
    return text


def statements(document: Document, *, policy: str) -> list[Statement]:
    """Return the statements of a policy document."""
    content = json.loads(document) if isinstance(document, str) else document
    found = content.get("Statement", [])
    listed = [found] if isinstance(found, Mapping) else found
    return [Statement(policy=policy, content=each) for each in listed]


# --- Patterns.


def action_matches(pattern: str, action: str) -> bool:
    """Match an action; upper and lower case are the same."""
    return _anywhere(pattern.lower()).match(action.lower()) is not None


def resource_matches(pattern: str, resource: str) -> bool:
    """Match the six parts of an ARN; only a `*` at the end of a part matches colons.

    The last part, the resource, may contain colons.
    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_resource.html
    """
    return _by_part(pattern).match(resource) is not None


def arn_matches(pattern: str, arn: str) -> bool:
    """Match each of the six parts of an ARN separately, as the Arn operators do.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
    """
    patterns, parts = pattern.split(":", _LAST_PART), arn.split(":", _LAST_PART)
    return len(patterns) == len(parts) and all(
        _anywhere(each).match(part) is not None for each, part in zip(patterns, parts, strict=True)
    )


_LAST_PART = 5


@cache
def _anywhere(pattern: str) -> re.Pattern[str]:
    return re.compile(_regex(pattern, many=".*", one=".") + r"\Z", re.DOTALL)


@cache
def _by_part(pattern: str) -> re.Pattern[str]:
    parts = pattern.split(":", _LAST_PART)
    regexes = [_part_regex(part, last=place == _LAST_PART) for place, part in enumerate(parts)]
    return re.compile(":".join(regexes) + r"\Z", re.DOTALL)


def _part_regex(part: str, *, last: bool) -> str:
    if last:
        return _regex(part, many=".*", one=".")
    start, end = (part[:-1], ".*") if part.endswith("*") else (part, "")
    return _regex(start, many="[^:]*", one="[^:]") + end


def _regex(pattern: str, *, many: str, one: str) -> str:
    wildcards = {"*": many, "?": one}
    return "".join(wildcards.get(character) or re.escape(character) for character in pattern)


# --- Conditions.
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html


def _like(value: str, operand: str) -> bool:
    return _anywhere(operand).match(value) is not None


def _less(value: str, operand: str) -> bool:
    try:
        return float(value) < float(operand)
    except ValueError:
        return False


_TESTS: dict[str, Callable[[str, str], bool]] = {
    "StringEquals": lambda value, operand: value == operand,
    "StringLike": _like,
    "Bool": lambda value, operand: value.lower() == operand.lower(),
    # IAM treats both alike; both match wildcards.
    "ArnEquals": lambda value, operand: arn_matches(operand, value),
    "ArnLike": lambda value, operand: arn_matches(operand, value),
    "NumericLessThan": _less,
}
_NEGATIONS = {
    "StringNotEquals": "StringEquals",
    "StringNotLike": "StringLike",
    "ArnNotEquals": "ArnEquals",
    "ArnNotLike": "ArnLike",
}


def _holds(operator: str, value: Any, operands: Sequence[str]) -> bool:
    """Compare the value of a condition key, None without one, with the values in a policy."""
    if operator == "Null":  # tests whether there is a value
        return any((value is None) == (operand.lower() == "true") for operand in operands)
    negated = operator in _NEGATIONS
    test = _TESTS.get(_NEGATIONS.get(operator, operator))
    if test is None:
        raise PolicyError(f"the condition operator {operator} is not judged here")
    if isinstance(value, (list, tuple)):
        raise PolicyError(f"{operator} is not judged here for a key with several values")
    if value is None:
        return negated
    return any(test(str(value), operand) for operand in operands) != negated


# --- Principals in resource policies and trust policies.


class Named(IntEnum):
    """How a statement of a resource policy names the caller; later ones are stronger."""

    NOT = 0
    BY_ACCOUNT = 1
    """By its account: the caller also needs a policy of its own."""
    BY_ROLE = 2
    """By its role or `*`: a permissions boundary still limits the caller."""
    DIRECTLY = 3
    """By the ARN of the user or session: only a Deny of another policy limits the caller."""


def named(statement: Statement, caller: Caller) -> Named:
    """Say how a statement names the caller; ``PolicyError`` if it names whom it excludes.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html
    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_notprincipal.html
    """
    if "NotPrincipal" in statement.content:
        raise PolicyError("NotPrincipal is not judged here; AWS advises against it")
    principal = statement.content.get("Principal", {})
    if principal == "*":
        return Named.BY_ROLE
    if caller.service:
        services = [service.lower() for service in _listed(principal, "Service")]
        return Named.DIRECTLY if caller.service.lower() in services else Named.NOT
    listed = _listed(principal, "AWS")
    if caller.arn in listed:
        return Named.DIRECTLY
    if "*" in listed or caller.role in listed:
        return Named.BY_ROLE
    return Named.BY_ACCOUNT if _accounts(listed, caller) else Named.NOT


def _listed(principal: Any, kind: str) -> list[str]:
    value = principal.get(kind, []) if isinstance(principal, Mapping) else []
    return [value] if isinstance(value, str) else list(value)


def _accounts(listed: Iterable[str], caller: Caller) -> bool:
    return any(
        name == caller.account or fnmatch.fnmatchcase(name, f"arn:aws*:iam::{caller.account}:root")
        for name in listed
    )


# --- The decision of all policies.


@dataclass(frozen=True, kw_only=True)
class Policies:
    """The policies that decide about a request.

    ``boundary`` is None if the caller has none; an empty one allows nothing. ``resource`` is the
    resource policy. With ``decisive`` nothing is allowed without it, as with the trust policy of a
    role or the policy of a KMS key.
    """

    identity: Sequence[Statement] = ()
    boundary: Sequence[Statement] | None = None
    resource: Sequence[Statement] = ()
    decisive: bool = False


@dataclass(frozen=True, kw_only=True)
class Decision:
    """``allowed_by`` has every statement that allows the request, of any policy."""

    allowed: bool
    reason: str
    allowed_by: tuple[Statement, ...] = ()


def decide(request: Request, policies: Policies) -> Decision:
    """Decide about a request within one account.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic_policy-eval-basics.html
    """
    of_resource = [
        (statement, how)
        for statement in policies.resource
        if (how := named(statement, request.caller)) is not Named.NOT and statement.applies(request)
    ]
    layers = {
        "an identity-based policy": policies.identity,
        "a permissions boundary": policies.boundary or (),
        "a resource-based policy": [statement for statement, _ in of_resource],
    }
    for layer, its_statements in layers.items():
        for statement in its_statements:
            if not statement.allows and statement.applies(request):
                return Decision(allowed=False, reason=f"with an explicit deny in {layer}")
    allowed_by = tuple(_allowing(policies.identity, request))
    how = max((how for each, how in of_resource if each.allows), default=Named.NOT)
    if reason := _obstacle(request, policies, how, own=bool(allowed_by)):
        return Decision(allowed=False, reason=reason)
    # A statement that names only the account allows nothing without an identity-based policy.
    enough = (Named.BY_ROLE, Named.DIRECTLY)
    by_resource = (each for each, how in of_resource if each.allows and how in enough)
    return Decision(allowed=True, reason="", allowed_by=(*allowed_by, *by_resource))


def _obstacle(request: Request, policies: Policies, how: Named, *, own: bool) -> str:
    """Return why a request that nothing denies is not allowed; empty if it is allowed."""
    action = request.action
    if how is Named.DIRECTLY:
        return ""
    if policies.decisive and how is Named.NOT:
        return f"because no resource-based policy allows the {action} action"
    if not own and how is not Named.BY_ROLE:
        return f"because no identity-based policy allows the {action} action"
    if policies.boundary is not None and not any(_allowing(policies.boundary, request)):
        return f"because no permissions boundary allows the {action} action"
    return ""


def _allowing(layer: Sequence[Statement], request: Request) -> Iterator[Statement]:
    return (statement for statement in layer if statement.allows and statement.applies(request))
