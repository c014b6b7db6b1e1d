"""The ledger of a rehearsal: what each role is granted, which call used it, and what none did."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from tools.rehearsal.context import CORE, SERVICE, RehearsalContext

TOOLKIT = "CDKToolkit"

_DOCS = "https://docs.aws.amazon.com"
_SERVICE_ROLE = (
    "AWS's least policy of the role has it, and does not say which of its calls need it:"
    f" {_DOCS}/codepipeline/latest/userguide/how-to-custom-role.html"
)
_PUSH = (
    "a client that pushes may look whether the tag is there:"
    f" {_DOCS}/AmazonECR/latest/userguide/image-push-iam.html"
)
_FLOW_LOGS = f"VPC Flow Logs is not played: {_DOCS}/vpc/latest/userguide/flow-logs-iam-role.html"
_BUILD_SOURCE = (
    "AWS has it for a project that gets its source from CodePipeline:"
    f" {_DOCS}/codebuild/latest/userguide/setting-up-service-role.html"
)
# Why a grant stays that no call of the rehearsal uses: what AWS says of it.
UNUSED: Mapping[str, Mapping[str, str]] = {
    "Delivery/Role": dict.fromkeys(
        (
            "s3:GetBucketAcl",
            "s3:GetBucketLocation",
            "s3:GetBucketVersioning",
            "s3:GetObject",
            "s3:GetObjectVersion",
        ),
        _SERVICE_ROLE,
    ),
    "Delivery/Pipeline/Build/Build/CodePipelineActionRole": {
        "codebuild:StopBuild": (
            "used when somebody stops an execution, which the rehearsal does not:"
            f" {_DOCS}/codepipeline/latest/userguide/action-reference-CodeBuild.html"
        )
    },
    "Delivery/Deploy/RolloutRole": {
        "ecs:TagResource": (
            "needed when the task definition has tags, which CodePipeline copies:"
            f" {_DOCS}/codepipeline/latest/userguide/action-reference-ECS.html"
        ),
        "s3:GetObjectVersion": (
            "AWS has it for a role that reads artifacts:"
            f" {_DOCS}/codepipeline/latest/userguide/pipelines-create-cross-account.html"
        ),
    },
    "ImageBuild/Role": {
        "ecr:BatchGetImage": _PUSH,
        **dict.fromkeys(
            ("s3:GetBucketAcl", "s3:GetBucketLocation", "s3:GetObjectVersion"), _BUILD_SOURCE
        ),
    },
    "SeedImage/Role": {"ecr:BatchGetImage": _PUSH},
    "TaskExecutionRole": {
        "ecr:BatchCheckLayerAvailability": (
            "AWS has it for ECS, and not for others who pull:"
            f" {_DOCS}/AmazonECR/latest/userguide/ECR_on_ECS.html"
        )
    },
    "Network/Vpc/AllTraffic/IAMRole": dict.fromkeys(
        ("logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"), _FLOW_LOGS
    ),
}


@dataclass(frozen=True, order=True)
class Grant:
    """One action of one statement of a role; ``role`` is its path in the app."""

    role: str
    action: str
    resources: tuple[str, ...]


@dataclass(kw_only=True)
class Ledger:
    """What is granted, with the calls that used it; ``calls`` and ``refusals`` are counts."""

    calls: int
    refusals: int
    uses: Mapping[Grant, list[Mapping[str, Any]]] = field(default_factory=dict)

    @property
    def roles(self) -> set[str]:
        """The roles that are granted something."""
        return {grant.role for grant in self.uses}

    @property
    def unused(self) -> list[Grant]:
        """The grants that no call has used."""
        return sorted(grant for grant, uses in self.uses.items() if not uses)

    @property
    def doubled(self) -> list[Grant]:
        """The grants of which every call is allowed by another one, too."""
        return sorted(grant for grant, uses in self.uses.items() if uses and not self.proof(grant))

    def proof(self, grant: Grant) -> str:
        """Name a call that nothing else allows; empty if there is none."""
        return next((str(use["action"]) for use in self.uses[grant] if use["alone"]), "")


class Grants:
    """The grants of all roles of some stacks, read while the stacks are there."""

    def __init__(self, context: RehearsalContext, *stacks: str) -> None:
        self._context = context
        self._names: dict[str, str] = {}
        self._grants: dict[tuple[str, str, tuple[str, ...]], Grant] = {}
        for stack in stacks or (CORE, SERVICE):
            for name, path in self._roles(stack):
                self._names[name] = path
                self._add(name, self._granted(name))
        for stack in stacks or (CORE, SERVICE):
            for bucket in self._resources(stack, "AWS::S3::Bucket").values():
                for name, statement in self._let_in(bucket):
                    self._add(name, _spelled_out(statement))

    def ledger(self) -> Ledger:
        """Return them with the calls that have used them until now."""
        told = self._context.aws.access.ledger()
        uses: dict[Grant, list[Mapping[str, Any]]] = {each: [] for each in self._grants.values()}
        for use in told["uses"]:
            key = (use["principal"], use["granted"], tuple(use["resources"]))
            if key in self._grants:
                uses[self._grants[key]].append(use)
        refusals = sum(each["times"] for each in told["refusals"])
        return Ledger(calls=told["calls"], refusals=refusals, uses=uses)

    def _add(self, name: str, granted: Iterable[tuple[str, tuple[str, ...]]]) -> None:
        for action, resources in granted:
            shown = tuple(self._without_names(each) for each in resources)
            self._grants[name, action, resources] = Grant(self._names[name], action, shown)

    def _resources(self, stack: str, kind: str) -> dict[str, str]:
        """Return the physical ids of the stack's resources of a type, by logical id."""
        client = self._context.aws.client("cloudformation")
        pages = client.get_paginator("list_stack_resources").paginate(StackName=stack)
        return {
            each["LogicalResourceId"]: each["PhysicalResourceId"]
            for page in pages
            for each in page["StackResourceSummaries"]
            if each["ResourceType"] == kind
        }

    def _roles(self, stack: str) -> Iterator[tuple[str, str]]:
        resources = self._context.workspace.template(stack)["Resources"]
        for logical_id, name in self._resources(stack, "AWS::IAM::Role").items():
            metadata = resources[logical_id].get("Metadata", {})
            yield name, metadata.get("aws:cdk:path", logical_id).removesuffix("/Resource")

    def _let_in(self, bucket: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """Yield each role that the bucket's own policy lets in, with the statement."""
        policy = self._context.aws.client("s3").get_bucket_policy(Bucket=bucket)["Policy"]
        for statement in json.loads(policy)["Statement"]:
            principal = statement["Principal"]
            arns = many(principal["AWS"]) if isinstance(principal, dict) else []
            for name in (arn.rpartition("/")[2] for arn in arns):
                if statement["Effect"] == "Allow" and name in self._names:
                    yield name, statement

    def _granted(self, role: str) -> Iterator[tuple[str, tuple[str, ...]]]:
        iam = self._context.aws.client("iam")
        documents = [
            iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
            for name in iam.list_role_policies(RoleName=role)["PolicyNames"]
        ]
        for attached in iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]:
            arn = attached["PolicyArn"]
            version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
            found = iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]
            documents.append(found["Document"])
        for document in documents:
            for statement in many(document["Statement"]):
                yield from _spelled_out(statement)

    def _without_names(self, resource: str) -> str:
        """Leave out what another deploy would name otherwise."""
        for name, path in self._names.items():
            resource = resource.replace(name, f"<{path}>")
        return resource


def _spelled_out(statement: Mapping[str, Any]) -> Iterator[tuple[str, tuple[str, ...]]]:
    for action in many(statement["Action"]):
        yield action, tuple(many(statement["Resource"]))


def many(value: Any) -> list[Any]:
    """Return what a policy may give alone or in a list."""
    return list(value) if isinstance(value, list) else [value]


def reason(grant: Grant) -> str:
    """Say why a grant stays that was not used; empty if nobody has said it."""
    return UNUSED.get(grant.role.partition("/")[2], {}).get(grant.action, "")


_PAGE = """\
# Permissions

Written by `make permissions`: what each role of the sample settings is granted (by its own policies
and by the artifact bucket's), the action of a call in the rehearsal that this grant alone allowed,
and why a grant stays that no call used. `make permissions-needed` plays what each used grant is for
without it. How calls are judged, and what is not judged, is in
[the local AWS's page](../tools/local_aws/README.md#who-may-do-what).
"""
_HEAD = "| granted | used by | not used: why it stays |\n|---|---|---|"


def page(ledger: Ledger) -> str:
    """Return the ledger as a page for people, role by role."""
    lines = [_PAGE]
    for role in sorted(ledger.roles):
        lines += [f"## {role}\n", _HEAD]
        for grant in sorted(each for each in ledger.uses if each.role == role):
            proof = ledger.proof(grant)
            used = f"`{proof}`" if proof else ""
            lines.append(f"| `{grant.action}` | {used} | {'' if proof else reason(grant)} |")
        lines.append("")
    return "\n".join(lines)
