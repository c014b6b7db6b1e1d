"""Policies: what their statements say, and what they decide together about one request.

This module knows neither HTTP requests nor MiniStack: a `Request` is one action on one resource by
one caller. The rules are those of the IAM User Guide; each names its page.
tests/policy_questions.json has questions with their right answers.
"""

import fnmatch
import ipaddress
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import Enum
from functools import cache
from typing import Any, Self, TypeAlias

Document: TypeAlias = str | Mapping[str, Any]
_VARIABLES_SINCE = "2012-10-17"


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
    """A statement, with the name of its policy and its index in it."""

    policy: str
    index: int
    version: str
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
        patterns = [self._filled(each, request) for each in self.values(element)]
        # With a variable without a value the whole statement does not apply.
        if element == "NotResource" and None in patterns:
            return False
        matches = any(each and resource_matches(each, request.resource) for each in patterns)
        return matches != (element == "NotResource")

    def _conditions_hold(self, request: Request) -> bool:
        return all(
            self._condition_holds(operator, key, operand, request)
            for operator, operands in self.content.get("Condition", {}).items()
            for key, operand in operands.items()
        )

    def _condition_holds(self, operator: str, key: str, operand: Any, request: Request) -> bool:
        operands = operand if isinstance(operand, list) else [operand]
        texts = [str(each).lower() if isinstance(each, bool) else str(each) for each in operands]
        if operator.startswith(_WITH_VARIABLES):
            # A text with a variable without a value matches nothing, so leave it out.
            filled = (self._filled(text, request) for text in texts)
            texts = [text for text in filled if text is not None]
        return _Condition.of(operator).holds(request.keys.get(key.lower()), texts)

    def _filled(self, text: str, request: Request) -> str | None:
        """Replace policy variables by their values; None if one has no single value.

        A `*` in the value of a variable is no wildcard.
        https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html
        """
        if "${" not in text or self.version != _VARIABLES_SINCE:
            return text
        missing = False

        def value(match: re.Match[str]) -> str:
            nonlocal missing
            name, default = match["name"].strip(), match["default"]
            if name in _SPECIAL:
                return _literal(name)
            found = request.keys.get(name.lower())
            if isinstance(found, str):
                return _literal(found)
            if default is None:
                missing = True
                return ""
            return _literal(default)

        filled = _VARIABLE.sub(value, text)
        return None if missing else filled


_SPECIAL = ("*", "?", "$")
_VARIABLE = re.compile(r"\$\{(?P<name>[^},']+)(?:,\s*'(?P<default>[^']*)'\s*)?\}")
_WITH_VARIABLES = ("String", "Arn", "ForAllValues:String", "ForAllValues:Arn", "ForAnyValue:String",
                   "ForAnyValue:Arn")  # fmt: skip
# Stand for the characters `*` and `?` of a variable's value, until a pattern is compiled.
_LITERALS = {"*": "\ue000", "?": "\ue001"}
_BACK = str.maketrans({literal: character for character, literal in _LITERALS.items()})
_AWAY = str.maketrans(_LITERALS)


def _literal(text: str) -> str:
    return text.translate(_AWAY)


def statements(document: Document, *, policy: str) -> list[Statement]:
    """Return the statements of a policy document."""
    content = json.loads(document) if isinstance(document, str) else document
    found = content.get("Statement", [])
    return [
        Statement(
            policy=policy, index=index, version=content.get("Version", "2008-10-17"), content=each
        )
        for index, each in enumerate([found] if isinstance(found, Mapping) else found)
    ]


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
    return "".join(
        wildcards.get(character) or re.escape(character.translate(_BACK)) for character in pattern
    )


# --- Conditions.
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-single-vs-multi-valued-context-keys.html


def _text(value: str, operand: str) -> bool:
    return value == operand.translate(_BACK)


def _text_in_any_case(value: str, operand: str) -> bool:
    return value.lower() == operand.translate(_BACK).lower()


def _like(value: str, operand: str) -> bool:
    return _anywhere(operand).match(value) is not None


def _number(compare: Callable[[float, float], bool]) -> Callable[[str, str], bool]:
    def test(value: str, operand: str) -> bool:
        try:
            return compare(float(value), float(operand))
        except ValueError:
            return False

    return test


def _date(compare: Callable[[float, float], bool]) -> Callable[[str, str], bool]:
    def test(value: str, operand: str) -> bool:
        first, second = _moment(value), _moment(operand)
        return first is not None and second is not None and compare(first, second)

    return test


def _moment(text: str) -> float | None:
    """Return the seconds since 1970 of an ISO 8601 date or of a number."""
    try:
        return float(text)
    except ValueError:
        pass
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _address(value: str, operand: str) -> bool:
    try:
        return ipaddress.ip_address(value) in ipaddress.ip_network(operand, strict=False)
    except ValueError:
        return False


_COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    "Equals": lambda value, operand: value == operand,
    "LessThan": lambda value, operand: value < operand,
    "LessThanEquals": lambda value, operand: value <= operand,
    "GreaterThan": lambda value, operand: value > operand,
    "GreaterThanEquals": lambda value, operand: value >= operand,
}
_TESTS: dict[str, Callable[[str, str], bool]] = {
    "StringEquals": _text,
    "StringEqualsIgnoreCase": _text_in_any_case,
    "StringLike": _like,
    "BinaryEquals": _text,
    "Bool": _text_in_any_case,
    "IpAddress": _address,
    # IAM treats both alike; both match wildcards.
    "ArnEquals": lambda value, operand: arn_matches(operand, value),
    "ArnLike": lambda value, operand: arn_matches(operand, value),
    **{f"Numeric{name}": _number(compare) for name, compare in _COMPARISONS.items()},
    **{f"Date{name}": _date(compare) for name, compare in _COMPARISONS.items()},
}
_NEGATIONS = {
    "StringNotEquals": "StringEquals",
    "StringNotEqualsIgnoreCase": "StringEqualsIgnoreCase",
    "StringNotLike": "StringLike",
    "NotIpAddress": "IpAddress",
    "ArnNotEquals": "ArnEquals",
    "ArnNotLike": "ArnLike",
    "NumericNotEquals": "NumericEquals",
    "DateNotEquals": "DateEquals",
}


@dataclass(frozen=True, kw_only=True)
class _Condition:
    """A condition operator: its test, its negation, its quantifier and IfExists."""

    test: Callable[[str, str], bool] | None
    """None for the operator Null, which tests whether the key exists."""
    negated: bool
    quantifier: str
    if_exists: bool

    @classmethod
    @cache
    def of(cls, operator: str) -> Self:
        quantifier, _, rest = operator.rpartition(":")
        name = rest.removesuffix("IfExists")
        if quantifier not in ("", "ForAllValues", "ForAnyValue") or (
            name not in _TESTS and name not in _NEGATIONS and name != "Null"
        ):
            raise PolicyError(f"no such condition operator: {operator}")
        return cls(
            test=None if name == "Null" else _TESTS[_NEGATIONS.get(name, name)],
            negated=name in _NEGATIONS,
            quantifier=quantifier,
            if_exists=rest != name,
        )

    def holds(self, value: Any, operands: Sequence[str]) -> bool:
        if self.test is None:
            return any((value is None) == (operand.lower() == "true") for operand in operands)
        if value is None:
            alone = self.negated and not self.quantifier
            return self.if_exists or self.quantifier == "ForAllValues" or alone
        values = [str(each) for each in value] if isinstance(value, (list, tuple)) else [str(value)]
        combine = all if self.quantifier == "ForAllValues" else any
        return combine(self._one_holds(each, operands) for each in values)

    def _one_holds(self, value: str, operands: Sequence[str]) -> bool:
        if self.test is None:
            return False
        return any(self.test(value, operand) for operand in operands) != self.negated


# --- Principals in resource policies and trust policies.


class Named(Enum):
    """How a statement of a resource policy names the caller."""

    NOT = 0
    BY_ACCOUNT = 1
    """By its account: the caller also needs a policy of its own."""
    BY_ROLE = 2
    """By its role or `*`: a permissions boundary and a session policy still limit the caller."""
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

    ``boundary`` and ``session`` are None if the caller has none; an empty one allows nothing.
    ``resource`` is the resource policy. With ``decisive`` nothing is allowed without it, as with
    the trust policy of a role or the policy of a KMS key.
    """

    identity: Sequence[Statement] = ()
    boundary: Sequence[Statement] | None = None
    session: Sequence[Statement] | None = None
    resource: Sequence[Statement] = ()
    decisive: bool = False


@dataclass(frozen=True, kw_only=True)
class Decision:
    """``allowed_by`` has every statement that allows the request, of any policy."""

    allowed: bool
    reason: str
    allowed_by: tuple[Statement, ...] = ()
    denied_by: Statement | None = None


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
        "a session policy": policies.session or (),
        "a resource-based policy": [statement for statement, _ in of_resource],
    }
    for layer, its_statements in layers.items():
        for statement in its_statements:
            if not statement.allows and statement.applies(request):
                return Decision(
                    allowed=False, reason=f"with an explicit deny in {layer}", denied_by=statement
                )
    allowed_by = tuple(_allowing(policies.identity, request))
    how = max((how for each, how in of_resource if each.allows), key=_strength, default=Named.NOT)
    if reason := _obstacle(request, policies, how, own=bool(allowed_by)):
        return Decision(allowed=False, reason=reason)
    # A statement that names only the account allows nothing without an identity-based policy.
    enough = (Named.BY_ROLE, Named.DIRECTLY)
    by_resource = (each for each, how in of_resource if each.allows and how in enough)
    return Decision(allowed=True, reason="", allowed_by=(*allowed_by, *by_resource))


def _strength(how: Named) -> int:
    return int(how.value)


def _obstacle(request: Request, policies: Policies, how: Named, *, own: bool) -> str:
    """Return why a request that nothing denies is not allowed; empty if it is allowed."""
    action = request.action
    if how is Named.DIRECTLY:
        return ""
    if policies.decisive and how is Named.NOT:
        return f"because no resource-based policy allows the {action} action"
    if not own and how is not Named.BY_ROLE:
        return f"because no identity-based policy allows the {action} action"
    for layer, limits in (
        ("permissions boundary", policies.boundary),
        ("session policy", policies.session),
    ):
        if limits is not None and not any(_allowing(limits, request)):
            return f"because no {layer} allows the {action} action"
    return ""


def _allowing(layer: Sequence[Statement], request: Request) -> Iterator[Statement]:
    return (statement for statement in layer if statement.allows and statement.applies(request))
