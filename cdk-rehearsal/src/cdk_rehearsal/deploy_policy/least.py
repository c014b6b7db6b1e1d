"""Makes the least policy of CloudFormation's execution role: statements by resource, with reasons.

A permission that a rehearsal has demanded is granted on the pattern of its resource, which is known
before the deploy. The statements are spread over as many managed policies as IAM's limits need.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
"""

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, TypeAlias

from cdk_rehearsal.iam.policies import Caller, Policies, Request, decide, statements

Document: TypeAlias = dict[str, Any]

POLICY_CHARACTERS = 6144
"""What a managed policy may have, without white space."""
POLICIES_OF_A_ROLE = 10
"""How many managed policies a role may have before somebody raises the quota."""

# Their calls go to one region for the world, or their buckets are of another one.
_GLOBAL = ("cloudfront", "ecr-public", "globalaccelerator", "iam", "organizations", "route53",
           "s3", "sts", "support")  # fmt: skip


@dataclass(frozen=True)
class Demand:
    """An action on a pattern of resources, with the condition keys, and what needs it."""

    action: str
    pattern: str
    keys: tuple[tuple[str, str], ...]
    uses: tuple[Mapping[str, Any], ...]
    """Those of `iam.demands`, each with its resources."""

    @property
    def resources(self) -> set[str]:
        """All resources on which the action has been needed."""
        return {resource for use in self.uses for resource in use["resources"]}


@dataclass(frozen=True)
class Granted:
    """A statement of the policy, and the demands for which it is there."""

    content: Mapping[str, Any]
    demands: tuple[Demand, ...]

    @property
    def sid(self) -> str:
        """The name of the statement."""
        return str(self.content["Sid"])

    @property
    def resources(self) -> list[str]:
        """The patterns on which the actions are allowed."""
        return list(self.content["Resource"])

    def reason(self) -> str:
        """Return why a wildcard stands in the resources; empty if there is none."""
        if self.resources == ["*"]:
            return "these actions know no resource, or nothing tells which one"
        if "iam:CreateServiceLinkedRole" in self.content["Action"]:
            return "the service names its role"
        if any(re.search(r"[/:]\*(?:$|[/:])", each) for each in self.resources):
            return "the service generates the id, or the key is a hash of the content"
        if any("*" in each for each in self.resources):
            return "CloudFormation generates the name, which begins with that of the stack"
        return ""


@dataclass(frozen=True)
class DeployPolicy:
    """The statements, and what is wrong or unknown about the data."""

    granted: tuple[Granted, ...]
    doubts: tuple[str, ...]
    region: str

    @cached_property
    def documents(self) -> list[Document]:
        """The managed policies; each is as large as IAM accepts it."""
        documents: list[Document] = []
        for each in self.granted:
            content = dict(each.content)
            if not documents or size(_with(documents[-1], content)) > POLICY_CHARACTERS:
                documents.append({"Version": "2012-10-17", "Statement": []})
            documents[-1] = _with(documents[-1], content)
        return documents

    def unmet(self) -> list[Demand]:
        """Return the demands that the policy does not grant, as IAM decides."""
        return [each for granted in self.granted for each in self._refused(granted)]

    @cached_property
    def needed(self) -> dict[str, list[Demand]]:
        """By Sid of each statement, its demands that no other statement grants."""
        return {
            granted.sid: self._refused(granted, without=granted.sid) for granted in self.granted
        }

    def without_superfluous(self) -> "DeployPolicy":
        """Return the policy without the statements whose demands others grant, too."""
        kept = self
        for granted in self.granted:
            if not kept._refused(granted, without=granted.sid):
                kept = replace(kept, granted=tuple(g for g in kept.granted if g != granted))
        return kept

    def _refused(self, granted: Granted, *, without: str = "") -> list[Demand]:
        """Return the demands of a statement that the others do not allow on each resource."""
        kept = [each.content for each in self.granted if each.sid != without]
        refused = []
        for demand in granted.demands:
            about = [dict(each) for each in kept if demand.action in each["Action"]]
            policies = Policies(identity=statements({"Statement": about}, policy=""))
            keys = {name.lower(): value for name, value in demand.keys}
            keys["aws:requestedregion"] = self.region
            requests = [
                Request(caller=Caller(account=""), action=demand.action, resource=each, keys=keys)
                for each in demand.resources
            ]
            if not all(decide(request, policies).allowed for request in requests):
                refused.append(demand)
        return refused


def size(document: Mapping[str, Any]) -> int:
    """Return the number of characters as IAM counts them."""
    return len(json.dumps(document, separators=(",", ":")))


def least_policy(
    content: Mapping[str, Any], *, region: str, stacks: Iterable[str] = ()
) -> DeployPolicy:
    """Return the policy for what ``Access.demands`` returned; for these stacks, or else all."""
    wanted = frozenset(stacks)
    by_resource: dict[tuple[str, Any], dict[str, Demand]] = defaultdict(dict)
    for each in content["demands"]:
        uses = tuple(use for use in each["uses"] if belongs(use["stack"], wanted))
        if uses:
            keys = tuple(sorted(each["keys"].items()))
            if each["pattern"] == "*" and not _is_global(each["action"]):
                keys += (("aws:RequestedRegion", region),)
            demand = Demand(each["action"], each["pattern"], keys, uses)
            by_resource[demand.pattern, keys][demand.action] = demand
    granted = []
    taken: set[str] = set()
    for resources, keys, actions in _merged(by_resource):
        for part in _parts(sorted(actions), resources):
            statement = {
                "Sid": _sid(resources[0], part, taken),
                "Effect": "Allow",
                "Action": part,
                "Resource": list(resources),
                **_condition(keys),
            }
            of_part = tuple(each for action in part for each in actions[action])
            granted.append(Granted(statement, of_part))
    granted.sort(key=lambda each: each.sid)
    return DeployPolicy(tuple(granted), tuple(content["doubts"]), region).without_superfluous()


def belongs(stack: str, wanted: Iterable[str]) -> bool:
    """Say whether a stack is one of those that are wanted, or nested in one; all if none is."""
    names = list(wanted)
    return not names or any(stack == each or stack.startswith(f"{each}-") for each in names)


def _merged(
    by_resource: Mapping[tuple[str, Any], Mapping[str, Demand]],
) -> Iterator[tuple[tuple[str, ...], Any, dict[str, list[Demand]]]]:
    """Yield resources with the same actions and conditions, these conditions, and the actions."""
    by_actions: dict[Any, list[tuple[str, Mapping[str, Demand]]]] = defaultdict(list)
    for (pattern, keys), actions in sorted(by_resource.items()):
        by_actions[frozenset(actions), keys].append((pattern, actions))
    for (_, keys), found in by_actions.items():
        resources = tuple(pattern for pattern, _ in found)
        merged = {action: [kept[action] for _, kept in found] for action in found[0][1]}
        yield resources, keys, merged


def _is_global(action: str) -> bool:
    return action.partition(":")[0] in _GLOBAL


def _parts(actions: Sequence[str], resources: Sequence[str]) -> list[list[str]]:
    """Split the actions of a statement that is too large for a policy."""
    room = POLICY_CHARACTERS - size({"Resource": list(resources)}) - 400
    parts: list[list[str]] = [[]]
    for action in actions:
        if size({"Action": [*parts[-1], action]}) > room:
            parts.append([])
        parts[-1].append(action)
    return parts


def _condition(keys: Iterable[tuple[str, str]]) -> dict[str, Any]:
    found: dict[str, dict[str, str]] = {}
    for name, value in keys:
        operator = "StringLike" if "*" in value else "StringEquals"
        if name in ("iam:PolicyARN", "iam:PermissionsBoundary"):
            operator = "ArnLike" if "*" in value else "ArnEquals"
        found.setdefault(operator, {})[name] = value
    return {"Condition": found} if found else {}


def _sid(resource: str, actions: Sequence[str], taken: set[str]) -> str:
    """Return a name of the statement that tells its service and kind of resource."""
    kind = re.match(r"arn:[^:]*:[^:]*:[^:]*:[^:]*:([a-z-]+)[/:]", resource)
    if resource == "*":
        words = ["On", "Everything", "Global" if _is_global(actions[0]) else ""]
    elif len(actions) == 1:
        words = re.split(r"[:-]", actions[0])
    else:
        service = actions[0].partition(":")[0]
        words = [*service.split("-"), *(kind[1].split("-") if kind else ())]
    name = "".join(word[:1].upper() + word[1:] for word in words)
    number = next(n for n in range(1, 1000) if (f"{name}{n}" if n > 1 else name) not in taken)
    sid = f"{name}{number}" if number > 1 else name
    taken.add(sid)
    return sid


def _with(document: Document, statement: Document) -> Document:
    return {**document, "Statement": [*document["Statement"], statement]}
