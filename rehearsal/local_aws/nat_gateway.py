"""AWS::EC2::EIP and AWS::EC2::NatGateway, and the address that a NAT gateway reports."""

import re
from typing import Any

from botocore.exceptions import ClientError
from ministack.services import ec2

from rehearsal.local_aws.api_shape import tag_pairs
from rehearsal.local_aws.resource_types import (
    Created,
    Properties,
    ResourceType,
    own_client,
    register,
)


class ElasticIp(ResourceType):
    """An address; its physical id is the address itself, as CloudFormation has it."""

    name = "AWS::EC2::EIP"
    replaced_by = ("Domain", "NetworkBorderGroup")

    def create(self, logical_id: str, properties: Properties, stack: str) -> Created:
        client = own_client("ec2")
        address = client.allocate_address(Domain=properties.get("Domain", "vpc"))
        allocation = address["AllocationId"]
        _tag(allocation, properties)
        attributes = {"AllocationId": allocation, "PublicIp": address["PublicIp"]}
        return address["PublicIp"], attributes

    def update(
        self, physical_id: str, old: Properties, new: Properties, stack: str, logical_id: str
    ) -> Created:
        allocation = _allocation(physical_id)
        _tag(allocation, new)
        return physical_id, {"AllocationId": allocation, "PublicIp": physical_id}

    def delete(self, physical_id: str, properties: Properties) -> None:
        allocation = _allocation(physical_id)
        if allocation:
            own_client("ec2").release_address(AllocationId=allocation)


class NatGateway(ResourceType):
    """A NAT gateway; everything but its tags needs a new one."""

    name = "AWS::EC2::NatGateway"
    replaced_by = ("SubnetId", "AllocationId", "ConnectivityType", "PrivateIpAddress")

    def create(self, logical_id: str, properties: Properties, stack: str) -> Created:
        request = {
            key: properties[key]
            for key in ("SubnetId", "AllocationId", "ConnectivityType")
            if key in properties
        }
        if request["SubnetId"] not in ec2._subnets:
            raise ValueError(f"The subnet ID '{request['SubnetId']}' does not exist")
        nat_id = own_client("ec2").create_nat_gateway(**request)["NatGateway"]["NatGatewayId"]
        _tag(nat_id, properties)
        return nat_id, {"NatGatewayId": nat_id}

    def update(
        self, physical_id: str, old: Properties, new: Properties, stack: str, logical_id: str
    ) -> Created:
        _tag(physical_id, new)
        return physical_id, {"NatGatewayId": physical_id}

    def delete(self, physical_id: str, properties: Properties) -> None:
        try:
            own_client("ec2").delete_nat_gateway(NatGatewayId=physical_id)
        except ClientError as error:
            if error.response["Error"]["Code"] != "NatGatewayNotFound":
                raise


def _tag(resource: str, properties: Properties) -> None:
    if tags := tag_pairs(properties):
        own_client("ec2").create_tags(Resources=[resource], Tags=tags)


def _allocation(public_ip: str) -> str:
    """Return the allocation of an address; empty when it was released."""
    addresses = own_client("ec2").describe_addresses()["Addresses"]
    return next((a["AllocationId"] for a in addresses if a["PublicIp"] == public_ip), "")


def _describe_with_addresses(describe: Any) -> Any:
    """Fill in the set of addresses, which DescribeNatGateways of MiniStack leaves empty."""

    def describe_nat_gateways(parameters: Any) -> Any:
        status, headers, body = describe(parameters)

        def address_set(match: re.Match[bytes]) -> bytes:
            gateway = ec2._nat_gateways.get(match["id"].decode(), {})
            address = ec2._addresses.get(gateway.get("AllocationId", ""))
            if not address:
                return match[0]
            item = (
                f"<natGatewayAddressSet><item><allocationId>{address['AllocationId']}</allocationId>"
                f"<publicIp>{address['PublicIp']}</publicIp></item></natGatewayAddressSet>"
            )
            return match["head"] + item.encode()

        pattern = rb"(?P<head><natGatewayId>(?P<id>[^<]+)</natGatewayId>.*?)<natGatewayAddressSet/>"
        return status, headers, re.sub(pattern, address_set, body, flags=re.DOTALL)

    return describe_nat_gateways


def install() -> None:
    register(ElasticIp())
    register(NatGateway())
    actions = ec2._ACTION_MAP
    actions["DescribeNatGateways"] = _describe_with_addresses(actions["DescribeNatGateways"])
