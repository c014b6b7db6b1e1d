"""The private subnets of the VPC that is there already."""

from typing import Any

from doctor.answer import Answer, not_checked, ok, problem
from doctor.check import Case
from doctor.checks.vpc import vpcs_of
from doctor.fargate_zones import has_fargate

_TYPE_TAG = "aws-cdk:subnet-type"
_PRIVATE = frozenset({"Private", "Isolated"})


def private_subnets(case: Case) -> list[dict[str, Any]]:
    """Return the subnets that tasks will run in, each with its `Routes`.

    Those that an outputs file names, or those that CDK takes for private when it looks a VPC up:
    by its own tag, else by having no route to an internet gateway.
    """
    vpcs = vpcs_of(case)
    existing = case.settings.existing_platform
    if existing is None or len(vpcs) != 1:
        return []
    ec2, filters = case.aws.client("ec2"), [{"Name": "vpc-id", "Values": [vpcs[0]["VpcId"]]}]
    tables = ec2.describe_route_tables(Filters=filters)["RouteTables"]
    subnets = ec2.describe_subnets(Filters=filters)["Subnets"]
    for subnet in subnets:
        subnet["RouteTable"] = _table_of(subnet["SubnetId"], tables)
    if existing.vpc:
        return [s for s in subnets if s["SubnetId"] in existing.vpc.private_subnet_ids]
    return [subnet for subnet in subnets if _is_private(subnet)]


def _table_of(subnet_id: str, tables: list[dict[str, Any]]) -> dict[str, Any]:
    main: dict[str, Any] = {"RouteTableId": "", "Routes": []}
    for table in tables:
        for association in table.get("Associations", []):
            if association.get("SubnetId") == subnet_id:
                return table
            if association.get("Main"):
                main = table
    return main


def _is_private(subnet: dict[str, Any]) -> bool:
    tags = {tag["Key"]: tag["Value"] for tag in subnet.get("Tags", [])}
    if _TYPE_TAG in tags:
        return tags[_TYPE_TAG] in _PRIVATE
    routes = subnet["RouteTable"]["Routes"]
    return not any(route.get("GatewayId", "").startswith("igw-") for route in routes)


class ExistingSubnets:
    """Whether there are private subnets, in zones that Fargate serves."""

    what = "existing private subnets"

    def examine(self, case: Case) -> Answer:
        """Look for them."""
        existing = case.settings.existing_platform
        if existing is None or len(vpcs_of(case)) != 1:
            return not_checked("needs the VPC")
        subnets = private_subnets(case)
        found = {subnet["SubnetId"] for subnet in subnets}
        if existing.vpc and (missing := set(existing.vpc.private_subnet_ids) - found):
            return problem(
                f"{', '.join(sorted(missing))} is not in {existing.vpc.vpc_id}",
                "write the outputs file anew: deploy the core stack with --outputs-file",
            )
        if not found:
            return problem("the VPC has none", "add private subnets, or choose another VPC")
        region = case.settings.aws_region
        for subnet in subnets:
            zone = subnet.get("AvailabilityZoneId", "")
            if not has_fargate(region, zone):
                return problem(
                    f"Fargate does not serve {zone}, where {subnet['SubnetId']} is",
                    "use subnets of other zones",
                )
        return ok(", ".join(sorted(found)))
