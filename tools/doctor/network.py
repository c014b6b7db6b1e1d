"""The network: zones for a new one, or the VPC, subnets and egress of one that exists."""

from typing import Any

from settings import CoreSettings, ExistingPlatformSettings, Settings
from settings.endpoints import start_task_services
from tools.doctor.aws import Aws, reply_or_none
from tools.doctor.check import Result, not_checked, ok, problem
from tools.doctor.task_policies import egress_through

# No API tells which zones Fargate does not serve. These are from AWS's list of regions of
# 2026-11-24, which names the zones where Fargate serves only some of them:
# https://docs.aws.amazon.com/AmazonECS/latest/developerguide/AWS_Fargate-Regions.html
# They are ids, because an id means the same zone in every account; a name does not.
_ONLY_ZONES_WITH_FARGATE = {
    "us-west-1": frozenset({"usw1-az1", "usw1-az3"}),
    "ap-northeast-1": frozenset({"apne1-az1", "apne1-az2", "apne1-az4"}),
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


def zones(core: CoreSettings, settings: Settings, aws: Aws) -> Result:
    """Say whether Fargate serves enough zones, and tell the line that names them for good."""
    ids = _available_zones(aws)
    served = [name for name, zone in ids.items() if has_fargate(settings.aws_region, zone)]
    if len(served) < core.az_count:
        return problem(
            f"Fargate runs in {len(served)} zones ({', '.join(served)}), but az_count is "
            f"{core.az_count}",
            f'set az_count="{len(served)}"',
        )
    # Zones of a deployed network come first, because another order would replace its subnets.
    output = aws.stack_output(settings.core_stack_name, "AvailabilityZones")
    deployed = output.split(",") if output else []
    best = list(dict.fromkeys([*deployed, *served]))[: core.az_count]
    line = f'availability_zones="{",".join(best)}"'
    if missing := [name for name in core.availability_zones if name not in ids]:
        return problem(f"the account has no {', '.join(missing)}", f"set {line}")
    # Without names CloudFormation takes the first ones.
    used = core.availability_zones or tuple(ids)[: core.az_count]
    if any(before != after for before, after in zip(deployed, used, strict=False)):
        return problem(f"the deployed network is in {output}, not {','.join(used)}", f"set {line}")
    if without := [f"{name} ({ids[name]})" for name in used if name not in served]:
        return problem(f"Fargate does not serve {', '.join(without)}", f"set {line}")
    if core.availability_zones:
        return ok(", ".join(used))
    return ok(f"to keep them for good, set {line}")


def _available_zones(aws: Aws) -> dict[str, str]:
    """Return the ids of the zones by name, in the order of the names."""
    filters = [{"Name": "zone-type", "Values": ["availability-zone"]}]
    found = aws.client("ec2").describe_availability_zones(Filters=filters)
    available = (zone for zone in found["AvailabilityZones"] if zone["State"] == "available")
    return dict(sorted((zone["ZoneName"], zone["ZoneId"]) for zone in available))


# --- A network that exists ------------------------------------------------------------------------


def existing_vpc(platform: ExistingPlatformSettings, _: Settings, aws: Aws) -> Result:
    """Say whether there is exactly one such VPC, and whether private names resolve in it."""
    vpcs = vpcs_of(platform, aws)
    if len(vpcs) != 1:
        found = f"{len(vpcs)} VPCs match" if vpcs else "no VPC matches"
        setting = "core_outputs_file" if platform.vpc else "vpc_name"
        return problem(f"{found} {setting}", f"correct {setting}")
    vpc_id = vpcs[0]["VpcId"]
    ec2 = aws.client("ec2")
    for attribute in ("enableDnsSupport", "enableDnsHostnames"):
        key = attribute[0].upper() + attribute[1:]
        if not ec2.describe_vpc_attribute(VpcId=vpc_id, Attribute=attribute)[key]["Value"]:
            option = "enable-dns-support" if "Support" in key else "enable-dns-hostnames"
            return problem(
                f"{vpc_id} has {attribute} off: names of services do not resolve in it",
                f"aws ec2 modify-vpc-attribute --vpc-id {vpc_id} --{option}",
            )
    return ok(vpc_id)


def vpcs_of(platform: ExistingPlatformSettings, aws: Aws) -> list[dict[str, Any]]:
    """Return the VPCs that match the settings: one, if the settings are right."""
    ec2 = aws.client("ec2")
    if platform.vpc is None:
        filters = [{"Name": "tag:Name", "Values": [platform.vpc_name]}]
        return list(ec2.describe_vpcs(Filters=filters)["Vpcs"])
    ids = [platform.vpc.vpc_id]
    found = reply_or_none(ec2.describe_vpcs, "InvalidVpcID.NotFound", VpcIds=ids)
    return list(found["Vpcs"]) if found else []


def _private_subnets(platform: ExistingPlatformSettings, aws: Aws) -> list[dict[str, Any]] | None:
    """Return the subnets that tasks will run in, each with its `RouteTable`; None without a VPC.

    Those that an outputs file names, or those that CDK takes for private when it looks a VPC up:
    by its own tag, else by having no route to an internet gateway.
    """
    vpcs = vpcs_of(platform, aws)
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


def egress(platform: ExistingPlatformSettings, settings: Settings, aws: Aws) -> Result:
    """Say whether each private subnet has a way to what a task needs to start.

    That is a default route, or endpoints of the services that Fargate calls. With endpoints, say
    also which services of the task role's policies have none.
    """
    subnets = _private_subnets(platform, aws)
    if subnets is None:
        return not_checked("the VPC must be found first")
    if not subnets:
        return problem("there are no private subnets", "add some, or choose another VPC")
    without_route = []
    for subnet in subnets:
        routes = subnet["RouteTable"]["Routes"]
        route = next((r for r in routes if r.get("DestinationCidrBlock") == _EVERYWHERE), None)
        if route is None:
            without_route.append(subnet)
        elif flaw := flaw_of_default_route(subnet["SubnetId"], route):
            return problem(flaw, "give the subnet a default route to a NAT gateway")
    if not without_route:
        return ok("through a default route")
    needed = start_task_services(settings.aws_region) | settings.service.endpoint_services
    endpoints = _endpoints_of(without_route, aws)
    if missing := sorted(needed - endpoints):
        return problem(
            f"{without_route[0]['SubnetId']} has no default route, and no endpoint for "
            f"{', '.join(missing)}",
            "add a NAT gateway or the endpoints",
        )
    return egress_through(endpoints, settings, aws)


def flaw_of_default_route(subnet_id: str, route: dict[str, Any]) -> str:
    """Say why tasks in a subnet cannot use its default route; empty if they can."""
    if route.get("State") == "blackhole":  # for instance, its NAT gateway was deleted
        return f"the default route of {subnet_id} leads nowhere"
    if route.get("GatewayId", "").startswith("igw-"):
        return f"{subnet_id} is public: tasks get no public address and cannot get out"
    return ""


def _endpoints_of(subnets: list[dict[str, Any]], aws: Aws) -> frozenset[str]:
    """Return the endpoints that all of these subnets can use, by short names."""
    vpc_id = subnets[0]["VpcId"]
    filters = [{"Name": "vpc-id", "Values": [vpc_id]}]
    pages = aws.client("ec2").get_paginator("describe_vpc_endpoints").paginate(Filters=filters)
    endpoints = [e for e in pages.build_full_result()["VpcEndpoints"] if e["VpcId"] == vpc_id]
    tables = {subnet["RouteTable"]["RouteTableId"] for subnet in subnets}
    return frozenset(
        str(e["ServiceName"]).partition(f".{aws.region}.")[2]
        for e in endpoints
        if e["State"].lower() in _USABLE
        and (e["VpcEndpointType"] == "Interface" or tables.issubset(e.get("RouteTableIds", [])))
    )
