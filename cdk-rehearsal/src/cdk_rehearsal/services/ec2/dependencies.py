"""EC2: parts of a network that are in use cannot be deleted (DependencyViolation).

MiniStack deletes most of them, through its API and through CloudFormation. Its CloudFormation does
not call its API, so this module replaces both.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

from ministack.services import ec2

from cdk_rehearsal.ministack.replacements import replaces
from cdk_rehearsal.ministack.resource_types import PatchedType, Properties, replaces_type
from cdk_rehearsal.ministack.responses import Handler, Request, Response, ec2_error

_UPSTREAM = (
    "Bug: a part of a network is deleted while another resource uses it, by the API and by"
    " CloudFormation; EC2 refuses with DependencyViolation."
)


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
    """Yield the public NAT gateways of the VPCs to which an internet gateway is attached."""
    vpcs = set(_vpcs_of_internet_gateway(gateway_id))
    for gateway in _nat_gateways():
        if gateway["VpcId"] in vpcs and gateway["ConnectivityType"] == "public":
            yield gateway["NatGatewayId"]


def _nat_gateways() -> list[dict[str, Any]]:
    return [gateway for gateway in ec2._nat_gateways.values() if gateway["State"] != "deleted"]


@dataclass(frozen=True)
class Part:
    """A part of a network; ``users`` yields the ids of the resources that use it."""

    users: Callable[[str], Iterator[str]]
    message: str
    """The error of EC2 with the id of the part in place of ``{}``."""

    def in_use(self, identity: str) -> str:
        """Return why the part cannot be deleted; empty if nothing uses it."""
        used = any(True for _ in self.users(identity))
        return self.message.format(identity) if used else ""


_USED = "The {kind} '{{}}' has dependencies and cannot be deleted."
SUBNET = Part(_users_of_subnet, _USED.format(kind="subnet"))
GROUP = Part(_users_of_group, "resource {} has a dependent object")
VPC = Part(_users_of_vpc, _USED.format(kind="vpc"))
INTERNET_GATEWAY = Part(_vpcs_of_internet_gateway, _USED.format(kind="internetGateway"))
ATTACHMENT = Part(
    _users_of_attachment,
    "The gateway {} has mapped public addresses; unmap them to detach it.",
)


def _refuse_while_used(part: Part, action: str, parameter: str) -> None:
    """Make an action of the API fail while another resource uses the part."""

    def delete_if_unused(original: Handler, request: Request) -> Response:
        """Refuse to delete a part of a network that another resource uses."""
        if why_not := part.in_use(ec2._p(request, parameter)):
            return ec2_error("DependencyViolation", why_not)
        return original(request)

    replaces(ec2, f"_ACTION_MAP[{action}]", upstream=_UPSTREAM)(delete_if_unused)


_refuse_while_used(SUBNET, "DeleteSubnet", "SubnetId")
_refuse_while_used(GROUP, "DeleteSecurityGroup", "GroupId")
_refuse_while_used(VPC, "DeleteVpc", "VpcId")
_refuse_while_used(INTERNET_GATEWAY, "DeleteInternetGateway", "InternetGatewayId")
_refuse_while_used(ATTACHMENT, "DetachInternetGateway", "InternetGatewayId")


class InUseType(PatchedType):
    """A type whose resource cannot be deleted while it is in use."""

    part: ClassVar[Part]

    def delete(self, physical_id: str, properties: Properties) -> None:
        if reason := self.part.in_use(self.identity(physical_id, properties)):
            raise ValueError(f"{reason} (Service: Ec2, Error Code: DependencyViolation)")
        super().delete(physical_id, properties)

    def identity(self, physical_id: str, _properties: Properties) -> str:
        """Return the id by which EC2 knows the part."""
        return physical_id


@replaces_type("AWS::EC2::Subnet", upstream=_UPSTREAM)
class Subnet(InUseType):
    """A subnet without network interfaces can be deleted."""

    part = SUBNET


@replaces_type("AWS::EC2::SecurityGroup", upstream=_UPSTREAM)
class SecurityGroup(InUseType):
    """A security group that nothing names can be deleted."""

    part = GROUP


@replaces_type("AWS::EC2::InternetGateway", upstream=_UPSTREAM)
class InternetGateway(InUseType):
    """A detached internet gateway can be deleted."""

    part = INTERNET_GATEWAY


@replaces_type("AWS::EC2::VPCGatewayAttachment", upstream=_UPSTREAM)
class GatewayAttachment(InUseType):
    """An attachment that no NAT gateway needs can be deleted."""

    part = ATTACHMENT

    def identity(self, physical_id: str, properties: Properties) -> str:
        # The physical id names the VPC; its gateway is in the properties.
        return str(properties.get("InternetGatewayId", physical_id))
