"""The network: zones of the one that is made; VPC, subnets and egress of one that is there."""

from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from core_infra.names import start_task_services
from settings import CoreSettings, ExistingPlatformSettings
from tools.doctor.aws import Aws, code_of
from tools.doctor.check import Context, Result, not_checked, ok, problem

# The zones that Fargate does not serve. No API tells. Read on 2026-11-24 in AWS's list of regions,
# which names the zones where only some are served:
# https://docs.aws.amazon.com/AmazonECS/latest/developerguide/AWS_Fargate-Regions.html
# Zones are named by id, which means the same place in every account; names do not.
_ONLY_ZONES_WITH_FARGATE = {
    "us-west-1": frozenset({"usw1-az1", "usw1-az3"}),
    "ap-northeast-1": frozenset({"apne1-az1", "apne1-az2", "apne1-az4"}),
    "cn-north-1": frozenset({"cnn1-az1", "cnn1-az2"}),
}
# The list does not mention it. AWS documents it for ARM64 alone, users report it for both:
# https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs-arm64.html
_ZONES_WITHOUT_FARGATE = frozenset({"use1-az3"})

_SUBNET_TYPE_TAG = "aws-cdk:subnet-type"
_PRIVATE = frozenset({"Private", "Isolated"})
_EVERYWHERE = "0.0.0.0/0"
_USABLE = frozenset({"pending", "available"})


def has_fargate(region: str, zone_id: str) -> bool:
    """Say whether Fargate serves a zone, as far as is known."""
    only = _ONLY_ZONES_WITH_FARGATE.get(region, {zone_id})
    return zone_id not in _ZONES_WITHOUT_FARGATE and zone_id in only


@dataclass(frozen=True)
class Zones:
    """Whether there are `az_count` zones that Fargate serves, and whether they are those used."""

    core: CoreSettings
    what = "availability zones"

    def examine(self, context: Context) -> Result:
        """Ask for the zones and tell the line for the settings file, unless it is there."""
        core, region = self.core, context.settings.aws_region
        zones = _available_zones(context.aws)
        served = [name for name, zone in zones.items() if has_fargate(region, zone)]
        if len(served) < core.az_count:
            return problem(
                f"{len(served)} with Fargate ({', '.join(served)}), az_count is {core.az_count}",
                f'set az_count="{len(served)}"',
            )
        # Zones of a deployed network come first: another order would replace its subnets.
        output = context.aws.stack_output(context.settings.core_stack_name, "AvailabilityZones")
        deployed = output.split(",") if output else []
        best = list(dict.fromkeys([*deployed, *served]))[: core.az_count]
        line = f'availability_zones="{",".join(best)}"'
        if flaw := self._flaw(zones, served, deployed):
            return problem(flaw, f"set {line}")
        if core.availability_zones:
            return ok(", ".join(core.availability_zones))
        return ok(f"to keep them for good, set {line}")

    def _flaw(self, zones: dict[str, str], served: list[str], deployed: list[str]) -> str:
        """Say what is wrong with the zones that will be used; empty if nothing is."""
        core = self.core
        if missing := [name for name in core.availability_zones if name not in zones]:
            return f"the account has no {', '.join(missing)}"
        # Without names CloudFormation takes the first.
        used = list(core.availability_zones or zones)[: core.az_count]
        if any(there != wanted for there, wanted in zip(deployed, used, strict=False)):
            return f"{', '.join(used)} would replace subnets, which are in {', '.join(deployed)}"
        if without := [name for name in used if name not in served]:
            return f"Fargate does not serve {', '.join(f'{n} ({zones[n]})' for n in without)}"
        return ""


def _available_zones(aws: Aws) -> dict[str, str]:
    """Return the ids of the zones by name, in the order of the names."""
    filters = [{"Name": "zone-type", "Values": ["availability-zone"]}]
    found = aws.client("ec2").describe_availability_zones(Filters=filters)
    available = (zone for zone in found["AvailabilityZones"] if zone["State"] == "available")
    return dict(sorted((zone["ZoneName"], zone["ZoneId"]) for zone in available))


@dataclass(frozen=True)
class ExistingVpc:
    """Whether there is exactly one such VPC, and whether names resolve in it."""

    platform: ExistingPlatformSettings
    what = "existing VPC"

    def examine(self, context: Context) -> Result:
        """Look for it and at its DNS switches, which private names need."""
        vpcs = vpcs_of(context.aws, self.platform)
        if len(vpcs) != 1:
            number = f"are {len(vpcs)} VPCs" if vpcs else "is no VPC"
            setting = "core_outputs_file" if self.platform.vpc else "vpc_name"
            return problem(f"there {number} like that", f"correct {setting}")
        vpc_id = vpcs[0]["VpcId"]
        ec2 = context.aws.client("ec2")
        for attribute in ("enableDnsSupport", "enableDnsHostnames"):
            key = attribute[0].upper() + attribute[1:]
            if not ec2.describe_vpc_attribute(VpcId=vpc_id, Attribute=attribute)[key]["Value"]:
                option = "enable-dns-support" if "Support" in key else "enable-dns-hostnames"
                return problem(
                    f"{vpc_id} has {attribute} off: names of services do not resolve in it",
                    f"aws ec2 modify-vpc-attribute --vpc-id {vpc_id} --{option}",
                )
        return ok(vpc_id)


def vpcs_of(aws: Aws, platform: ExistingPlatformSettings) -> list[dict[str, Any]]:
    """Return the VPCs that the settings can mean: one, if all is well."""
    ec2 = aws.client("ec2")
    if platform.vpc is None:
        filters = [{"Name": "tag:Name", "Values": [platform.vpc_name]}]
        return list(ec2.describe_vpcs(Filters=filters)["Vpcs"])
    try:
        return list(ec2.describe_vpcs(VpcIds=[platform.vpc.vpc_id])["Vpcs"])
    except ClientError as error:
        if code_of(error) != "InvalidVpcID.NotFound":
            raise
        return []


@dataclass(frozen=True)
class ExistingSubnets:
    """Whether there are private subnets, in zones that Fargate serves."""

    platform: ExistingPlatformSettings
    what = "existing private subnets"

    def examine(self, context: Context) -> Result:
        """Look for them."""
        subnets = _private_subnets(context.aws, self.platform)
        if subnets is None:
            return not_checked("needs the VPC")
        found = {subnet["SubnetId"] for subnet in subnets}
        vpc = self.platform.vpc
        if vpc and (missing := set(vpc.private_subnet_ids) - found):
            return problem(
                f"{', '.join(sorted(missing))} is not in {vpc.vpc_id}",
                "write the outputs file anew: deploy the core stack with --outputs-file",
            )
        if not found:
            return problem("the VPC has none", "add private subnets, or choose another VPC")
        for subnet in subnets:
            zone = subnet.get("AvailabilityZoneId", "")
            if not has_fargate(context.settings.aws_region, zone):
                return problem(
                    f"Fargate does not serve {zone}, where {subnet['SubnetId']} is",
                    "use subnets of other zones",
                )
        return ok(", ".join(sorted(found)))


def _private_subnets(aws: Aws, platform: ExistingPlatformSettings) -> list[dict[str, Any]] | None:
    """Return the subnets that tasks will run in, each with its `RouteTable`; None without a VPC.

    Those that an outputs file names, or those that CDK takes for private when it looks a VPC up:
    by its own tag, else by having no route to an internet gateway.
    """
    vpcs = vpcs_of(aws, platform)
    if len(vpcs) != 1:
        return None
    ec2, filters = aws.client("ec2"), [{"Name": "vpc-id", "Values": [vpcs[0]["VpcId"]]}]
    tables = ec2.describe_route_tables(Filters=filters)["RouteTables"]
    subnets: list[dict[str, Any]] = ec2.describe_subnets(Filters=filters)["Subnets"]
    for subnet in subnets:
        subnet["RouteTable"] = _table_of(subnet["SubnetId"], tables)
    if platform.vpc:
        return [s for s in subnets if s["SubnetId"] in platform.vpc.private_subnet_ids]
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
    if _SUBNET_TYPE_TAG in tags:
        return tags[_SUBNET_TYPE_TAG] in _PRIVATE
    routes = subnet["RouteTable"]["Routes"]
    return not any(route.get("GatewayId", "").startswith("igw-") for route in routes)


@dataclass(frozen=True)
class Egress:
    """Whether each private subnet has a default route, or the endpoints in its place.

    Tasks need ECR, S3 and other AWS services to start.
    """

    platform: ExistingPlatformSettings
    what = "egress of the private subnets"

    def examine(self, context: Context) -> Result:
        """Look at the routes, and where there is none, for endpoints."""
        subnets = _private_subnets(context.aws, self.platform)
        if not subnets:
            return not_checked("needs the private subnets")
        gateways = _nat_gateways(context.aws, subnets)
        closed = []
        for subnet in subnets:
            flaw = _flaw_of_default_route(subnet, gateways)
            if flaw is None:
                closed.append(subnet)
            elif flaw:
                return problem(flaw, "repair the route, or the gateway")
        if not closed:
            return ok("by a default route")
        missing = _missing_endpoints(context, closed)
        if missing:
            return problem(
                f"{closed[0]['SubnetId']} has no default route, and no endpoint for "
                f"{', '.join(missing)}",
                "add a NAT gateway or the endpoints",
            )
        return ok("by endpoints")


def _flaw_of_default_route(subnet: dict[str, Any], gateways: dict[str, str]) -> str | None:
    """Return what is wrong with the default route, empty if nothing is, None without a route."""
    for route in subnet["RouteTable"]["Routes"]:
        if route.get("DestinationCidrBlock") != _EVERYWHERE:
            continue
        gateway = route.get("NatGatewayId", "")
        if route.get("State") == "blackhole":
            return f"the default route of {subnet['SubnetId']} leads nowhere"
        if gateway and gateways.get(gateway, "gone") not in _USABLE:
            return f"{gateway}, the egress of {subnet['SubnetId']}, is not available"
        if route.get("GatewayId", "").startswith("igw-"):
            return f"{subnet['SubnetId']} is public: tasks get no public address and cannot get out"
        return ""
    return None


def _nat_gateways(aws: Aws, subnets: list[dict[str, Any]]) -> dict[str, str]:
    """Return the states of the NAT gateways of the VPC, if a route leads to one."""
    if not any(r.get("NatGatewayId") for s in subnets for r in s["RouteTable"]["Routes"]):
        return {}
    filters = [{"Name": "vpc-id", "Values": [subnets[0]["VpcId"]]}]
    pages = aws.client("ec2").get_paginator("describe_nat_gateways").paginate(Filters=filters)
    found = pages.build_full_result()["NatGateways"]
    return {gateway["NatGatewayId"]: gateway["State"] for gateway in found}


def _missing_endpoints(context: Context, subnets: list[dict[str, Any]]) -> list[str]:
    vpc_id, ec2 = subnets[0]["VpcId"], context.aws.client("ec2")
    region = context.settings.aws_region
    filters = [{"Name": "vpc-id", "Values": [vpc_id]}]
    pages = ec2.get_paginator("describe_vpc_endpoints").paginate(Filters=filters)
    endpoints = [e for e in pages.build_full_result()["VpcEndpoints"] if e["VpcId"] == vpc_id]
    usable = [e for e in endpoints if e["State"].lower() in _USABLE]
    there = {_short_name(e, region) for e in usable if e["VpcEndpointType"] == "Interface"}
    needed = start_task_services(region) | context.settings.service.endpoint_services
    tables = {
        table
        for endpoint in usable
        if endpoint["VpcEndpointType"] == "Gateway" and _short_name(endpoint, region) == "s3"
        for table in endpoint.get("RouteTableIds", [])
    }
    s3 = all(subnet["RouteTable"]["RouteTableId"] in tables for subnet in subnets)
    return sorted(needed - there) + ([] if s3 or "s3" in there else ["s3"])


def _short_name(endpoint: dict[str, Any], region: str) -> str:
    return str(endpoint["ServiceName"]).partition(f".{region}.")[2]
