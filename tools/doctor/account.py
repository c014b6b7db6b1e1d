"""The account: credentials, region, CDK bootstrap, stacks and alarms that are there, and quotas."""

import importlib.metadata
import math
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from botocore.exceptions import ClientError
from cfnlint.helpers import REGIONS
from cfnlint.schema import PROVIDER_SCHEMA_MANAGER

from app import templates_of
from backend_service.names import ROLLBACK_ALARMS, alarm_name
from settings import CoreSettings, CpuArchitecture, ServiceSettings
from settings.names import full_name
from tools.doctor.aws import Aws, code_of
from tools.doctor.check import Context, Result, not_checked, note, ok, problem

NEEDED_BOOTSTRAP_VERSION = 6
"""What CDK's assemblies ask for (`requiresBootstrapStackVersion` in cdk.out/manifest.json)."""

_QUALIFIER = "hnb659fds"
BOOTSTRAP_VERSION_PARAMETER = f"/cdk-bootstrap/{_QUALIFIER}/version"
_NO_BUCKET = frozenset({"404", "NoSuchBucket", "NotFound"})

_DEAD_STACK = frozenset({"CREATE_FAILED", "ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "DELETE_FAILED"})

# Fargate On-Demand vCPU resource count:
# https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-quotas.html
_FARGATE_QUOTA = ("fargate", "L-3032A538")
_CPU_UNITS = 1024  # to a vCPU


class Credentials:
    """Whose credentials the deploy would use."""

    what = "credentials"

    def examine(self, context: Context) -> Result:
        """Compare their account with `account_number`."""
        identity = context.aws.home_client("sts").get_caller_identity()
        account, expected = identity["Account"], context.settings.account_number
        if account != expected:
            return problem(
                f'are of account {account}, but account_number="{expected}"',
                "set AWS_PROFILE to one of that account, or change account_number",
            )
        return ok(identity["Arn"])


class Region:
    """Whether the account may use the region."""

    what = "region"

    def examine(self, context: Context) -> Result:
        """Ask for its opt-in status."""
        name = context.settings.aws_region
        ec2 = context.aws.home_client("ec2")
        try:
            regions = ec2.describe_regions(RegionNames=[name], AllRegions=True)["Regions"]
        except ClientError as error:
            if code_of(error) != "InvalidParameterValue":
                raise
            regions = []
        if not regions:
            return problem(f"AWS knows no region {name}", "correct aws_region")
        if regions[0]["OptInStatus"] == "not-opted-in":
            return problem(
                f"{name} is not enabled in the account",
                f"aws account enable-region --region-name {name} (takes minutes to hours)",
            )
        return ok(f"{name} is enabled")


_CONNECTION = "AWS::CodeConnections::Connection"
_WEBHOOK = "AWS::CodePipeline::Webhook"


class ResourceTypes:
    """Whether CloudFormation has every type of the templates in the region.

    cfn-lint carries the lists. They age, so a deploy does not ask them.
    """

    what = "resource types of the region"

    def examine(self, context: Context) -> Result:
        """Synthesise the stacks, and look for their types in the list of the region."""
        settings, region = context.settings, context.settings.aws_region
        lists = f"the lists of cfn-lint {importlib.metadata.version('cfn-lint')}"
        if region not in REGIONS:
            return not_checked(f"{region} is not in {lists}")
        there = PROVIDER_SCHEMA_MANAGER.get_resource_types(region)
        templates = templates_of(context.deployment or (settings,))
        names = [
            settings.service_stack_name,
            *([settings.core_stack_name] if settings.core else []),
        ]
        used = {r["Type"] for name in names for r in templates[name]["Resources"].values()}
        if settings.delivery.connection_arn:
            used.add(_CONNECTION)  # which somebody has made, and the pipeline uses here
        own = {kind for kind in used if kind.startswith("AWS::")}
        lacking = sorted(own - set(there))
        if not lacking:
            return ok(f"all {len(own)} are there")
        to_do = "choose another aws_region"
        if lacking == [_WEBHOOK] and _CONNECTION in there:
            to_do += ", or set connection_arn, which needs no webhook"
        return problem(f"{region} has no {', '.join(lacking)}, by {lists}", to_do)


class Bootstrap:
    """Whether the CDK bootstrap is there, new enough, and still has its bucket."""

    what = "CDK bootstrap"

    def examine(self, context: Context) -> Result:
        """Read the version that it has left, and look for the bucket of the assets."""
        account, region = context.settings.account_number, context.settings.aws_region
        command = f"npx cdk bootstrap aws://{account}/{region}"
        ssm = context.aws.client("ssm")
        try:
            version = int(ssm.get_parameter(Name=BOOTSTRAP_VERSION_PARAMETER)["Parameter"]["Value"])
        except ClientError as error:
            if code_of(error) != "ParameterNotFound":
                raise
            return problem("is missing", command)
        if version < NEEDED_BOOTSTRAP_VERSION:
            return problem(f"has version {version}, {NEEDED_BOOTSTRAP_VERSION} is needed", command)
        bucket = f"cdk-{_QUALIFIER}-assets-{account}-{region}"
        try:
            context.aws.client("s3").head_bucket(Bucket=bucket)
        except ClientError as error:
            if code_of(error) not in _NO_BUCKET:
                raise
            return problem(
                f"has lost its bucket {bucket}", f"delete the stack CDKToolkit, then {command}"
            )
        return ok(f"version {version}")


@dataclass(frozen=True)
class StackIsUsable:
    """Whether CloudFormation would create or update the stack."""

    name: str

    @property
    def what(self) -> str:
        """See `Check`."""
        return f"stack {self.name}"

    def examine(self, context: Context) -> Result:
        """Look at its status."""
        try:
            stacks = context.aws.client("cloudformation").describe_stacks(StackName=self.name)
        except ClientError as error:
            if code_of(error) != "ValidationError":
                raise
            return ok("is not there yet")
        status = stacks["Stacks"][0]["StackStatus"]
        if status in _DEAD_STACK:
            return problem(
                f"is in {status}", f"aws cloudformation delete-stack --stack-name {self.name}"
            )
        if status == "UPDATE_ROLLBACK_FAILED":
            return problem(f"is in {status}", f"npx cdk rollback {self.name}")
        # Of a change set that was never executed; CDK removes it by itself.
        if status.endswith("_IN_PROGRESS") and status != "REVIEW_IN_PROGRESS":
            return problem(f"is in {status}", "wait until that is over")
        return ok(f"is deployed ({status})")


@dataclass(frozen=True)
class NetworkQuota:
    """Whether the core stack's one resource of a type still has room, unless it is there already.

    `used` counts what the account has; `kind` is the type in the template.
    """

    what: str
    service: str
    code: str
    kind: str
    used: Callable[[Aws], int]
    is_needed: bool = True

    def examine(self, context: Context) -> Result:
        """Compare the quota with what there is, and the one more that is needed."""
        if not self.is_needed:
            return ok('none is needed, as enable_nat_gw="False"')
        if context.aws.stack_resources(context.settings.core_stack_name).get(self.kind):
            return ok("the one that is needed is there")
        quota = int(_quota_of(context.aws, self.service, self.code))
        used = self.used(context.aws)
        if used >= quota:
            return problem(
                f"all {quota} are in use", _raise_quota(self.service, self.code, quota + 1)
            )
        return ok(f"{used} of {quota} in use, one more is needed")


# The codes: https://docs.aws.amazon.com/general/latest/gr/vpc-service.html and ec2-service.html
def network_quotas(core: CoreSettings) -> tuple[NetworkQuota, ...]:
    """Return the quotas that the core stack may meet."""
    nat = core.enable_nat_gw
    return (
        NetworkQuota("quota of VPCs", "vpc", "L-F678F1CE", "AWS::EC2::VPC", _vpcs),
        NetworkQuota("quota of Elastic IPs", "ec2", "L-0263D0A3", "AWS::EC2::EIP", _addresses, nat),
        NetworkQuota(
            "quota of NAT gateways per zone",
            *("vpc", "L-FE5A380F", "AWS::EC2::NatGateway", _gateways_in_fullest_zone, nat),
        ),
    )


class FargateQuota:
    """Whether the account may run `max_count` tasks besides what it runs already."""

    what = "quota of Fargate vCPUs"

    def examine(self, context: Context) -> Result:
        """Compare the quota with the highest use of the last hour and the tasks at their peak."""
        service, aws = context.settings.service, context.aws
        quota = _quota_of(aws, *_FARGATE_QUOTA)
        # What runs of a deployed service is in the use already.
        there = aws.stack_resources(context.settings.service_stack_name).get("AWS::ECS::Service")
        used = 0.0 if there else _vcpus_in_use(aws)
        needed = service.max_count * service.task_cpu / _CPU_UNITS
        peak = f"max_count={service.max_count} tasks need {needed:g}"
        if used + needed > quota:
            return problem(
                f"{used:g} of {quota:g} in use, {peak}",
                _raise_quota(*_FARGATE_QUOTA, math.ceil(used + needed)),
            )
        return ok(f"{used:g} of {quota:g} in use, {peak}")


_BUILD_QUOTAS = {
    CpuArchitecture.X86_64: "L-9D07B6EF",  # Linux/Small
    CpuArchitecture.ARM64: "L-5ED1D25B",  # ARM/Small
}


class BuildQuota:
    """Whether CodeBuild runs a build at all; new accounts may have none or one at a time.

    https://docs.aws.amazon.com/codebuild/latest/userguide/limits.html
    """

    what = "quota of builds"

    def examine(self, context: Context) -> Result:
        """Look at how many may run at a time, on the processor of the service."""
        code = _BUILD_QUOTAS[context.settings.service.cpu_architecture]
        quota = int(_quota_of(context.aws, "codebuild", code))
        more = _raise_quota("codebuild", code, max(quota + 1, 5))
        if quota < 1:
            return problem("none may run, so no delivery can", more)
        if quota == 1:
            return note("one at a time: deliveries wait for each other", more)
        return ok(f"{quota} at a time")


class ServiceLinkedRole:
    """Whether ECS has its role in the account, which it makes with the first cluster.

    A service that is created moments later may be refused.
    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/using-service-linked-roles.html
    """

    what = "service-linked role of ECS"

    def examine(self, context: Context) -> Result:
        """Look for the role."""
        try:
            context.aws.client("iam").get_role(RoleName="AWSServiceRoleForECS")
        except ClientError as error:
            if code_of(error) not in ("NoSuchEntity", "NoSuchEntityException"):
                raise
            return note(
                "is not there yet, so the first deploy may fail once",
                "aws iam create-service-linked-role --aws-service-name ecs.amazonaws.com",
            )
        return ok("is there")


def _quota_of(aws: Aws, service: str, code: str) -> float:
    """Return a quota as it applies to the account."""
    client = aws.client("service-quotas")
    try:
        quota = client.get_service_quota(ServiceCode=service, QuotaCode=code)["Quota"]
    except ClientError as error:
        if code_of(error) != "NoSuchResourceException":
            raise
        # Never changed for this account.
        reply = client.get_aws_default_service_quota(ServiceCode=service, QuotaCode=code)
        quota = reply["Quota"]
    return float(quota["Value"])


def _raise_quota(service: str, code: str, value: int) -> str:
    """Return the command that asks for a higher quota."""
    command = "aws service-quotas request-service-quota-increase"
    return f"{command} --service-code {service} --quota-code {code} --desired-value {value}"


def _vcpus_in_use(aws: Aws) -> float:
    now = datetime.now(UTC)
    dimensions = {"Service": "Fargate", "Type": "Resource", "Resource": "vCPU"}
    reply = aws.client("cloudwatch").get_metric_statistics(
        Namespace="AWS/Usage",
        MetricName="ResourceCount",
        Dimensions=[
            {"Name": name, "Value": value}
            for name, value in {**dimensions, "Class": "Standard/OnDemand"}.items()
        ],
        StartTime=now - timedelta(hours=1),
        EndTime=now,
        Period=300,
        Statistics=["Maximum"],
    )
    return max((point["Maximum"] for point in reply["Datapoints"]), default=0.0)


def _vpcs(aws: Aws) -> int:
    pages = aws.client("ec2").get_paginator("describe_vpcs").paginate()
    return len(pages.build_full_result()["Vpcs"])


def _addresses(aws: Aws) -> int:
    return len(aws.client("ec2").describe_addresses()["Addresses"])


def _gateways_in_fullest_zone(aws: Aws) -> int:
    ec2 = aws.client("ec2")
    found = ec2.get_paginator("describe_nat_gateways").paginate().build_full_result()
    alive = [g for g in found["NatGateways"] if g["State"] in ("pending", "available")]
    if not alive:
        return 0
    subnets = ec2.describe_subnets(SubnetIds=sorted({g["SubnetId"] for g in alive}))["Subnets"]
    zones = {subnet["SubnetId"]: subnet["AvailabilityZone"] for subnet in subnets}
    return max(Counter(zones[gateway["SubnetId"]] for gateway in alive).values())


@dataclass(frozen=True)
class DeploymentAlarms:
    """Whether ECS would watch the alarms of the service in a deployment that begins now.

    It does not if one of them is on already, so that a deployment can mend what is wrong.
    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-alarm-failure.html
    """

    service: ServiceSettings
    what = "alarms before a deployment"

    def examine(self, context: Context) -> Result:
        """Ask for their state; before the first deploy there are none."""
        name = full_name(self.service.ecs_cluster_name, self.service.service_name)
        names = [alarm_name(name, kind) for kind in ROLLBACK_ALARMS]
        describe = context.aws.client("cloudwatch").describe_alarms
        found = describe(AlarmNames=names)["MetricAlarms"]
        if on := [alarm["AlarmName"] for alarm in found if alarm["StateValue"] == "ALARM"]:
            return problem(
                f"{', '.join(on)} is on: ECS would watch no alarm",
                "wait until it is over, unless the deployment mends it",
            )
        return ok("none is on" if found else "there are none yet")
