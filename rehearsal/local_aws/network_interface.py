"""Elastic network interfaces of EC2: those that ECS makes for its tasks, and how all are listed."""

import random
from collections.abc import Callable
from typing import Any

from ministack.core.concurrency import resource_lock
from ministack.core.responses import get_account_id
from ministack.services import ec2

from rehearsal.local_aws.api_answer import Handler, Request, Response, ec2_refusal
from rehearsal.local_aws.subnet_address import free_addresses, take_address

Interface = dict[str, Any]

_delete_network_interface: Handler = ec2._delete_network_interface
_describe_subnets: Handler = ec2._describe_subnets

# The filters of DescribeNetworkInterfaces; MiniStack ignores them all.
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


def create_interface(subnet_id: str, group_ids: list[str], *, description: str) -> Interface:
    """Make an interface that is in use, with the next free address of its subnet.

    Raises `SubnetFullError`.
    """
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
            "PrivateIpAddress": take_address(subnet_id),
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


def describe_network_interfaces(request: Request) -> Response:
    filters = ec2._parse_filters(request)
    if unknown := filters.keys() - _FILTERS.keys():
        message = f"The filter '{min(unknown)}' is invalid"
        return ec2_refusal("InvalidParameterValue", message)
    ids = ec2._parse_member_list(request, "NetworkInterfaceId")
    for interface_id in ids:
        if interface_id not in ec2._network_interfaces:
            message = f"The networkInterface ID '{interface_id}' does not exist"
            return ec2_refusal("InvalidNetworkInterfaceID.NotFound", message)
    found = "".join(
        ec2._eni_fields_xml(interface)
        for interface in ec2._network_interfaces.values()
        if (not ids or interface["NetworkInterfaceId"] in ids)
        and all(set(_FILTERS[name](interface)) & set(values) for name, values in filters.items())
    )
    body = f"<networkInterfaceSet>{found}</networkInterfaceSet>"
    answer: Response = ec2._xml(200, "DescribeNetworkInterfacesResponse", body)
    return answer


def delete_network_interface(request: Request) -> Response:
    interface_id = ec2._p(request, "NetworkInterfaceId")
    if ec2._network_interfaces.get(interface_id, {}).get("Status") == "in-use":
        message = f"Network interface '{interface_id}' is currently in use."
        return ec2_refusal("InvalidParameterValue", message)
    return _delete_network_interface(request)


def describe_subnets(request: Request) -> Response:
    for subnet_id, subnet in ec2._subnets.items():
        subnet["AvailableIpAddressCount"] = free_addresses(subnet_id)
    return _describe_subnets(request)


def install() -> None:
    ec2._ACTION_MAP["DescribeNetworkInterfaces"] = describe_network_interfaces
    ec2._ACTION_MAP["DeleteNetworkInterface"] = delete_network_interface
    ec2._ACTION_MAP["DescribeSubnets"] = describe_subnets
