"""Quotas of the network against what a core stack adds."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from botocore.exceptions import ClientError

from doctor.answer import Answer, ok, problem
from doctor.aws import Aws
from doctor.check import Case
from doctor.refusal import code_of


def quota_of(aws: Aws, service: str, code: str) -> float:
    """Return a quota as it applies to the account."""
    client = aws.client("service-quotas")
    try:
        quota = client.get_service_quota(ServiceCode=service, QuotaCode=code)["Quota"]
    except ClientError as error:
        if code_of(error) != "NoSuchResourceException":
            raise
        # Never changed for this account.
        answer = client.get_aws_default_service_quota(ServiceCode=service, QuotaCode=code)
        quota = answer["Quota"]
    return float(quota["Value"])


def raise_quota(service: str, code: str, value: int) -> str:
    """Return the command that asks for a higher quota."""
    command = "aws service-quotas request-service-quota-increase"
    return f"{command} --service-code {service} --quota-code {code} --desired-value {value}"


@dataclass(frozen=True)
class Quota:
    """Whether the core stack's one resource of a type still has room, unless it is there already.

    `used` counts what the account has; `kind` is the type in the template.
    """

    what: str
    service: str
    code: str
    kind: str
    used: Callable[[Aws], int]

    def examine(self, case: Case) -> Answer:
        """Compare the quota with what there is, and the one more that is needed."""
        core = case.settings.core
        if self.kind != "AWS::EC2::VPC" and core and not core.enable_nat_gw:
            return ok('none is needed, as enable_nat_gw="False"')
        if case.aws.stack_resources(case.settings.core_stack_name).get(self.kind):
            return ok("the one that is needed is there")
        quota, used = int(quota_of(case.aws, self.service, self.code)), self.used(case.aws)
        if used >= quota:
            return problem(
                f"all {quota} are in use", raise_quota(self.service, self.code, quota + 1)
            )
        return ok(f"{used} of {quota} in use, one more is needed")


def _vpcs(aws: Aws) -> int:
    return len(
        aws.client("ec2").get_paginator("describe_vpcs").paginate().build_full_result()["Vpcs"]
    )


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


# The codes: https://docs.aws.amazon.com/general/latest/gr/vpc-service.html and ec2-service.html
QUOTAS = (
    Quota("quota of VPCs", "vpc", "L-F678F1CE", "AWS::EC2::VPC", _vpcs),
    Quota("quota of Elastic IPs", "ec2", "L-0263D0A3", "AWS::EC2::EIP", _addresses),
    Quota(
        "quota of NAT gateways per zone",
        *("vpc", "L-FE5A380F", "AWS::EC2::NatGateway", _gateways_in_fullest_zone),
    ),
)
