"""EC2 of the local AWS: parts of a network that are in use are not removed."""

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tools.local_aws.tests.discoverable import OUTPUTS, everything, network
from tools.local_aws.tests.stacks import StackFailedError, Stacks

Client = Callable[[str], Any]
Deletion = Callable[[Any, dict[str, str]], Any]

GATEWAY = {
    "Gateway": {"Type": "AWS::EC2::InternetGateway"},
    "Attached": {
        "Type": "AWS::EC2::VPCGatewayAttachment",
        "Properties": {"VpcId": {"Ref": "Vpc"}, "InternetGatewayId": {"Ref": "Gateway"}},
    },
}
NAT = {
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


@pytest.mark.parametrize(
    ("delete", "reason"),
    [
        (lambda ec2, ids: ec2.delete_subnet(SubnetId=ids["SubnetA"]), "subnet"),
        (lambda ec2, ids: ec2.delete_security_group(GroupId=ids["Group"]), "dependent object"),
        (lambda ec2, ids: ec2.delete_vpc(VpcId=ids["Vpc"]), "vpc"),
    ],
    ids=["subnet", "security group", "vpc"],
)
def test_the_network_of_running_tasks_stays(
    stacks: Stacks, client: Client, delete: Deletion, reason: str
) -> None:
    ids = stacks.deploy("used", everything(), Outputs=OUTPUTS)
    with pytest.raises(ClientError, match=f"DependencyViolation.*{reason}"):
        delete(client("ec2"), ids)


def test_without_its_tasks_it_goes(stacks: Stacks, client: Client) -> None:
    ids = stacks.deploy("used", everything(), Outputs=OUTPUTS)
    client("ecs").delete_service(cluster="infra", service="backend", force=True)
    client("ec2").delete_subnet(SubnetId=ids["SubnetA"])
    client("ec2").delete_security_group(GroupId=ids["Group"])
    stacks.delete("used")


@pytest.mark.parametrize(
    "delete",
    [
        lambda ec2, ids: ec2.delete_subnet(SubnetId=ids["SubnetA"]),
        lambda ec2, ids: ec2.delete_internet_gateway(InternetGatewayId=ids["Gateway"]),
        lambda ec2, ids: ec2.detach_internet_gateway(
            InternetGatewayId=ids["Gateway"], VpcId=ids["Vpc"]
        ),
    ],
    ids=["subnet", "internet gateway", "its attachment"],
)
def test_the_network_of_a_nat_gateway_stays(
    stacks: Stacks, client: Client, delete: Deletion
) -> None:
    ids = stacks.deploy("nat", network() | GATEWAY | NAT, Outputs=REFS)
    with pytest.raises(ClientError, match="DependencyViolation"):
        delete(client("ec2"), ids)
    stacks.delete("nat")


def test_a_group_that_a_rule_names_stays(stacks: Stacks, client: Client) -> None:
    other = {
        "Type": "AWS::EC2::SecurityGroup",
        "Properties": {
            "VpcId": {"Ref": "Vpc"},
            "GroupDescription": "named by a rule",
            "SecurityGroupIngress": [
                {
                    "IpProtocol": "tcp",
                    "FromPort": 3000,
                    "ToPort": 3000,
                    "SourceSecurityGroupId": {"Fn::GetAtt": ["Group", "GroupId"]},
                }
            ],
        },
    }
    outputs = {"Group": {"Value": {"Fn::GetAtt": ["Group", "GroupId"]}}}
    ids = stacks.deploy("rule", network() | {"Other": other}, Outputs=outputs)
    with pytest.raises(ClientError, match="dependent object"):
        client("ec2").delete_security_group(GroupId=ids["Group"])


def test_a_vpc_with_a_route_table_of_its_own_stays(client: Client) -> None:
    ec2 = client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.4.0.0/16")["Vpc"]["VpcId"]
    table = ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
    with pytest.raises(ClientError, match="DependencyViolation"):
        ec2.delete_vpc(VpcId=vpc)
    ec2.delete_route_table(RouteTableId=table)
    ec2.delete_vpc(VpcId=vpc)


def test_cloudformation_is_refused_as_well(stacks: Stacks, client: Client) -> None:
    """A subnet with a task that the stack does not know: the rest goes, the subnet stays."""
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
    assert len(client("ec2").describe_subnets(SubnetIds=[ids["SubnetC"]])["Subnets"]) == 1
    ecs.stop_task(cluster="other", task=task["taskArn"])
    ecs.delete_cluster(cluster="other")
    stacks.delete("used")
