"""EC2 of the local AWS: the parts of a network that a template makes."""

from collections.abc import Callable
from typing import Any

import pytest

from tools.local_aws.tests.stacks import StackFailedError, Stacks

Client = Callable[[str], Any]

VPC = {"Type": "AWS::EC2::VPC", "Properties": {"CidrBlock": "10.1.0.0/16"}}
SUBNET = {
    "Type": "AWS::EC2::Subnet",
    "Properties": {"VpcId": {"Ref": "Vpc"}, "CidrBlock": "10.1.0.0/24"},
}
GROUP = {
    "Type": "AWS::EC2::SecurityGroup",
    "Properties": {"VpcId": {"Ref": "Vpc"}, "GroupDescription": "a group"},
}


def test_a_vpc_knows_its_address_range(stacks: Stacks) -> None:
    outputs = {"Cidr": {"Value": {"Fn::GetAtt": ["Vpc", "CidrBlock"]}}}
    assert stacks.deploy("vpc", {"Vpc": VPC}, Outputs=outputs) == {"Cidr": "10.1.0.0/16"}


def test_a_nat_gateway_has_its_address_and_both_are_deleted(stacks: Stacks, client: Client) -> None:
    resources = {
        "Vpc": VPC,
        "Subnet": SUBNET,
        "Address": {"Type": "AWS::EC2::EIP", "Properties": {"Domain": "vpc"}},
        "Nat": {
            "Type": "AWS::EC2::NatGateway",
            "Properties": {
                "SubnetId": {"Ref": "Subnet"},
                "AllocationId": {"Fn::GetAtt": ["Address", "AllocationId"]},
                "Tags": [{"Key": "Name", "Value": "the-nat"}],
            },
        },
        "Table": {"Type": "AWS::EC2::RouteTable", "Properties": {"VpcId": {"Ref": "Vpc"}}},
        "Route": {
            "Type": "AWS::EC2::Route",
            "Properties": {
                "RouteTableId": {"Ref": "Table"},
                "DestinationCidrBlock": "0.0.0.0/0",
                "NatGatewayId": {"Ref": "Nat"},
            },
        },
    }
    refs = {name: {"Value": {"Ref": name}} for name in ("Address", "Nat")}
    outputs = stacks.deploy("nat", resources, Outputs=refs)
    ec2 = client("ec2")
    (nat,) = ec2.describe_nat_gateways(NatGatewayIds=[outputs["Nat"]])["NatGateways"]
    assert [a["PublicIp"] for a in nat["NatGatewayAddresses"]] == [outputs["Address"]]
    assert nat["State"] == "available"
    assert {"Key": "Name", "Value": "the-nat"} in nat["Tags"]
    stacks.delete("nat")
    (nat,) = ec2.describe_nat_gateways(NatGatewayIds=[outputs["Nat"]])["NatGateways"]
    assert nat["State"] == "deleted"
    assert ec2.describe_addresses()["Addresses"] == []


def test_a_nat_gateway_needs_a_subnet_that_exists(stacks: Stacks) -> None:
    nat = {"Type": "AWS::EC2::NatGateway", "Properties": {"SubnetId": "subnet-0"}}
    with pytest.raises(StackFailedError, match="subnet ID 'subnet-0' does not exist"):
        stacks.deploy("lostnat", {"Nat": nat})


def test_an_interface_endpoint_has_its_security_groups_and_private_dns(
    stacks: Stacks, client: Client
) -> None:
    endpoint = {
        "Type": "AWS::EC2::VPCEndpoint",
        "Properties": {
            "VpcId": {"Ref": "Vpc"},
            "ServiceName": "com.amazonaws.eu-west-1.ecr.api",
            "VpcEndpointType": "Interface",
            "SubnetIds": [{"Ref": "Subnet"}],
            "SecurityGroupIds": [{"Fn::GetAtt": ["Group", "GroupId"]}],
            "PrivateDnsEnabled": True,
        },
    }
    resources = {"Vpc": VPC, "Subnet": SUBNET, "Group": GROUP, "Endpoint": endpoint}
    refs = {name: {"Value": {"Ref": name}} for name in ("Subnet", "Group")}
    outputs = stacks.deploy("endpoint", resources, Outputs=refs)
    (read,) = client("ec2").describe_vpc_endpoints()["VpcEndpoints"]
    assert [group["GroupId"] for group in read["Groups"]] == [outputs["Group"]]
    assert read["SubnetIds"] == [outputs["Subnet"]]
    assert read["PrivateDnsEnabled"] is True


def test_a_flow_log_belongs_to_its_vpc_and_is_deleted_with_its_stack(
    stacks: Stacks, client: Client
) -> None:
    flow_log = {
        "Type": "AWS::EC2::FlowLog",
        "Properties": {
            "ResourceId": {"Ref": "Vpc"},
            "ResourceType": "VPC",
            "TrafficType": "ALL",
            "LogGroupName": "flows",
            "DeliverLogsPermissionArn": "arn:aws:iam::111122223333:role/flows",
        },
    }
    outputs = {"Vpc": {"Value": {"Ref": "Vpc"}}}
    vpc = stacks.deploy("flowlog", {"Vpc": VPC, "FlowLog": flow_log}, Outputs=outputs)["Vpc"]
    (read,) = client("ec2").describe_flow_logs()["FlowLogs"]
    assert (read["ResourceId"], read["TrafficType"]) == (vpc, "ALL")
    stacks.delete("flowlog")
    assert client("ec2").describe_flow_logs()["FlowLogs"] == []
