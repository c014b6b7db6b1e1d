"""Who uses a part of a network: the ids of what keeps EC2 from removing it."""

from collections.abc import Iterator
from typing import Any

from ministack.services import ec2


def users_of_subnet(subnet_id: str) -> Iterator[str]:
    for interface in ec2._network_interfaces.values():
        if interface["SubnetId"] == subnet_id:
            yield interface["NetworkInterfaceId"]
    # On AWS these two have interfaces in the subnet; here they have none of their own.
    for gateway in _nat_gateways():
        if gateway["SubnetId"] == subnet_id:
            yield gateway["NatGatewayId"]
    for endpoint in ec2._vpc_endpoints.values():
        if subnet_id in endpoint["SubnetIds"]:
            yield endpoint["VpcEndpointId"]


def users_of_group(group_id: str) -> Iterator[str]:
    for interface in ec2._network_interfaces.values():
        if group_id in [group["GroupId"] for group in interface["Groups"]]:
            yield interface["NetworkInterfaceId"]
    for endpoint in ec2._vpc_endpoints.values():
        if group_id in endpoint.get("SecurityGroupIds", []):
            yield endpoint["VpcEndpointId"]
    for group in ec2._security_groups.values():
        rules = group["IpPermissions"] + group["IpPermissionsEgress"]
        named = [pair.get("GroupId") for rule in rules for pair in rule.get("UserIdGroupPairs", [])]
        if group_id in named and group["GroupId"] != group_id:
            yield group["GroupId"]


def users_of_vpc(vpc_id: str) -> Iterator[str]:
    """Yield what MiniStack forgets; it looks for subnets, groups and internet gateways itself."""
    for endpoint in ec2._vpc_endpoints.values():
        if endpoint["VpcId"] == vpc_id:
            yield endpoint["VpcEndpointId"]
    for table in ec2._route_tables.values():
        main = any(association.get("Main") for association in table["Associations"])
        if table["VpcId"] == vpc_id and not main:
            yield table["RouteTableId"]


def users_of_internet_gateway(gateway_id: str) -> Iterator[str]:
    for attachment in ec2._internet_gateways.get(gateway_id, {}).get("Attachments", []):
        yield attachment["VpcId"]


def users_of_attachment(gateway_id: str) -> Iterator[str]:
    """Yield the NAT gateways whose public addresses are mapped through the internet gateway."""
    vpcs = set(users_of_internet_gateway(gateway_id))
    for gateway in _nat_gateways():
        if gateway["VpcId"] in vpcs and gateway["ConnectivityType"] == "public":
            yield gateway["NatGatewayId"]


def _nat_gateways() -> list[dict[str, Any]]:
    return [gateway for gateway in ec2._nat_gateways.values() if gateway["State"] != "deleted"]
