"""EC2 of the local AWS refuses to delete parts of a network that are in use."""

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tools.local_aws.tests.discoverable import OUTPUTS, everything, network
from tools.local_aws.tests.stacks import StackFailedError, Stacks

Client = Callable[[str], Any]

NAT_GATEWAY = {
    "Gateway": {"Type": "AWS::EC2::InternetGateway"},
    "Attached": {
        "Type": "AWS::EC2::VPCGatewayAttachment",
        "Properties": {"VpcId": {"Ref": "Vpc"}, "InternetGatewayId": {"Ref": "Gateway"}},
    },
    "Address": {"Type": "AWS::EC2::EIP", "DependsOn": "Attached"},
    "Nat": {
        "Type": "AWS::EC2::NatGateway",
        "DependsOn": "Attached",
        "Properties": {
            "SubnetId": {"Ref": "SubnetA"},
            "AllocationId": {"Fn::GetAtt": ["Address", "AllocationId"]},
        },
    },
}
REFS = {name: {"Value": {"Ref": name}} for name in ("Vpc", "SubnetA", "Gateway")}


def refused(ec2: Any, operation: str, **parameters: str) -> None:
    with pytest.raises(ClientError, match="DependencyViolation"):
        getattr(ec2, operation)(**parameters)


def test_the_network_of_running_tasks_stays_until_they_stop(stacks: Stacks, client: Client) -> None:
    ids, ec2 = stacks.deploy("used", everything(), Outputs=OUTPUTS), client("ec2")
    refused(ec2, "delete_subnet", SubnetId=ids["SubnetA"])
    refused(ec2, "delete_security_group", GroupId=ids["Group"])
    refused(ec2, "delete_vpc", VpcId=ids["Vpc"])
    client("ecs").delete_service(cluster="infra", service="backend", force=True)
    ec2.delete_subnet(SubnetId=ids["SubnetA"])
    ec2.delete_security_group(GroupId=ids["Group"])
    stacks.delete("used")


def test_the_network_of_a_nat_gateway_stays(stacks: Stacks, client: Client) -> None:
    ids = stacks.deploy("nat", network() | NAT_GATEWAY, Outputs=REFS)
    gateway, ec2 = ids["Gateway"], client("ec2")
    refused(ec2, "delete_subnet", SubnetId=ids["SubnetA"])
    refused(ec2, "delete_internet_gateway", InternetGatewayId=gateway)
    refused(ec2, "detach_internet_gateway", InternetGatewayId=gateway, VpcId=ids["Vpc"])
    stacks.delete("nat")


def test_a_group_that_a_rule_of_another_group_names_stays(stacks: Stacks, client: Client) -> None:
    rule = {
        "IpProtocol": "tcp",
        "FromPort": 3000,
        "ToPort": 3000,
        "SourceSecurityGroupId": {"Fn::GetAtt": ["Group", "GroupId"]},
    }
    other = {
        "Type": "AWS::EC2::SecurityGroup",
        "Properties": {
            "VpcId": {"Ref": "Vpc"},
            "GroupDescription": "has the rule",
            "SecurityGroupIngress": [rule],
        },
    }
    outputs = {"Group": {"Value": {"Fn::GetAtt": ["Group", "GroupId"]}}}
    ids = stacks.deploy("rule", network() | {"Other": other}, Outputs=outputs)
    refused(client("ec2"), "delete_security_group", GroupId=ids["Group"])


def test_a_vpc_with_a_route_table_of_its_own_stays(client: Client) -> None:
    ec2 = client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.4.0.0/16")["Vpc"]["VpcId"]
    table = ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
    refused(ec2, "delete_vpc", VpcId=vpc)
    ec2.delete_route_table(RouteTableId=table)
    ec2.delete_vpc(VpcId=vpc)


def test_cloudformation_cannot_delete_a_subnet_with_a_task_of_another_cluster(
    stacks: Stacks, client: Client
) -> None:
    ids = stacks.deploy("used", everything(), Outputs=OUTPUTS)
    configuration = {"awsvpcConfiguration": {"subnets": [ids["SubnetC"]]}}
    ecs = client("ecs")
    ecs.create_cluster(clusterName="other")
    (task,) = ecs.run_task(
        cluster="other", taskDefinition="backend", networkConfiguration=configuration
    )["tasks"]
    with pytest.raises(StackFailedError) as failure:
        stacks.delete("used")
    assert "SubnetC: The subnet" in str(failure.value)
    assert "SubnetB" not in str(failure.value)
    ecs.stop_task(cluster="other", task=task["taskArn"])
    ecs.delete_cluster(cluster="other")
    stacks.delete("used")
