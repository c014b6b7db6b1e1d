"""EC2: the elastic network interfaces of ECS tasks, and the addresses of subnets."""

import random
from ipaddress import IPv4Address, IPv4Network
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
    assignable, used = _assignable(subnet), _used(subnet_id)
    last = subnet.get("_last_address", assignable.start - 1)
    following = range(max(last + 1, assignable.start), assignable.stop)
    for candidates in (following, assignable):
        for number in candidates:
            if number not in used:
                subnet["_last_address"] = number
                return str(IPv4Address(number))
    raise ValueError(f"The subnet '{subnet_id}' has not enough free addresses.")


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
