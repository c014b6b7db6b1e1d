"""EC2 of the local AWS: subnets and security groups of tasks are not deleted."""

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from support.discoverable import OUTPUTS, everything, network
from support.stacks import StackFailedError, Stacks

Client = Callable[[str], Any]


def test_a_vpc_has_its_ranges_as_attributes_and_a_flow_log(stacks: Stacks, client: Client) -> None:
    flow_log = {
        "ResourceId": {"Ref": "Vpc"},
        "ResourceType": "VPC",
        "TrafficType": "ALL",
        "LogGroupName": "flows",
        "DeliverLogsPermissionArn": "arn:aws:iam::111122223333:role/flows",
    }
    resources = {"FlowLog": {"Type": "AWS::EC2::FlowLog", "Properties": flow_log}}
    values = {"Vpc": {"Ref": "Vpc"}, "Cidr": {"Fn::GetAtt": ["Vpc", "CidrBlock"]}}
    named = {name: {"Value": value} for name, value in values.items()}
    outputs = stacks.deploy("flowlog", network() | resources, Outputs=named)
    assert outputs["Cidr"] == "10.3.0.0/16"
    (read,) = client("ec2").describe_flow_logs()["FlowLogs"]
    assert (read["ResourceId"], read["TrafficType"]) == (outputs["Vpc"], "ALL")
    stacks.delete("flowlog")
    assert client("ec2").describe_flow_logs()["FlowLogs"] == []


def test_the_network_of_running_tasks_stays_until_they_stop(stacks: Stacks, client: Client) -> None:
    ids, ec2 = stacks.deploy("used", everything(), Outputs=OUTPUTS), client("ec2")
    with pytest.raises(ClientError, match="DependencyViolation"):
        ec2.delete_subnet(SubnetId=ids["SubnetA"])
    with pytest.raises(ClientError, match="DependencyViolation"):
        ec2.delete_security_group(GroupId=ids["Group"])
    client("ecs").delete_service(cluster="infra", service="backend", force=True)
    ec2.delete_subnet(SubnetId=ids["SubnetA"])
    ec2.delete_security_group(GroupId=ids["Group"])
    stacks.delete("used")


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
