"""The EC2 API: subnets and security groups of tasks are not deleted (DependencyViolation)."""

from ministack.services import ec2

from cdk_rehearsal.ministack.replacements import replaces
from cdk_rehearsal.ministack.responses import Handler, Request, Response
from cdk_rehearsal.services.ec2 import errors

_UPSTREAM = "Bug: it is deleted while a network interface uses it."


@replaces(ec2, "_ACTION_MAP[DeleteSubnet]", upstream=_UPSTREAM)
def delete_subnet(original: Handler, request: Request) -> Response:
    """Refuse to delete a subnet with the network interface of a task."""
    subnet_id = ec2._p(request, "SubnetId")
    if any(each["SubnetId"] == subnet_id for each in ec2._network_interfaces.values()):
        message = f"The subnet '{subnet_id}' has dependencies and cannot be deleted."
        return errors.in_use(message)
    return original(request)


@replaces(ec2, "_ACTION_MAP[DeleteSecurityGroup]", upstream=_UPSTREAM)
def delete_security_group(original: Handler, request: Request) -> Response:
    """Refuse to delete a security group of the network interface of a task."""
    group_id = ec2._p(request, "GroupId")
    interfaces = ec2._network_interfaces.values()
    if any(group_id == group["GroupId"] for each in interfaces for group in each["Groups"]):
        return errors.in_use(f"resource {group_id} has a dependent object")
    return original(request)


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
