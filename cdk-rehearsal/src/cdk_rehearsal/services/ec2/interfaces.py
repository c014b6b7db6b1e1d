"""EC2: the elastic network interfaces of ECS tasks, and the addresses of subnets."""

import random
from collections.abc import Callable
from ipaddress import IPv4Address, IPv4Network
from typing import Any, TypeAlias

from ministack.core.concurrency import resource_lock
from ministack.core.responses import get_account_id
from ministack.services import ec2

from cdk_rehearsal.ministack.replacements import replaces
from cdk_rehearsal.ministack.responses import Handler, Request, Response, ec2_error

Interface: TypeAlias = dict[str, Any]

# AWS reserves the first four addresses of every subnet, and the last one.
_RESERVED_AT_START = 4

# The filters of DescribeNetworkInterfaces.
_FILTERS: dict[str, Callable[[Interface], list[str]]] = {
    "network-interface-id": lambda interface: [interface["NetworkInterfaceId"]],
    "subnet-id": lambda interface: [interface["SubnetId"]],
    "vpc-id": lambda interface: [interface["VpcId"]],
    "availability-zone": lambda interface: [interface["AvailabilityZone"]],
    "group-id": lambda interface: [group["GroupId"] for group in interface["Groups"]],
    "private-ip-address": lambda interface: [interface["PrivateIpAddress"]],
    "addresses.private-ip-address": lambda interface: [interface["PrivateIpAddress"]],
    "status": lambda interface: [interface["Status"]],
    "description": lambda interface: [interface["Description"]],
}


class SubnetFullError(Exception):
    """The subnet has no free address left."""


def create_interface(subnet_id: str, group_ids: list[str], *, description: str) -> Interface:
    """Create an interface in use, with the next free address; raise `SubnetFullError`."""
    subnet = ec2._subnets[subnet_id]
    vpc = ec2._vpcs[subnet["VpcId"]]
    with resource_lock("subnet", subnet_id):
        interface = {
            "NetworkInterfaceId": f"eni-{random.getrandbits(68):017x}",
            "SubnetId": subnet_id,
            "VpcId": vpc["VpcId"],
            "AvailabilityZone": subnet["AvailabilityZone"],
            "Description": description,
            "OwnerId": get_account_id(),
            "Status": "in-use",
            "PrivateIpAddress": _take_address(subnet_id),
            "MacAddress": f"02:{random.randbytes(5).hex(':')}",  # noqa: S311 - no secret
            "Groups": [
                {"GroupId": group, "GroupName": ec2._security_groups[group]["GroupName"]}
                for group in group_ids or [vpc["DefaultSecurityGroupId"]]
            ],
            "Attachment": None,
        }
        ec2._network_interfaces[interface["NetworkInterfaceId"]] = interface
    return interface


def remove_interface(interface_id: str) -> None:
    ec2._network_interfaces.pop(interface_id, None)


def free_addresses(subnet_id: str) -> int:
    """Return the number of free addresses."""
    return len(_assignable(ec2._subnets[subnet_id])) - len(_used(subnet_id))


def _take_address(subnet_id: str) -> str:
    """Return the next address of the subnet that no network interface has.

    It continues after the last address, so the replacement of a task has another address than the
    stopped task, and a record that still has the old address is noticed.
    """
    subnet = ec2._subnets[subnet_id]
    assignable, used = _assignable(subnet), _used(subnet_id)
    last = subnet.get("_last_address", assignable.start - 1)
    following = range(max(last + 1, assignable.start), assignable.stop)
    for candidates in (following, assignable):
        for number in candidates:
            if number not in used:
                subnet["_last_address"] = number
                return str(IPv4Address(number))
    raise SubnetFullError(f"The subnet '{subnet_id}' has not enough free addresses.")


def _assignable(subnet: dict[str, Any]) -> range:
    network = IPv4Network(subnet["CidrBlock"])
    first = int(network.network_address) + _RESERVED_AT_START
    return range(first, int(network.broadcast_address))


def _used(subnet_id: str) -> set[int]:
    return {
        int(IPv4Address(interface["PrivateIpAddress"]))
        for interface in ec2._network_interfaces.values()
        if interface["SubnetId"] == subnet_id
    }


@replaces(
    ec2,
    "_ACTION_MAP[DescribeNetworkInterfaces]",
    upstream="Missing: the filters of DescribeNetworkInterfaces; apply those that AWS documents and"
    " refuse unknown ones.",
)
def describe_network_interfaces(_original: Handler, request: Request) -> Response:
    """Return the interfaces that match the filters and ids, which MiniStack ignores."""
    filters = ec2._parse_filters(request)
    if unknown := filters.keys() - _FILTERS.keys():
        return ec2_error("InvalidParameterValue", f"The filter '{min(unknown)}' is invalid")
    ids = ec2._parse_member_list(request, "NetworkInterfaceId")
    for interface_id in ids:
        if interface_id not in ec2._network_interfaces:
            message = f"The networkInterface ID '{interface_id}' does not exist"
            return ec2_error("InvalidNetworkInterfaceID.NotFound", message)
    found = "".join(
        ec2._eni_fields_xml(interface)
        for interface in ec2._network_interfaces.values()
        if (not ids or interface["NetworkInterfaceId"] in ids)
        and all(set(_FILTERS[name](interface)) & set(values) for name, values in filters.items())
    )
    body = f"<networkInterfaceSet>{found}</networkInterfaceSet>"
    response: Response = ec2._xml(200, "DescribeNetworkInterfacesResponse", body)
    return response
