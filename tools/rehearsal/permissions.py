"""The ledger of a rehearsal: what each role is granted, which call used it, and what none did."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tools.doctor.aws import listed
from tools.rehearsal.context import CORE, SERVICE, RehearsalContext

# The grants that AWS's documentation wants and no call of the rehearsal needs: the end of the path
# of the role in the app, the action, and the page of docs.aws.amazon.com.
_UNUSED = """
Delivery/Role s3:GetBucketAcl codepipeline/latest/userguide/how-to-custom-role.html
Delivery/Role s3:GetBucketLocation codepipeline/latest/userguide/how-to-custom-role.html
Delivery/Role s3:GetBucketVersioning codepipeline/latest/userguide/how-to-custom-role.html
Delivery/Role s3:GetObject codepipeline/latest/userguide/how-to-custom-role.html
Delivery/Role s3:GetObjectVersion codepipeline/latest/userguide/how-to-custom-role.html
Delivery/Pipeline/Build/Build/CodePipelineActionRole codebuild:StopBuild \
codepipeline/latest/userguide/action-reference-CodeBuild.html
Delivery/Deploy/RolloutRole ecs:TagResource codepipeline/latest/userguide/action-reference-ECS.html
Delivery/Deploy/RolloutRole s3:GetObjectVersion \
codepipeline/latest/userguide/pipelines-create-cross-account.html
ImageBuild/Role ecr:BatchGetImage AmazonECR/latest/userguide/image-push-iam.html
ImageBuild/Role s3:GetBucketAcl codebuild/latest/userguide/setting-up-service-role.html
ImageBuild/Role s3:GetBucketLocation codebuild/latest/userguide/setting-up-service-role.html
ImageBuild/Role s3:GetObjectVersion codebuild/latest/userguide/setting-up-service-role.html
ReleaseFunction/Role ecr:BatchGetImage AmazonECR/latest/userguide/image-push-iam.html
Task/ExecutionRole ecr:BatchCheckLayerAvailability AmazonECR/latest/userguide/ECR_on_ECS.html
Network/Vpc/AllTraffic/IAMRole logs:CreateLogStream vpc/latest/userguide/flow-logs-iam-role.html
Network/Vpc/AllTraffic/IAMRole logs:DescribeLogStreams vpc/latest/userguide/flow-logs-iam-role.html
Network/Vpc/AllTraffic/IAMRole logs:PutLogEvents vpc/latest/userguide/flow-logs-iam-role.html
"""
_REASONS = {
    (role, action): f"https://docs.aws.amazon.com/{page}"
    for role, action, page in (line.split() for line in _UNUSED.strip().splitlines())
}
_PAGE = """\
# Permissions

For those who review IAM: what each role of the sample settings is granted, by its own policies and
by the policy of the artifact bucket. `make permissions` writes this page. *Used* names the grants
without which a call of the rehearsal is refused. For every other grant there is the page of AWS
that asks for it. Not everything [is judged](../cdk-rehearsal/README.md#who-may-do-what).
"""


@dataclass(frozen=True, order=True)
class Grant:
    """One action of one statement of a role; ``role`` is its path in the app."""

    role: str
    action: str
    resources: tuple[str, ...]

    @property
    def reason(self) -> str:
        """The page of AWS that wants the grant although the rehearsal does not use it, or ""."""
        return _REASONS.get((self.role.partition("/")[2], self.action), "")


@dataclass(kw_only=True)
class Ledger:
    """What is granted, with the calls that used it; ``calls`` is their number."""

    calls: int
    refusals: Sequence[Mapping[str, Any]]
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
    def unexplained(self) -> list[Grant]:
        """The unused grants that no page of AWS wants either."""
        return [grant for grant in self.unused if not grant.reason]

    @property
    def superfluous(self) -> list[Grant]:
        """The grants that no page of AWS wants and whose every call another grant allows, too."""
        return sorted(
            grant
            for grant, uses in self.uses.items()
            if uses and not self.proof(grant) and not grant.reason
        )

    def proof(self, grant: Grant) -> str:
        """Name a call that only this grant allows; empty if there is none."""
        return next((str(use["action"]) for use in self.uses[grant] if use["alone"]), "")


class Grants:
    """The grants of all roles of some stacks, read while the stacks exist."""

    def __init__(self, context: RehearsalContext, *stacks: str) -> None:
        self._context = context
        self._paths: dict[str, str] = {}
        self._grants: dict[tuple[str, str, tuple[str, ...]], Grant] = {}
        for stack in stacks or (CORE, SERVICE):
            resources = context.template(stack)["Resources"]
            for logical_id, name in _of_type(context, stack, "AWS::IAM::Role").items():
                path = resources[logical_id].get("Metadata", {}).get("aws:cdk:path", logical_id)
                self._paths[name] = path.removesuffix("/Resource")
                for document in self._documents(name):
                    self._add(name, listed(document["Statement"]))
        for stack in stacks or (CORE, SERVICE):
            for bucket in _of_type(context, stack, "AWS::S3::Bucket").values():
                self._add_policy_of(bucket)

    def ledger(self) -> Ledger:
        """Return the grants with the calls that have used them until now."""
        told = self._context.aws.access.ledger()
        uses: dict[Grant, list[Mapping[str, Any]]] = {each: [] for each in self._grants.values()}
        for use in told["uses"]:
            key = (use["principal"], use["granted"], tuple(use["resources"]))
            if key in self._grants:
                uses[self._grants[key]].append(use)
        return Ledger(calls=told["calls"], refusals=told["refusals"], uses=uses)

    def _add(self, name: str, statements: Iterable[Mapping[str, Any]]) -> None:
        for statement in statements:
            resources = tuple(listed(statement["Resource"]))
            shown = tuple(self._without_names(each) for each in resources)
            for action in listed(statement["Action"]):
                self._grants[name, action, resources] = Grant(self._paths[name], action, shown)

    def _add_policy_of(self, bucket: str) -> None:
        """Add what a bucket's own policy allows roles of the stacks."""
        policy = self._context.aws.client("s3").get_bucket_policy(Bucket=bucket)["Policy"]
        for statement in json.loads(policy)["Statement"]:
            principal = statement["Principal"]
            arns = listed(principal["AWS"]) if isinstance(principal, dict) else []
            for name in (arn.rpartition("/")[2] for arn in arns):
                if statement["Effect"] == "Allow" and name in self._paths:
                    self._add(name, [statement])

    def _documents(self, role: str) -> Iterator[Mapping[str, Any]]:
        """Yield the inline policies of a role. No role of the stacks has a policy of AWS."""
        iam = self._context.aws.client("iam")
        for name in iam.list_role_policies(RoleName=role)["PolicyNames"]:
            yield iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]

    def _without_names(self, resource: str) -> str:
        """Replace names that another deploy would choose differently."""
        for name, path in self._paths.items():
            resource = resource.replace(name, f"<{path}>")
        return resource


def _of_type(context: RehearsalContext, stack: str, kind: str) -> dict[str, str]:
    """Return the physical ids of the stack's resources of a type, by logical id."""
    resources = context.template(stack)["Resources"]
    ids = context.physical_ids(stack)
    return {each: ids[each] for each in ids if resources[each]["Type"] == kind}


def page(ledger: Ledger) -> str:
    """Return the ledger as a page for people, role by role."""
    lines = [_PAGE]
    for role in sorted(ledger.roles):
        lines += [f"## {role}\n", f"Used: {', '.join(_used_grants(ledger, role)) or 'nothing'}.\n"]
        unused = [each for each in sorted(ledger.uses) if each.role == role]
        unused = [each for each in unused if not ledger.proof(each)]
        lines += [f"- `{each.action}`: [unused]({each.reason})" for each in unused]
        lines += [""] if unused else []
    return "\n".join(lines)


def _used_grants(ledger: Ledger, role: str) -> Iterator[str]:
    for grant in sorted(each for each in ledger.uses if each.role == role):
        if proof := ledger.proof(grant):
            yield f"`{grant.action}`" + (f" (`{proof}`)" if proof != grant.action else "")
