"""The VPC that is there already."""

from typing import Any

from botocore.exceptions import ClientError

from doctor.answer import Answer, ok, problem
from doctor.check import Case
from doctor.refusal import code_of


def vpcs_of(case: Case) -> list[dict[str, Any]]:
    """Return the VPCs that the settings can mean: one, if all is well."""
    existing = case.settings.existing_platform
    if existing is None:
        return []
    ec2 = case.aws.client("ec2")
    if existing.vpc is None:
        filters = [{"Name": "tag:Name", "Values": [existing.vpc_name]}]
        return list(ec2.describe_vpcs(Filters=filters)["Vpcs"])
    try:
        return list(ec2.describe_vpcs(VpcIds=[existing.vpc.vpc_id])["Vpcs"])
    except ClientError as error:
        if code_of(error) != "InvalidVpcID.NotFound":
            raise
        return []


class ExistingVpc:
    """Whether there is exactly one such VPC, and whether names resolve in it."""

    what = "existing VPC"

    def examine(self, case: Case) -> Answer:
        """Look for it and at its DNS switches, which private names need."""
        vpcs = vpcs_of(case)
        if len(vpcs) != 1:
            number = f"are {len(vpcs)} VPCs" if vpcs else "is no VPC"
            return problem(f"there {number} like that", f"correct {self._setting(case)}")
        vpc_id = vpcs[0]["VpcId"]
        ec2 = case.aws.client("ec2")
        for attribute in ("enableDnsSupport", "enableDnsHostnames"):
            key = attribute[0].upper() + attribute[1:]
            if not ec2.describe_vpc_attribute(VpcId=vpc_id, Attribute=attribute)[key]["Value"]:
                option = "enable-dns-support" if "Support" in key else "enable-dns-hostnames"
                return problem(
                    f"{vpc_id} has {attribute} off: names of services do not resolve in it",
                    f"aws ec2 modify-vpc-attribute --vpc-id {vpc_id} --{option}",
                )
        return ok(vpc_id)

    @staticmethod
    def _setting(case: Case) -> str:
        existing = case.settings.existing_platform
        return "vpc_name" if existing and existing.vpc is None else "core_outputs_file"
