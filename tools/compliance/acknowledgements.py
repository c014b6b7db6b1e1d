"""Every finding that stays, with the reason. docs/compliance.md is made from this table."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from itertools import product

from tools.compliance.findings import Finding

ANY = "…"

_DOCS = "https://docs.aws.amazon.com"
_REFERENCE = f"{_DOCS}/service-authorization/latest/reference"


@dataclass(frozen=True, kw_only=True)
class Acknowledgement:
    """Every one of ``rules`` is broken by every one of ``constructs``, in every one of ``details``.

    In constructs and details ``ANY`` stands for any text; a ``*`` is one, as IAM writes it.
    """

    rules: tuple[str, ...]
    constructs: tuple[str, ...]
    reason: str
    details: tuple[str, ...] = ("",)

    def covers(self, finding: Finding) -> bool:
        """Tell whether this is the explanation of the finding."""
        return any(_matches(case, finding) for case in self.cases)

    @property
    def cases(self) -> tuple[tuple[str, str, str], ...]:
        """Every (rule, construct, detail) that is acknowledged."""
        return tuple(product(self.rules, self.constructs, self.details))

    def stale(self, findings: Iterable[Finding]) -> list[tuple[str, str, str]]:
        """Return the cases that none of the findings needs any more."""
        known = list(findings)
        return [case for case in self.cases if not any(_matches(case, f) for f in known)]


def _matches(case: tuple[str, str, str], finding: Finding) -> bool:
    rule, construct, detail = case
    return (
        rule == finding.rule
        and _pattern(construct).fullmatch(finding.construct) is not None
        and _pattern(detail).fullmatch(finding.detail) is not None
    )


@cache
def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(".+".join(map(re.escape, text.split(ANY))))


_OF_CDK_HELPERS = (
    "Custom::CDKECRDeployment…/Resource",
    "Custom::S3AutoDeleteObjectsCustomResourceProvider/Handler",
    "Custom::VpcRestrictDefaultSGCustomResourceProvider/Handler",
)

ACKNOWLEDGEMENTS = (
    # Permissions on "*".
    Acknowledgement(
        rules=("AwsSolutions-IAM5",),
        constructs=(
            "ImageBuild/Role/DefaultPolicy/Resource",
            "SeedImage/Role/DefaultPolicy/Resource",
            "Task/StartTask/Policy/Resource",
        ),
        details=("Resource::*",),
        reason="Only for signing in to a registry (ecr:GetAuthorizationToken and, for the public "
        "seed image, its two counterparts). AWS offers no resource level for them, and a token "
        "opens nothing by itself: pull and push are granted on repositories by name. "
        f"{_REFERENCE}/list_amazonelasticcontainerregistry.html",
    ),
    Acknowledgement(
        rules=("AwsSolutions-IAM5",),
        constructs=("Delivery/Deploy/RolloutRole/DefaultPolicy/Resource",),
        details=("Resource::*",),
        reason="ecs:DescribeTaskDefinition, which has no resource level and only reads; "
        "ecs:ListTasks, which is authorised on container instances (Fargate has none) and is "
        "confined to this cluster by a condition; and ecs:RegisterTaskDefinition, which AWS's own "
        "policy of this action has on *: what confines it is which roles the definition may name. "
        f"{_DOCS}/codepipeline/latest/userguide/action-reference-ECS.html",
    ),
    Acknowledgement(
        rules=("AwsSolutions-IAM5",),
        constructs=("ReleaseFunction/Role/DefaultPolicy/Resource",),
        details=("Resource::*",),
        reason="Three actions without a resource level: ecs:DescribeTaskDefinition only reads (the "
        "promotion makes sure that the service still runs the image), and the two that put the "
        f"result of a job need its id. {_REFERENCE}/list_amazonelasticcontainerservice.html, "
        f"{_REFERENCE}/list_awscodepipeline.html",
    ),
    Acknowledgement(
        rules=("AwsSolutions-IAM5",),
        constructs=("Task/Definition/TaskRole/DefaultPolicy/Resource",),
        details=("Resource::*",),
        reason="Only with enable_execute_command: the four ssmmessages actions and "
        "logs:DescribeLogGroups of ECS Exec have no resource level. Who may open a session is "
        "decided by ecs:ExecuteCommand, which no role of this blueprint has. "
        f"{_DOCS}/AmazonECS/latest/developerguide/ecs-exec.html",
    ),
    # Permissions on a family of resources.
    Acknowledgement(
        rules=("AwsSolutions-IAM5",),
        constructs=("Delivery/Deploy/RolloutRole/DefaultPolicy/Resource",),
        details=(
            "Resource::arn:aws:ecs:…:task-definition/…:*",
            "Resource::arn:aws:ecs:…:task/…/*",
        ),
        reason="Revisions of this service's own task definition, whose numbers ECS gives, and "
        "reading tasks (ecs:DescribeTasks) of this cluster, whose ids ECS gives. "
        f"{_REFERENCE}/list_amazonelasticcontainerservice.html",
    ),
    Acknowledgement(
        rules=("AwsSolutions-IAM5",),
        constructs=("Task/Definition/TaskRole/DefaultPolicy/Resource",),
        details=("Resource::arn:aws:logs:…:log-group:…:*",),
        reason="Only with enable_execute_command: the streams of the one log group in which the "
        "cluster records the sessions.",
    ),
    # The artifact bucket.
    Acknowledgement(
        rules=("AwsSolutions-IAM5",),
        constructs=(
            "Delivery/Role/DefaultPolicy/Resource",
            "Delivery/Source/Role/DefaultPolicy/Resource",
            "Delivery/Deploy/ReleaseRole/DefaultPolicy/Resource",
            "Delivery/Deploy/RolloutRole/DefaultPolicy/Resource",
            "ImageBuild/Role/DefaultPolicy/Resource",
        ),
        details=("Resource::<DeliveryArtifactsBucket….Arn>/*",),
        reason="Objects of the bucket that holds nothing but this pipeline's artifacts, under keys "
        "that CodePipeline makes up; no page says how. Pipeline and source read and write them, "
        "the release writes one, rollout and build only read. "
        f"{_DOCS}/codepipeline/latest/userguide/how-to-custom-role.html",
    ),
    Acknowledgement(
        rules=("AwsSolutions-IAM5",),
        constructs=(
            "Delivery/Pipeline/Approve/Approve/CodePipelineActionRole/DefaultPolicy/Resource",
        ),
        details=("Action::kms:GenerateDataKey*",),
        reason="CDK's grant of publishing to the encrypted topic, on that topic's key alone; the "
        "wildcard stands for GenerateDataKey with and without plain text, and AWS's page has it. "
        f"{_DOCS}/sns/latest/dg/sns-key-management.html",
    ),
    Acknowledgement(
        rules=("AwsSolutions-S1", "NIST.800.53.R5-S3BucketLoggingEnabled", "CKV_AWS_18"),
        constructs=("Delivery/Artifacts/Bucket/Resource",),
        reason="Access logs need a second bucket, kept and paid for, about artifacts that expire "
        "after 30 days. Who may read is in a test of what each role may do; CloudTrail data events "
        "record access where an auditor asks for it.",
    ),
    Acknowledgement(
        rules=("NIST.800.53.R5-S3BucketReplicationEnabled",),
        constructs=("Delivery/Artifacts/Bucket/Resource",),
        reason="An artifact is made again from its commit by running the pipeline again; there is "
        "nothing to recover.",
    ),
    # Keys.
    Acknowledgement(
        rules=("NIST.800.53.R5-CloudWatchLogGroupEncrypted", "CKV_AWS_158"),
        constructs=(
            "Cluster/ExecuteCommandLogGroup/Resource",
            "HelperFunctionLogs/S3AutoDeleteObjectsCustomResourceProvider/Resource",
            "HelperFunctionLogs/VpcRestrictDefaultSGCustomResourceProvider/Resource",
            "ImageBuild/LogGroup/Resource",
            "Network/FlowLogGroup/Resource",
            "ReleaseFunction/LogGroup/Resource",
            "SeedImage/LogGroup/Resource",
            "Task/LogGroup/Resource",
        ),
        reason="CloudWatch Logs encrypts every log at rest with a key of its own. A customer "
        "managed key costs 1 USD a month per stack and adds a way to lose the logs; who needs to "
        "revoke access by key sets one.",
    ),
    Acknowledgement(
        rules=("AwsSolutions-CB4",),
        constructs=("ImageBuild/Project/Resource",),
        reason="About build outputs, of which there are none: the image goes to ECR, and its name "
        "is a variable of the pipeline.",
    ),
    Acknowledgement(
        rules=("CKV_AWS_136",),
        constructs=("Repositories/Builds/Resource", "Repositories/Released/Resource"),
        reason="ECR encrypts images at rest with AES-256. A KMS key would add an audit trail of "
        "decryption, at a price per pull, and cannot be changed later without losing the images.",
    ),
    Acknowledgement(
        rules=("NIST.800.53.R5-SecretsManagerUsingKMSKey", "CKV_AWS_149"),
        constructs=("Delivery/Source/SigningSecret/Resource",),
        reason="Encrypted with the AWS-managed key of Secrets Manager. The secret only proves "
        "that a call to start the pipeline comes from GitHub, and is shared with no other account.",
    ),
    Acknowledgement(
        rules=("AwsSolutions-SMG4", "NIST.800.53.R5-SecretsManagerRotationEnabled"),
        constructs=("Delivery/Source/SigningSecret/Resource",),
        reason="GitHub holds the other half: rotating here alone would end deliveries until the "
        "webhook is registered again. A connection (connection_arn) needs no secret at all.",
    ),
    # The image.
    Acknowledgement(
        rules=("CKV_AWS_51",),
        constructs=("Repositories/Released/Resource",),
        reason="Tags are immutable (IMMUTABLE_WITH_EXCLUSION, which the check does not know) but "
        "for one: live, the pointer to the image in service, which the promotion moves.",
    ),
    Acknowledgement(
        rules=("AwsSolutions-ECS2",),
        constructs=("Task/Definition/Resource",),
        reason="Plain configuration: name, port, drain time, and container_environment, which "
        "refuses the well-known kinds of credentials. Secrets are references to Secrets Manager "
        "or Parameter Store (container_secrets).",
    ),
    Acknowledgement(
        rules=("CKV_AWS_107",),
        constructs=("SeedImage/Role/DefaultPolicy/Resource",),
        reason="The credentials that the check means are the registry tokens with which the seed "
        "image is pulled and pushed: that is what the function is for.",
    ),
    # CDK's own helper functions.
    Acknowledgement(
        rules=("CKV_AWS_115", "CKV_AWS_116", "CKV_AWS_117"),
        constructs=_OF_CDK_HELPERS,
        reason="CDK's helpers run during cdk deploy and at no other time: CloudFormation calls "
        "them once, waits, and reports a failure itself, so a queue for dead letters would stay "
        "empty, and reserved concurrency would take capacity from the account. They call AWS APIs, "
        "the copy of the seed its registry, and nothing in the VPC; inside they would need a NAT "
        "gateway or endpoints.",
    ),
    Acknowledgement(
        rules=(
            "NIST.800.53.R5-LambdaConcurrency",
            "NIST.800.53.R5-LambdaDLQ",
            "NIST.800.53.R5-LambdaInsideVPC",
        ),
        constructs=("Custom::CDKECRDeployment…/Resource",),
        reason="As above. That this function is outside the VPC is what makes the first deploy "
        "work without a NAT gateway.",
    ),
    # The function that releases images.
    Acknowledgement(
        rules=(
            "CKV_AWS_115",
            "CKV_AWS_116",
            "CKV_AWS_117",
            "NIST.800.53.R5-LambdaConcurrency",
            "NIST.800.53.R5-LambdaDLQ",
            "NIST.800.53.R5-LambdaInsideVPC",
        ),
        constructs=("ReleaseFunction/Function/Resource",),
        reason="Only the pipeline calls it, one execution after the other, and shows a failure or "
        "a missing answer itself, so a queue for dead letters would tell nobody more, and reserved "
        "concurrency would take capacity from the account. It calls AWS APIs only; in the VPC it "
        "would need a NAT gateway or endpoints.",
    ),
    Acknowledgement(
        rules=("CKV_AWS_173",),
        constructs=("ReleaseFunction/Function/Resource",),
        reason="Its environment has names of this template and nothing secret (repositories, "
        "cluster, service, container, alarms). Lambda encrypts it with a key of its own; a "
        "customer managed one costs 1 USD a month.",
    ),
    # Alarms.
    Acknowledgement(
        rules=("NIST.800.53.R5-CloudWatchAlarmAction",),
        constructs=(
            "Alarms/Cpu/Resource",
            "Alarms/Errors/Resource",
            "Alarms/Memory/Resource",
            "Alarms/MissingTasks/Resource",
        ),
        reason="Only without notification_email: there is nobody to tell. The first three still "
        "act, as ECS rolls a deployment back when they go off; all four are on the dashboard.",
    ),
    # Network.
    Acknowledgement(
        rules=("NIST.800.53.R5-VPCNoUnrestrictedRouteToIGW",),
        constructs=("Network/Vpc/publicSubnet…/DefaultRoute",),
        reason="What makes a subnet public. The NAT gateway lives there, and nothing else: tasks "
        "are in the private subnets, and no address is assigned by itself.",
    ),
    # How policies are attached.
    Acknowledgement(
        rules=("NIST.800.53.R5-IAMNoInlinePolicy",),
        constructs=(
            "Delivery/Pipeline/Approve/Approve/CodePipelineActionRole/DefaultPolicy/Resource",
            "Delivery/Pipeline/Build/Build/CodePipelineActionRole/DefaultPolicy/Resource",
            "Delivery/Role/DefaultPolicy/Resource",
            "Delivery/Source/Role/DefaultPolicy/Resource",
            "Delivery/Deploy/PromotionRole/DefaultPolicy/Resource",
            "Delivery/Deploy/ReleaseRole/DefaultPolicy/Resource",
            "Delivery/Deploy/RolloutRole/DefaultPolicy/Resource",
            "ImageBuild/Role/DefaultPolicy/Resource",
            "Network/Vpc/AllTraffic/IAMRole/DefaultPolicy/Resource",
            "ReleaseFunction/Role/DefaultPolicy/Resource",
            "SeedImage/Role/DefaultPolicy/Resource",
            "Task/Definition/TaskRole/DefaultPolicy/Resource",
            "Task/StartTask/Policy/Resource",
        ),
        reason="Each policy is written for one role and names this service's own resources. A "
        "managed policy could be attached to something else, and would outlive its purpose; these "
        "go with the stack that needs them. A test states what each role may do.",
    ),
)
