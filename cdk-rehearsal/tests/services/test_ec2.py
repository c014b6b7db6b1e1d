"""EC2 of the local AWS: networks in templates, and deletions of what is in use."""

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from support.discoverable import OUTPUTS, everything, network
from support.stacks import StackFailedError, Stacks

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
            "Tags": [{"Key": "Name", "Value": "the-nat"}],
        },
    },
}


def refs(*names: str) -> dict[str, Any]:
    """Return outputs with the physical ids of these resources."""
    return {name: {"Value": {"Ref": name}} for name in names}


def refused(ec2: Any, operation: str, **parameters: str) -> None:
    """Expect that EC2 refuses to delete or detach something."""
    with pytest.raises(ClientError, match="DependencyViolation"):
        getattr(ec2, operation)(**parameters)


def test_a_nat_gateway_keeps_its_subnet_and_is_deleted(stacks: Stacks, client: Client) -> None:
    outputs = stacks.deploy("nat", network() | NAT_GATEWAY, Outputs=refs("SubnetA", "Nat"))
    ec2 = client("ec2")
    (nat,) = ec2.describe_nat_gateways(NatGatewayIds=[outputs["Nat"]])["NatGateways"]
    assert nat["State"] == "available"
    assert {"Key": "Name", "Value": "the-nat"} in nat["Tags"]
    refused(ec2, "delete_subnet", SubnetId=outputs["SubnetA"])
    stacks.delete("nat")
    (nat,) = ec2.describe_nat_gateways(NatGatewayIds=[outputs["Nat"]])["NatGateways"]
    assert nat["State"] == "deleted"
    assert ec2.describe_addresses()["Addresses"] == []


def test_a_flow_log_belongs_to_its_vpc_and_is_deleted_with_its_stack(
    stacks: Stacks, client: Client
) -> None:
    flow_log = {
        "ResourceId": {"Ref": "Vpc"},
        "ResourceType": "VPC",
        "TrafficType": "ALL",
        "LogGroupName": "flows",
        "DeliverLogsPermissionArn": "arn:aws:iam::111122223333:role/flows",
    }
    resources = {"FlowLog": {"Type": "AWS::EC2::FlowLog", "Properties": flow_log}}
    vpc = refs("Vpc") | {"Cidr": {"Value": {"Fn::GetAtt": ["Vpc", "CidrBlock"]}}}
    outputs = stacks.deploy("flowlog", network() | resources, Outputs=vpc)
    assert outputs["Cidr"] == "10.3.0.0/16"
    (read,) = client("ec2").describe_flow_logs()["FlowLogs"]
    assert (read["ResourceId"], read["TrafficType"]) == (outputs["Vpc"], "ALL")
    stacks.delete("flowlog")
    assert client("ec2").describe_flow_logs()["FlowLogs"] == []


def test_the_network_of_running_tasks_stays_until_they_stop(stacks: Stacks, client: Client) -> None:
    ids, ec2 = stacks.deploy("used", everything(), Outputs=OUTPUTS), client("ec2")
    refused(ec2, "delete_subnet", SubnetId=ids["SubnetA"])
    refused(ec2, "delete_security_group", GroupId=ids["Group"])
    refused(ec2, "delete_vpc", VpcId=ids["Vpc"])
    client("ecs").delete_service(cluster="infra", service="backend", force=True)
    ec2.delete_subnet(SubnetId=ids["SubnetA"])
    ec2.delete_security_group(GroupId=ids["Group"])
    stacks.delete("used")


def test_a_group_that_a_rule_of_another_group_names_stays(stacks: Stacks, client: Client) -> None:
    group = {"Fn::GetAtt": ["Group", "GroupId"]}
    rule = {"IpProtocol": "tcp", "FromPort": 3000, "ToPort": 3000, "SourceSecurityGroupId": group}
    other = {
        "VpcId": {"Ref": "Vpc"},
        "GroupDescription": "has the rule",
        "SecurityGroupIngress": [rule],
    }
    resources = {"Other": {"Type": "AWS::EC2::SecurityGroup", "Properties": other}}
    ids = stacks.deploy("rule", network() | resources, Outputs={"Group": {"Value": group}})
    refused(client("ec2"), "delete_security_group", GroupId=ids["Group"])


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
    assert "SubnetC: An error occurred (DependencyViolation)" in str(failure.value)
    assert "SubnetB" not in str(failure.value)
    ecs.stop_task(cluster="other", task=task["taskArn"])
    ecs.delete_cluster(cluster="other")
    stacks.delete("used")
