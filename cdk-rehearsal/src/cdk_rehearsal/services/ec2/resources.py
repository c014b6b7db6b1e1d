"""EC2: parts of a network in a template: VPC, Elastic IP, NAT gateway, endpoint and flow log."""

import json
import re
from collections.abc import Callable
from typing import Any
from xml.sax.saxutils import escape

from botocore.exceptions import ClientError
from ministack.core.responses import get_account_id
from ministack.services import ec2

from cdk_rehearsal.ministack.replacements import replaces
from cdk_rehearsal.ministack.resource_types import (
    Change,
    Created,
    Properties,
    ResourceType,
    adds_type,
    own_client,
    replaces_type,
    tag_pairs,
)
from cdk_rehearsal.ministack.responses import Handler, Request, Response
from cdk_rehearsal.services.ec2.dependencies import VPC, InUseType

_MISSING = "Missing: the resource type in CloudFormation; the API is there."


@replaces_type(
    "AWS::EC2::VPC",
    upstream="Missing: Fn::GetAtt CidrBlock and CidrBlockAssociations. Bug: the default security"
    " group lacks the rule that lets its members talk to each other; a VPC with endpoints or route"
    " tables of its own is deleted.",
)
class Vpc(InUseType):
    """A VPC with its address ranges as attributes, and a default group like AWS's."""

    part = VPC

    def create(self, logical_id: str, properties: Properties, stack: str) -> Created:
        vpc_id, attributes = super().create(logical_id, properties, stack)
        group_id = attributes["DefaultSecurityGroup"]
        # The CDK removes this rule from the default group, so it must exist.
        ec2._security_groups[group_id]["IpPermissions"] = [_default_ingress(group_id)]
        return vpc_id, attributes | self._attributes(vpc_id)

    def update(self, change: Change) -> Created:
        vpc_id, attributes = super().update(change)
        return vpc_id, attributes | self._attributes(vpc_id)

    def _attributes(self, vpc_id: str) -> dict[str, Any]:
        vpc = own_client("ec2").describe_vpcs(VpcIds=[vpc_id])["Vpcs"][0]
        return {
            "CidrBlock": vpc["CidrBlock"],
            "CidrBlockAssociations": [
                association["AssociationId"] for association in vpc["CidrBlockAssociationSet"]
            ],
        }


def _default_ingress(group_id: str) -> dict[str, Any]:
    """Return the one inbound rule that AWS gives a default security group."""
    return {
        "IpProtocol": "-1",
        "IpRanges": [],
        "Ipv6Ranges": [],
        "PrefixListIds": [],
        "UserIdGroupPairs": [{"GroupId": group_id, "UserId": get_account_id()}],
    }


@adds_type("AWS::EC2::EIP", replaced_by=("Domain", "NetworkBorderGroup"), upstream=_MISSING)
class ElasticIp(ResourceType):
    """An Elastic IP; as in CloudFormation, its physical id is the address itself."""

    def create(self, logical_id: str, properties: Properties, stack: str) -> Created:
        client = own_client("ec2")
        address = client.allocate_address(Domain=properties.get("Domain", "vpc"))
        allocation = address["AllocationId"]
        _tag(allocation, properties)
        attributes = {"AllocationId": allocation, "PublicIp": address["PublicIp"]}
        return address["PublicIp"], attributes

    def update(self, change: Change) -> Created:
        allocation = _allocation(change.physical_id)
        _tag(allocation, change.new)
        return change.physical_id, {"AllocationId": allocation, "PublicIp": change.physical_id}

    def delete(self, physical_id: str, properties: Properties) -> None:
        allocation = _allocation(physical_id)
        if allocation:
            own_client("ec2").release_address(AllocationId=allocation)


@adds_type(
    "AWS::EC2::NatGateway",
    replaced_by=("SubnetId", "AllocationId", "ConnectivityType", "PrivateIpAddress"),
    upstream=_MISSING,
)
class NatGateway(ResourceType):
    """A NAT gateway; a change of anything except its tags replaces it."""

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

    def update(self, change: Change) -> Created:
        _tag(change.physical_id, change.new)
        return change.physical_id, {"NatGatewayId": change.physical_id}

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
    """Return the allocation of an address; empty if the address was released."""
    addresses = own_client("ec2").describe_addresses()["Addresses"]
    return next((a["AllocationId"] for a in addresses if a["PublicIp"] == public_ip), "")


@replaces(
    ec2,
    "_ACTION_MAP[DescribeNatGateways]",
    upstream="Bug: natGatewayAddressSet is always empty, although the gateway has an allocation.",
)
def describe_nat_gateways(original: Handler, request: Request) -> Response:
    """Fill in the addresses, which MiniStack leaves out."""
    status, headers, body = original(request)

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


@replaces(
    ec2,
    "_vpce_fields_xml",
    upstream="Missing: groupSet, privateDnsEnabled and policyDocument of a VPC endpoint.",
)
def vpc_endpoint_xml(
    original: Callable[[dict[str, Any], str], str], endpoint: dict[str, Any], tag: str = "item"
) -> str:
    """Add security groups, private DNS and policy to the description of an endpoint."""
    groups = "".join(
        f"<item><groupId>{group}</groupId></item>" for group in endpoint.get("SecurityGroupIds", [])
    )
    private = "true" if str(endpoint.get("PrivateDnsEnabled")).lower() == "true" else "false"
    more = f"<groupSet>{groups}</groupSet><privateDnsEnabled>{private}</privateDnsEnabled>"
    if policy := endpoint.get("PolicyDocument"):
        text = policy if isinstance(policy, str) else json.dumps(policy)
        more += f"<policyDocument>{escape(text)}</policyDocument>"
    end = f"</{tag}>"
    return original(endpoint, tag).removesuffix(end) + more + end


@adds_type(
    "AWS::EC2::FlowLog",
    replaced_by=(
        "ResourceId",
        "ResourceType",
        "TrafficType",
        "LogDestinationType",
        "LogDestination",
        "LogGroupName",
        "LogFormat",
        "DeliverLogsPermissionArn",
        "MaxAggregationInterval",
    ),
    upstream=_MISSING,
)
class FlowLog(ResourceType):
    """A flow log; a change of anything except its tags replaces it."""

    def create(self, logical_id: str, properties: Properties, stack: str) -> Created:
        request = {key: value for key, value in properties.items() if key != "Tags"}
        request["ResourceIds"] = [request.pop("ResourceId")]
        if "MaxAggregationInterval" in request:
            request["MaxAggregationInterval"] = int(request["MaxAggregationInterval"])
        client = own_client("ec2")
        (flow_log,) = client.create_flow_logs(**request)["FlowLogIds"]
        if tags := tag_pairs(properties):
            client.create_tags(Resources=[flow_log], Tags=tags)
        return flow_log, {"Id": flow_log}

    def update(self, change: Change) -> Created:
        # A change of anything else replaces it.
        own_client("ec2").create_tags(Resources=[change.physical_id], Tags=tag_pairs(change.new))
        return change.physical_id, {"Id": change.physical_id}

    def delete(self, physical_id: str, properties: Properties) -> None:
        own_client("ec2").delete_flow_logs(FlowLogIds=[physical_id])
