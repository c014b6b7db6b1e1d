"""EC2: parts of a network that are in use cannot be deleted (DependencyViolation).

MiniStack deletes most of them, through its API and through CloudFormation. Its CloudFormation does
not call its API, so this module replaces both.
"""

from abc import abstractmethod
from collections.abc import Callable, Iterator
from typing import Any

from ministack.services import ec2

from tools.local_aws.replacements import replaces
from tools.local_aws.resource_types import PatchedType, Properties, replaces_type
from tools.local_aws.responses import Handler, Request, Response, ec2_error


def subnet_in_use(subnet_id: str) -> str:
    """Return why a subnet cannot be deleted; empty if nothing uses it."""
    return _in_use("subnet", subnet_id, _users_of_subnet(subnet_id))


def group_in_use(group_id: str) -> str:
    """Return why a security group cannot be deleted; empty if nothing uses it."""
    used = any(True for _ in _users_of_group(group_id))
    return f"resource {group_id} has a dependent object" if used else ""


def vpc_in_use(vpc_id: str) -> str:
    """Return why a VPC cannot be deleted; empty if nothing uses it."""
    return _in_use("vpc", vpc_id, _users_of_vpc(vpc_id))


def internet_gateway_in_use(gateway_id: str) -> str:
    """Return why an internet gateway cannot be deleted; empty if it is not attached."""
    return _in_use("internetGateway", gateway_id, _vpcs_of_internet_gateway(gateway_id))


def attachment_in_use(gateway_id: str) -> str:
    """Return why an internet gateway cannot be detached; empty if nothing uses the attachment."""
    if any(True for _ in _users_of_attachment(gateway_id)):
        return f"The gateway {gateway_id} has mapped public addresses; unmap them to detach it."
    return ""


def _in_use(kind: str, identity: str, users: Iterator[str]) -> str:
    used = any(True for _ in users)
    return f"The {kind} '{identity}' has dependencies and cannot be deleted." if used else ""


def _users_of_subnet(subnet_id: str) -> Iterator[str]:
    for interface in ec2._network_interfaces.values():
        if interface["SubnetId"] == subnet_id:
            yield interface["NetworkInterfaceId"]
    # On AWS these two have network interfaces in the subnet; here they have none.
    for gateway in _nat_gateways():
        if gateway["SubnetId"] == subnet_id:
            yield gateway["NatGatewayId"]
    for endpoint in ec2._vpc_endpoints.values():
        if subnet_id in endpoint["SubnetIds"]:
            yield endpoint["VpcEndpointId"]


def _users_of_group(group_id: str) -> Iterator[str]:
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


def _users_of_vpc(vpc_id: str) -> Iterator[str]:
    """Yield endpoints and route tables; MiniStack itself checks subnets, groups and gateways."""
    for endpoint in ec2._vpc_endpoints.values():
        if endpoint["VpcId"] == vpc_id:
            yield endpoint["VpcEndpointId"]
    for table in ec2._route_tables.values():
        main = any(association.get("Main") for association in table["Associations"])
        if table["VpcId"] == vpc_id and not main:
            yield table["RouteTableId"]


def _vpcs_of_internet_gateway(gateway_id: str) -> Iterator[str]:
    for attachment in ec2._internet_gateways.get(gateway_id, {}).get("Attachments", []):
        yield attachment["VpcId"]


def _users_of_attachment(gateway_id: str) -> Iterator[str]:
    """Yield the public NAT gateways of the VPCs to which the internet gateway is attached."""
    vpcs = set(_vpcs_of_internet_gateway(gateway_id))
    for gateway in _nat_gateways():
        if gateway["VpcId"] in vpcs and gateway["ConnectivityType"] == "public":
            yield gateway["NatGatewayId"]


def _nat_gateways() -> list[dict[str, Any]]:
    return [gateway for gateway in ec2._nat_gateways.values() if gateway["State"] != "deleted"]


def _refuse_while(reason: Callable[[str], str], action: str, parameter: str) -> None:
    """Make an action of the API fail while there is a reason not to delete its resource."""

    def delete_if_unused(original: Handler, request: Request) -> Response:
        """Refuse to delete a part of a network that another resource uses."""
        if why_not := reason(ec2._p(request, parameter)):
            return ec2_error("DependencyViolation", why_not)
        return original(request)

    replaces(ec2, f"_ACTION_MAP[{action}]")(delete_if_unused)


_refuse_while(subnet_in_use, "DeleteSubnet", "SubnetId")
_refuse_while(group_in_use, "DeleteSecurityGroup", "GroupId")
_refuse_while(vpc_in_use, "DeleteVpc", "VpcId")
_refuse_while(internet_gateway_in_use, "DeleteInternetGateway", "InternetGatewayId")
_refuse_while(attachment_in_use, "DetachInternetGateway", "InternetGatewayId")


class InUseType(PatchedType):
    """A type whose resource cannot be deleted while it is in use."""

    def delete(self, physical_id: str, properties: Properties) -> None:
        if reason := self.in_use(physical_id, properties):
            raise ValueError(f"{reason} (Service: Ec2, Error Code: DependencyViolation)")
        super().delete(physical_id, properties)

    @abstractmethod
    def in_use(self, physical_id: str, properties: Properties) -> str:
        """Return why the resource cannot be deleted; empty if nothing uses it."""


@replaces_type("AWS::EC2::Subnet")
class Subnet(InUseType):
    """A subnet without network interfaces can be deleted."""

    def in_use(self, physical_id: str, properties: Properties) -> str:
        return subnet_in_use(physical_id)


@replaces_type("AWS::EC2::SecurityGroup")
class SecurityGroup(InUseType):
    """A security group that nothing names can be deleted."""

    def in_use(self, physical_id: str, properties: Properties) -> str:
        return group_in_use(physical_id)


@replaces_type("AWS::EC2::InternetGateway")
class InternetGateway(InUseType):
    """A detached internet gateway can be deleted."""

    def in_use(self, physical_id: str, properties: Properties) -> str:
        return internet_gateway_in_use(physical_id)


@replaces_type("AWS::EC2::VPCGatewayAttachment")
class GatewayAttachment(InUseType):
    """An attachment that no NAT gateway needs can be deleted."""

    def in_use(self, physical_id: str, properties: Properties) -> str:
        # The physical id names the VPC; its gateway is in the properties.
        return attachment_in_use(properties.get("InternetGatewayId", physical_id))
