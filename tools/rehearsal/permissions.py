"""The ledger of a rehearsal: what each role is granted, which call used it, and what none did."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from tools.rehearsal.context import CORE, SERVICE, RehearsalContext

TOOLKIT = "CDKToolkit"

_IAM = "https://docs.aws.amazon.com"
# Why a grant stays that no call of the rehearsal uses, by action: what AWS says of it.
UNUSED: dict[str, str] = {
    "ecr:BatchCheckLayerAvailability": (
        "AWS has it in every policy for a pull: AmazonECSTaskExecutionRolePolicy, and CDK's"
        " `grant_pull`"
    ),
    "ecs:TagResource": (
        "needed when the task definition has tags, which CodePipeline copies:"
        f" {_IAM}/codepipeline/latest/userguide/action-reference-ECS.html"
    ),
    "codebuild:StopBuild": (
        "used when somebody stops an execution, which the rehearsal does not:"
        f" {_IAM}/codepipeline/latest/userguide/action-reference-CodeBuild.html"
    ),
    "ecr:BatchGetImage": (
        "a client that pushes looks whether the tag is there:"
        f" {_IAM}/AmazonECR/latest/userguide/image-push-iam.html"
    ),
    "ecr:GetDownloadUrlForLayer": "part of CDK's `grant_pull_push`; to be narrowed",
    "logs:CreateLogStream": (
        f"VPC Flow Logs is not played: {_IAM}/vpc/latest/userguide/flow-logs-iam-role.html"
    ),
    "logs:DescribeLogStreams": "as logs:CreateLogStream",
    "logs:PutLogEvents": "as logs:CreateLogStream",
    "s3:GetObjectVersion": (
        "the bucket of the artifacts is versioned; AWS has it beside s3:GetObject:"
        f" {_IAM}/codebuild/latest/userguide/setting-up-service-role.html,"
        f" {_IAM}/codepipeline/latest/userguide/how-to-custom-role.html"
    ),
    "s3:GetBucketAcl": (
        "AWS has it in the service role of CodeBuild, as S3BucketIdentity:"
        f" {_IAM}/codebuild/latest/userguide/setting-up-service-role.html"
    ),
    "s3:GetBucketLocation": "as s3:GetBucketAcl",
    "sns:Publish": "used for an approval or a mail, which the rehearsal does not play",
}
_OF_A_BUCKET = "CDK's own grant on the bucket; to be narrowed"


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

    def proof(self, grant: Grant) -> str:
        """Name a call that nothing else allows, or else one that this allows too."""
        uses = sorted(self.uses[grant], key=lambda use: not use["alone"])
        if not uses:
            return ""
        first = uses[0]
        also = "" if first["alone"] else " (also allowed otherwise)"
        return f"{first['action']}{also}"


class Grants:
    """The grants of all roles of some stacks, read while the stacks are there."""

    def __init__(self, context: RehearsalContext, *stacks: str) -> None:
        self._context = context
        self._names: dict[str, str] = {}
        self._grants: dict[tuple[str, str, tuple[str, ...]], Grant] = {}
        for stack in stacks or (CORE, SERVICE):
            for name, path in self._roles(stack):
                self._names[name] = path
                for action, resources in self._granted(name):
                    key = (name, action, resources)
                    shown = tuple(self._without_names(each) for each in resources)
                    self._grants[key] = Grant(path, action, shown)

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

    def _roles(self, stack: str) -> Iterator[tuple[str, str]]:
        client = self._context.aws.client("cloudformation")
        resources = self._context.workspace.template(stack)["Resources"]
        for page in client.get_paginator("list_stack_resources").paginate(StackName=stack):
            for each in page["StackResourceSummaries"]:
                if each["ResourceType"] == "AWS::IAM::Role":
                    metadata = resources[each["LogicalResourceId"]].get("Metadata", {})
                    path = metadata.get("aws:cdk:path", each["LogicalResourceId"])
                    yield each["PhysicalResourceId"], path.removesuffix("/Resource")

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
                for action in many(statement["Action"]):
                    yield action, tuple(many(statement["Resource"]))

    def _without_names(self, resource: str) -> str:
        """Leave out what another deploy would name otherwise."""
        for name, path in self._names.items():
            resource = resource.replace(name, f"<{path}>")
        return resource


def many(value: Any) -> list[Any]:
    """Return what a policy may give alone or in a list."""
    return list(value) if isinstance(value, list) else [value]


def reason(grant: Grant) -> str:
    """Say why a grant stays that was not used; empty if nobody has said it."""
    of_cdk = _OF_A_BUCKET if grant.action.startswith(("s3:", "kms:")) else ""
    return UNUSED.get(grant.action, of_cdk)


_PAGE = """\
# Permissions

Written by `make permissions`: what each role of the sample settings is granted, the action of a
call in the rehearsal that used it, and why a grant stays that no call used. How calls are judged,
and what is not judged, is in
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
