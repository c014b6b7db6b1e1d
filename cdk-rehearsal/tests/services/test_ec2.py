"""EC2 of the local AWS: what a template can say of a VPC."""

from collections.abc import Callable
from typing import Any

from support.discoverable import network
from support.stacks import Stacks

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
