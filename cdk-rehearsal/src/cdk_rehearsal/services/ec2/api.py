"""The EC2 API: subnets and security groups in use are not deleted (DependencyViolation)."""

from collections.abc import Iterator

from ministack.services import ec2

from cdk_rehearsal.ministack.replacements import replaces
from cdk_rehearsal.ministack.responses import Handler, Request, Response
from cdk_rehearsal.services.ec2 import errors

_UPSTREAM = "Bug: it is deleted while another resource uses it."


@replaces(ec2, "_ACTION_MAP[DeleteSubnet]", upstream=_UPSTREAM)
def delete_subnet(original: Handler, request: Request) -> Response:
    """Refuse to delete a subnet with a network interface, a NAT gateway or an endpoint."""
    subnet_id = ec2._p(request, "SubnetId")
    if any(_users_of_subnet(subnet_id)):
        message = f"The subnet '{subnet_id}' has dependencies and cannot be deleted."
        return errors.in_use(message)
    return original(request)


def _users_of_subnet(subnet_id: str) -> Iterator[str]:
    for interface in ec2._network_interfaces.values():
        if interface["SubnetId"] == subnet_id:
            yield interface["NetworkInterfaceId"]
    # On AWS these two have network interfaces in the subnet; here they have none.
    for gateway in ec2._nat_gateways.values():
        if gateway["SubnetId"] == subnet_id and gateway["State"] != "deleted":
            yield gateway["NatGatewayId"]
    for endpoint in ec2._vpc_endpoints.values():
        if subnet_id in endpoint["SubnetIds"]:
            yield endpoint["VpcEndpointId"]


@replaces(ec2, "_ACTION_MAP[DeleteSecurityGroup]", upstream=_UPSTREAM)
def delete_security_group(original: Handler, request: Request) -> Response:
    """Refuse to delete a security group that an interface, an endpoint or a rule names."""
    group_id = ec2._p(request, "GroupId")
    if any(_users_of_group(group_id)):
        return errors.in_use(f"resource {group_id} has a dependent object")
    return original(request)


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


@replaces(
    ec2,
    "_ACTION_MAP[DescribeNetworkInterfaces]",
    upstream="Bug: filters are ignored, so all interfaces are returned.",
)
def describe_network_interfaces(original: Handler, request: Request) -> Response:
    """Refuse filters, which MiniStack ignores."""
    if filters := ec2._parse_filters(request):
        return errors.unknown_filter(min(filters))
    return original(request)
