"""EC2: parts of a network that are in use are not removed (DependencyViolation).

MiniStack removes most of them, through its API and through CloudFormation, whose types do not go
through the API: so each of them is replaced twice.
"""

from abc import abstractmethod
from collections.abc import Iterator
from typing import Any

from ministack.services import ec2

from tools.local_aws.replacements import replaces
from tools.local_aws.resource_types import PatchedType, Properties, replaces_type
from tools.local_aws.responses import Handler, Request, Response, ec2_error

_DEPENDENCIES = "The {} '{}' has dependencies and cannot be deleted."
_UPSTREAM = (
    "Bug: it goes while interfaces, endpoints, NAT gateways or rules use it, by the API and by"
    " CloudFormation; EC2 refuses with DependencyViolation."
)


def _why_not(users: Iterator[str], message: str) -> str:
    """Return the message if there are users; empty when nothing is in the way."""
    return message if any(True for _ in users) else ""


def subnet_in_use(subnet_id: str) -> str:
    """Say why the subnet stays; empty when nothing uses it. The others do the same."""
    return _why_not(_users_of_subnet(subnet_id), _DEPENDENCIES.format("subnet", subnet_id))


def group_in_use(group_id: str) -> str:
    return _why_not(_users_of_group(group_id), f"resource {group_id} has a dependent object")


def vpc_in_use(vpc_id: str) -> str:
    return _why_not(_users_of_vpc(vpc_id), _DEPENDENCIES.format("vpc", vpc_id))


def internet_gateway_in_use(gateway_id: str) -> str:
    message = _DEPENDENCIES.format("internetGateway", gateway_id)
    return _why_not(_users_of_internet_gateway(gateway_id), message)


def attachment_in_use(gateway_id: str) -> str:
    message = (
        f"The gateway {gateway_id} maps public addresses of its network; unmap them before "
        "detaching."
    )
    return _why_not(_users_of_attachment(gateway_id), message)


def _users_of_subnet(subnet_id: str) -> Iterator[str]:
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
    """Yield what MiniStack forgets; it looks for subnets, groups and internet gateways itself."""
    for endpoint in ec2._vpc_endpoints.values():
        if endpoint["VpcId"] == vpc_id:
            yield endpoint["VpcEndpointId"]
    for table in ec2._route_tables.values():
        main = any(association.get("Main") for association in table["Associations"])
        if table["VpcId"] == vpc_id and not main:
            yield table["RouteTableId"]


def _users_of_internet_gateway(gateway_id: str) -> Iterator[str]:
    for attachment in ec2._internet_gateways.get(gateway_id, {}).get("Attachments", []):
        yield attachment["VpcId"]


def _users_of_attachment(gateway_id: str) -> Iterator[str]:
    """Yield the NAT gateways whose public addresses are mapped through the internet gateway."""
    vpcs = set(_users_of_internet_gateway(gateway_id))
    for gateway in _nat_gateways():
        if gateway["VpcId"] in vpcs and gateway["ConnectivityType"] == "public":
            yield gateway["NatGatewayId"]


def _nat_gateways() -> list[dict[str, Any]]:
    return [gateway for gateway in ec2._nat_gateways.values() if gateway["State"] != "deleted"]


def _unless(reason: str, action: Handler, request: Request) -> Response:
    return ec2_error("DependencyViolation", reason) if reason else action(request)


@replaces(ec2, "_ACTION_MAP[DeleteSubnet]", upstream=_UPSTREAM)
def delete_subnet(original: Handler, request: Request) -> Response:
    """Keep a subnet with interfaces, NAT gateways or endpoints."""
    return _unless(subnet_in_use(ec2._p(request, "SubnetId")), original, request)


@replaces(ec2, "_ACTION_MAP[DeleteSecurityGroup]", upstream=_UPSTREAM)
def delete_security_group(original: Handler, request: Request) -> Response:
    """Keep a group that interfaces, endpoints or the rules of other groups name."""
    return _unless(group_in_use(ec2._p(request, "GroupId")), original, request)


@replaces(
    ec2,
    "_ACTION_MAP[DeleteVpc]",
    upstream="Bug: a VPC is deleted while it has endpoints, and with its route tables; EC2 refuses"
    " with DependencyViolation.",
)
def delete_vpc(original: Handler, request: Request) -> Response:
    """Keep a VPC with endpoints or route tables of its own."""
    return _unless(vpc_in_use(ec2._p(request, "VpcId")), original, request)


@replaces(
    ec2,
    "_ACTION_MAP[DeleteInternetGateway]",
    upstream="Bug: an internet gateway is deleted while it is attached; EC2 refuses with"
    " DependencyViolation.",
)
def delete_internet_gateway(original: Handler, request: Request) -> Response:
    """Keep an internet gateway that is attached."""
    gateway = ec2._p(request, "InternetGatewayId")
    return _unless(internet_gateway_in_use(gateway), original, request)


@replaces(ec2, "_ACTION_MAP[DetachInternetGateway]", upstream=_UPSTREAM)
def detach_internet_gateway(original: Handler, request: Request) -> Response:
    """Keep an internet gateway attached while NAT gateways have public addresses through it."""
    gateway = ec2._p(request, "InternetGatewayId")
    return _unless(attachment_in_use(gateway), original, request)


class InUseType(PatchedType):
    """A type whose resource is not removed while it is in use."""

    def delete(self, physical_id: str, properties: Properties) -> None:
        if reason := self.in_use(physical_id, properties):
            raise ValueError(f"{reason} (Service: Ec2, Error Code: DependencyViolation)")
        super().delete(physical_id, properties)

    @abstractmethod
    def in_use(self, physical_id: str, properties: Properties) -> str:
        """Say why the resource stays; empty when nothing uses it."""


@replaces_type("AWS::EC2::Subnet", upstream=_UPSTREAM)
class Subnet(InUseType):
    """A subnet, kept while it is in use."""

    def in_use(self, physical_id: str, properties: Properties) -> str:
        return subnet_in_use(physical_id)


@replaces_type("AWS::EC2::SecurityGroup", upstream=_UPSTREAM)
class SecurityGroup(InUseType):
    """A security group, kept while it is in use."""

    def in_use(self, physical_id: str, properties: Properties) -> str:
        return group_in_use(physical_id)


@replaces_type("AWS::EC2::InternetGateway", upstream=_UPSTREAM)
class InternetGateway(InUseType):
    """An internet gateway, kept while it is attached."""

    def in_use(self, physical_id: str, properties: Properties) -> str:
        return internet_gateway_in_use(physical_id)


@replaces_type("AWS::EC2::VPCGatewayAttachment", upstream=_UPSTREAM)
class GatewayAttachment(InUseType):
    """The attachment of an internet gateway, kept while public addresses need it."""

    def in_use(self, physical_id: str, properties: Properties) -> str:
        # The physical id names the VPC; its gateway is in the properties.
        return attachment_in_use(properties.get("InternetGatewayId", physical_id))
