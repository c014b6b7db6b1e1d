"""EC2: the elastic network interfaces of ECS tasks, and the addresses of subnets."""

import random
from ipaddress import IPv4Address, IPv4Network
from itertools import chain
from typing import Any, TypeAlias

from ministack.core.concurrency import resource_lock
from ministack.core.responses import get_account_id
from ministack.services import ec2

Interface: TypeAlias = dict[str, Any]

# AWS reserves the first four addresses of every subnet, and the last one.
_RESERVED_AT_START = 4


def create_interface(subnet_id: str, group_ids: list[str], *, description: str) -> Interface:
    """Create an interface in use, with the next free address; ``ValueError`` without one."""
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


def _take_address(subnet_id: str) -> str:
    """Return the next address of the subnet that no network interface has.

    It continues after the last address, so the replacement of a task has another address than the
    stopped task, and a record that still has the old address is noticed.
    """
    subnet = ec2._subnets[subnet_id]
    network = IPv4Network(subnet["CidrBlock"])
    first = int(network.network_address) + _RESERVED_AT_START
    last = int(network.broadcast_address) - 1
    used = {
        each["PrivateIpAddress"]
        for each in ec2._network_interfaces.values()
        if each["SubnetId"] == subnet_id
    }
    following = range(subnet.get("_last_address", first - 1) + 1, last + 1)
    for number in chain(following, range(first, last + 1)):
        if str(IPv4Address(number)) not in used:
            subnet["_last_address"] = number
            return str(IPv4Address(number))
    raise ValueError(f"The subnet '{subnet_id}' has not enough free addresses.")
