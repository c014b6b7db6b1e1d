"""The private IPv4 addresses of a subnet: the next free one, and how many there are."""

from ipaddress import IPv4Address, IPv4Network
from typing import Any

from ministack.services import ec2

# AWS keeps the first four addresses of every subnet, and the last one.
_RESERVED_AT_START = 4


class SubnetFullError(Exception):
    """The subnet has no free address left."""


def take_address(subnet_id: str) -> str:
    """Return an address of the subnet that no network interface has.

    One after the other, round and round: the replacement of a task has another address than the
    task that stopped, so a record that still names the old one is noticed.
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


def free_addresses(subnet_id: str) -> int:
    """Return how many more addresses could be taken."""
    return len(_assignable(ec2._subnets[subnet_id])) - len(_used(subnet_id))


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
