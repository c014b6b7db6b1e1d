"""The way of tasks to ECR, S3 and the other AWS services that they need."""

from typing import Any

from doctor.answer import Answer, not_checked, ok, problem
from doctor.check import Case
from doctor.checks.subnets import private_subnets

# The same as in core_infra/names.py; a test compares.
START_TASK_SERVICES = frozenset({"ecr.api", "ecr.dkr", "logs"})

_EVERYWHERE = "0.0.0.0/0"
_USABLE = frozenset({"pending", "available"})


class WayOut:
    """Whether each private subnet has a default route, or the endpoints in its place."""

    what = "way out of the private subnets"

    def examine(self, case: Case) -> Answer:
        """Look at the routes, and where there is none, for endpoints."""
        subnets = private_subnets(case)
        if not subnets:
            return not_checked("needs the private subnets")
        gateways = _gateways(case, subnets)
        closed = []
        for subnet in subnets:
            flaw = _flaw(subnet, gateways)
            if flaw is None:
                closed.append(subnet)
            elif flaw:
                return problem(flaw, "repair the route, or the gateway")
        if not closed:
            return ok("by a default route")
        missing = _missing_endpoints(case, closed)
        if missing:
            return problem(
                f"{closed[0]['SubnetId']} has no default route, and no endpoint for "
                f"{', '.join(missing)}",
                "add a NAT gateway or the endpoints",
            )
        return ok("by endpoints")


def _flaw(subnet: dict[str, Any], gateways: dict[str, str]) -> str | None:
    """Return what is wrong with the default route, empty if nothing is, None without a route."""
    for route in subnet["RouteTable"]["Routes"]:
        if route.get("DestinationCidrBlock") != _EVERYWHERE:
            continue
        gateway = route.get("NatGatewayId", "")
        if route.get("State") == "blackhole":
            return f"the default route of {subnet['SubnetId']} leads nowhere"
        if gateway and gateways.get(gateway, "gone") not in _USABLE:
            return f"{gateway}, the way out of {subnet['SubnetId']}, is not available"
        if route.get("GatewayId", "").startswith("igw-"):
            return f"{subnet['SubnetId']} is public: tasks get no public address and cannot get out"
        return ""
    return None


def _gateways(case: Case, subnets: list[dict[str, Any]]) -> dict[str, str]:
    if not any(r.get("NatGatewayId") for s in subnets for r in s["RouteTable"]["Routes"]):
        return {}
    filters = [{"Name": "vpc-id", "Values": [subnets[0]["VpcId"]]}]
    pages = case.aws.client("ec2").get_paginator("describe_nat_gateways").paginate(Filters=filters)
    found = pages.build_full_result()["NatGateways"]
    return {gateway["NatGatewayId"]: gateway["State"] for gateway in found}


def _missing_endpoints(case: Case, subnets: list[dict[str, Any]]) -> list[str]:
    vpc_id, ec2 = subnets[0]["VpcId"], case.aws.client("ec2")
    filters = [{"Name": "vpc-id", "Values": [vpc_id]}]
    pages = ec2.get_paginator("describe_vpc_endpoints").paginate(Filters=filters)
    endpoints = [e for e in pages.build_full_result()["VpcEndpoints"] if e["VpcId"] == vpc_id]
    usable = [e for e in endpoints if e["State"].lower() in _USABLE]
    there = {_service(e, case) for e in usable if e["VpcEndpointType"] == "Interface"}
    needed = START_TASK_SERVICES | case.settings.service.endpoint_services
    tables = {
        table
        for endpoint in usable
        if endpoint["VpcEndpointType"] == "Gateway" and _service(endpoint, case) == "s3"
        for table in endpoint.get("RouteTableIds", [])
    }
    s3 = all(subnet["RouteTable"]["RouteTableId"] in tables for subnet in subnets)
    return sorted(needed - there) + ([] if s3 or "s3" in there else ["s3"])


def _service(endpoint: dict[str, Any], case: Case) -> str:
    return str(endpoint["ServiceName"]).partition(f".{case.settings.aws_region}.")[2]
