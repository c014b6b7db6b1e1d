"""Random questions that both evaluators understand, and where their answers are known to differ."""

import random
import re
from dataclasses import dataclass
from typing import Any

from tools.local_aws.iam.policies import Caller, Policies, Request, decide, statements

ACCOUNT = "111122223333"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/builder"
SESSION = f"arn:aws:sts::{ACCOUNT}:assumed-role/builder/one"
USER = f"arn:aws:iam::{ACCOUNT}:user/alice"
_ECS = f"arn:aws:ecs:eu-west-1:{ACCOUNT}"
_LOGS = f"arn:aws:logs:eu-west-1:{ACCOUNT}:log-group"

# An action with resources that it is authorised on, and the condition keys that it has.
_ACTIONS = {
    "s3:GetObject": ("arn:aws:s3:::alice-data/a/b.txt", "arn:aws:s3:::data/x:y"),
    "s3:ListBucket": ("arn:aws:s3:::alice-data",),
    "ecs:UpdateService": (f"{_ECS}:service/main/backend", f"{_ECS}:service/main/front"),
    "logs:PutLogEvents": (f"{_LOGS}:/builds/one:log-stream:1", f"{_LOGS}:two:log-stream:x:y"),
    "ecr:PutImage": (f"arn:aws:ecr:eu-west-1:{ACCOUNT}:repository/backend",),
    "iam:PassRole": (f"arn:aws:iam::{ACCOUNT}:role/task",),
    "kms:Decrypt": (f"arn:aws:kms:eu-west-1:{ACCOUNT}:key/1234abcd",),
    "sts:AssumeRole": (f"arn:aws:iam::{ACCOUNT}:role/target",),
    "sns:Publish": (f"arn:aws:sns:eu-west-1:{ACCOUNT}:alarms",),
}
_OWN_KEYS: dict[str, dict[str, tuple[str, ...]]] = {
    "s3:ListBucket": {"s3:prefix": ("a/", "b/", "")},
    "ecs:UpdateService": {"ecs:cluster": (f"{_ECS}:cluster/main", f"{_ECS}:cluster/other")},
    "iam:PassRole": {"iam:PassedToService": ("ecs-tasks.amazonaws.com", "lambda.amazonaws.com")},
    "sts:AssumeRole": {"sts:ExternalId": ("secret", "other")},
    "kms:Decrypt": {"kms:ViaService": ("s3.eu-west-1.amazonaws.com",)},
}
_GLOBAL_KEYS: dict[str, tuple[Any, ...]] = {
    "aws:SourceIp": ("10.0.0.7", "192.0.2.1"),
    "aws:SecureTransport": ("true", "false"),
    "aws:CurrentTime": ("2026-11-27T12:00:00Z",),
    "aws:PrincipalAccount": (ACCOUNT,),
    "aws:PrincipalTag/team": ("a", "b"),
    "aws:RequestedRegion": ("eu-west-1", "us-east-1"),
    "aws:MultiFactorAuthAge": ("100", "5000"),
    "aws:TagKeys": (["env"], ["env", "team"], ["other"]),
    "aws:SourceArn": (f"{_ECS}:service/main/backend", f"{_LOGS}:two:log-stream:x:y"),
}
# Operators and the keys whose type they take.
_OPERATORS = {
    "aws:SourceIp": ("IpAddress", "NotIpAddress"),
    "aws:SecureTransport": ("Bool",),
    "aws:CurrentTime": ("DateGreaterThan", "DateLessThan", "DateEquals", "DateNotEquals"),
    "aws:MultiFactorAuthAge": ("NumericLessThan", "NumericGreaterThanEquals", "NumericNotEquals"),
    "aws:TagKeys": (
        "ForAllValues:StringEquals",
        "ForAnyValue:StringEquals",
        "ForAnyValue:StringLike",
        "ForAllValues:StringNotEquals",
        "ForAnyValue:StringNotEquals",
    ),
    "aws:SourceArn": ("ArnLike", "ArnEquals", "ArnNotLike", "ArnNotEquals"),
    "ecs:cluster": ("ArnEquals", "ArnLike", "ArnNotEquals"),
}
_TEXT = (
    "StringEquals",
    "StringNotEquals",
    "StringLike",
    "StringNotLike",
    "StringEqualsIgnoreCase",
    "StringNotEqualsIgnoreCase",
)
_OPERANDS = {
    "aws:SourceIp": ("10.0.0.0/8", "192.0.2.1/32", "10.0.0.7"),
    "aws:SecureTransport": ("true", "false"),
    "aws:CurrentTime": ("2026-11-27T11:00:00Z", "2026-11-27T12:00:00Z", "2027-01-01T00:00:00Z"),
    "aws:MultiFactorAuthAge": ("100", "3600"),
    "aws:TagKeys": ("env", "team", "e*", "E?v"),
    "aws:SourceArn": (
        f"{_ECS}:service/main/*",
        f"{_LOGS}:*",
        "arn:aws:*:*:*:service/main/backen?",
        "arn:aws:ecs:*:*:*",
        "arn:aws:e*s:*:*:*/main/*",
    ),
    "ecs:cluster": (f"{_ECS}:cluster/main", f"{_ECS}:cluster/*", f"{_ECS}:cluster/mai?"),
    "aws:PrincipalTag/team": ("a", "?", "A", "${aws:PrincipalTag/team}", "b"),
}
_PRINCIPALS: tuple[Any, ...] = (
    "*",
    {"AWS": "*"},
    {"AWS": ACCOUNT},
    {"AWS": f"arn:aws:iam::{ACCOUNT}:root"},
    {"AWS": ROLE},
    {"AWS": SESSION},
    {"AWS": [USER, f"arn:aws:iam::{ACCOUNT}:user/bob"]},
    {"Service": "codebuild.amazonaws.com"},
)
_EXCEPTED: tuple[Any, ...] = (
    {"AWS": [ROLE]},
    {"AWS": [ROLE, SESSION, f"arn:aws:iam::{ACCOUNT}:root"]},
    {"AWS": [USER, f"arn:aws:iam::{ACCOUNT}:root"]},
    {"AWS": [f"arn:aws:iam::{ACCOUNT}:root"]},
)


# Where the answers differ, and what the IAM User Guide says about it.
_NOT_PRINCIPAL = (
    "NotPrincipal that lists the account but not the caller: theirs lets it pass; the guide's own"
    " example (reference_policies_elements_notprincipal) denies it"
)
_SESSION = (
    "A resource's policy that names the session, with a session policy or boundary: theirs limits"
    " it; not so by the guide (access_policies: session policies; access_policies_boundaries)"
)
_EVERYBODY = (
    "A resource's policy that names everybody, with a session policy or boundary: theirs takes it"
    " as naming the caller, ours as naming its role; the guide says neither, ours allows less"
)


@dataclass(frozen=True, kw_only=True)
class Question:
    """Whether the principal may do the action to the resource, under these policies."""

    principal: str
    action: str
    resource: str
    context: dict[str, Any]
    identity: list[dict[str, Any]]
    boundary: dict[str, Any] | None
    session: dict[str, Any] | None
    of_resource: dict[str, Any] | None

    def simulation(self) -> dict[str, Any]:
        """Return it as the independent evaluator wants it."""
        everything = {"Version": "2012-10-17", "Statement": [_ALL]}
        simulation: dict[str, Any] = {
            "request": {
                "principal": self.principal,
                "action": self.action,
                "resource": {"resource": self.resource, "accountId": ACCOUNT},
                "contextVariables": self.context,
            },
            "identityPolicies": [
                {"name": f"p{number}", "policy": policy}
                for number, policy in enumerate(self.identity)
            ],
            "serviceControlPolicies": [
                {"orgIdentifier": "o", "policies": [{"name": "all", "policy": everything}]}
            ],
            "resourceControlPolicies": [],
        }
        if self.boundary is not None:
            simulation["permissionBoundaryPolicies"] = [{"name": "b", "policy": self.boundary}]
        if self.session is not None:
            simulation["sessionPolicy"] = self.session
        if self.of_resource is not None:
            simulation["resourcePolicy"] = self.of_resource
        return simulation

    def ours(self) -> bool:
        """Return our answer."""
        return decide(self._request(), self._policies()).allowed

    def listed(self) -> str:
        """Name the known difference that a question is about; empty if there is none."""
        limited = self.boundary is not None or self.session is not None
        for statement in (self.of_resource or {}).get("Statement", []):
            if "NotPrincipal" in statement:
                return _NOT_PRINCIPAL
            if limited and statement["Principal"] == {"AWS": SESSION}:
                return _SESSION
            if limited and statement["Principal"] in ("*", {"AWS": "*"}):
                return _EVERYBODY
        return ""

    def _request(self) -> Request:
        role = ROLE if self.principal == SESSION else ""
        keys = {key.lower(): value for key, value in self.context.items()}
        keys |= {"aws:principalarn": role or self.principal}
        return Request(
            caller=Caller(account=ACCOUNT, arn=self.principal, role=role),
            action=self.action,
            resource=self.resource,
            keys=keys,
        )

    def _policies(self) -> Policies:
        return Policies(
            identity=[s for policy in self.identity for s in statements(policy, policy="p")],
            boundary=None if self.boundary is None else statements(self.boundary, policy="b"),
            session=None if self.session is None else statements(self.session, policy="s"),
            resource=statements(self.of_resource or {}, policy="r"),
            decisive=self.action in ("sts:AssumeRole", "kms:Decrypt"),
        )


_ALL = {"Effect": "Allow", "Action": "*", "Resource": "*"}


def _maybe(dice: random.Random, percent: int) -> bool:
    return dice.randrange(100) < percent


def question(dice: random.Random) -> Question:
    """Make a question up."""
    action = dice.choice(list(_ACTIONS))
    resource = dice.choice(_ACTIONS[action])
    principal = dice.choice((SESSION, SESSION, USER))
    keys = _GLOBAL_KEYS | _OWN_KEYS.get(action, {})
    context = {key: dice.choice(values) for key, values in keys.items() if _maybe(dice, 60)}
    if principal == USER:
        context["aws:username"] = "alice"
    decisive = action in ("sts:AssumeRole", "kms:Decrypt")

    def policy(*, principals: bool = False) -> dict[str, Any]:
        count = dice.choice((1, 1, 2, 3))
        made = [_statement(dice, action, resource, principals=principals) for _ in range(count)]
        return {"Version": "2012-10-17", "Statement": made}

    return Question(
        principal=principal,
        action=action,
        resource=resource,
        context=context,
        identity=[policy() for _ in range(dice.choice((0, 1, 1, 2)))],
        boundary=policy() if _maybe(dice, 20) else None,
        session=policy() if principal == SESSION and _maybe(dice, 20) else None,
        of_resource=policy(principals=True) if decisive or _maybe(dice, 30) else None,
    )


def _statement(
    dice: random.Random, action: str, resource: str, *, principals: bool
) -> dict[str, Any]:
    effect = "Deny" if _maybe(dice, 20) else "Allow"
    made: dict[str, Any] = {"Effect": effect}
    element = "NotAction" if _maybe(dice, 10) else "Action"
    made[element] = [_action_pattern(dice, action) for _ in range(dice.choice((1, 1, 2)))]
    trust = principals and action == "sts:AssumeRole"
    if not trust:
        element = "NotResource" if _maybe(dice, 10) else "Resource"
        made[element] = [_pattern(dice, resource) for _ in range(dice.choice((1, 1, 2)))]
    if principals:
        if effect == "Deny" and _maybe(dice, 40):
            made["NotPrincipal"] = dice.choice(_EXCEPTED)
        else:
            made["Principal"] = dice.choice(_PRINCIPALS)
    if _maybe(dice, 40):
        made["Condition"] = _conditions(dice, action)
    return made


def _action_pattern(dice: random.Random, action: str) -> str:
    service, _, name = action.partition(":")
    forms = (action, action, action.lower(), f"{service}:*", f"{service}:{name[:3]}*")
    others = (f"{service}:{name[:-1]}?", "*", "ec2:DescribeVpcs", f"{service}:{name}?")
    return dice.choice((*forms, *others))


def _pattern(dice: random.Random, resource: str) -> str:
    """Make a pattern of a resource by putting wildcards and variables into it."""
    kinds = ("itself", "all", "variables", "region", "account", "end", "middle")
    kind = dice.choices(kinds, weights=(20, 15, 15, 10, 10, 10, 20))[0]
    start, resource_type, name = _split(resource)
    if kind == "itself":
        return resource
    if kind == "all":
        return "*"
    if kind == "variables":
        return resource.replace("alice", "${aws:username}").replace(
            "backend", "${aws:PrincipalTag/team, 'backend'}"
        )
    if kind in ("region", "account"):
        region, account = start.split(":")[3:5]
        old, new = (region, "eu-*") if kind == "region" else (account, "1111*")
        start = start.replace(old or "-", dice.choice(("*", new)))
        return f"{start}:{resource_type}{name}"
    if kind == "end":
        return f"{start}:*" if _maybe(dice, 50) else f"{start}:{resource_type}*"
    cut = dice.randrange(len(name))
    forms = (f"{name[:cut]}*", f"{name[:cut]}*{name[-1]}", f"{name[:cut]}?{name[cut + 1 :]}")
    return f"{start}:{resource_type}{dice.choice(forms)}"


def _split(resource: str) -> tuple[str, str, str]:
    """Split an ARN before its resource, and that after its type, which takes no wildcards.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html
    """
    *start, rest = resource.split(":", 5)
    typed = re.match(r"(?:service|log-group|repository|role|key)[:/]", rest)
    resource_type = typed[0] if typed else ""
    return ":".join(start), resource_type, rest.removeprefix(resource_type)


def _conditions(dice: random.Random, action: str) -> dict[str, Any]:
    keys = _GLOBAL_KEYS | _OWN_KEYS.get(action, {})
    made: dict[str, Any] = {}
    for key in dice.sample(list(keys), dice.choice((1, 1, 2))):
        operator = dice.choice(_OPERATORS.get(key, _TEXT))
        if _maybe(dice, 15) and not operator.startswith("ForAnyValue"):
            operator += "IfExists"
        pool = [each for each in keys[key] if isinstance(each, str)]
        operands = list(_OPERANDS.get(key, pool or ["env"]))
        chosen = dice.sample(operands, min(len(operands), dice.choice((1, 1, 2))))
        made.setdefault(operator, {})[key] = chosen
    if _maybe(dice, 10):
        made["Null"] = {dice.choice(list(keys)): dice.choice(("true", "false"))}
    return made
