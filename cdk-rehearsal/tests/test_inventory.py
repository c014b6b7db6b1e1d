"""The inventory finds the resources of a stack, missing ones, and what a deletion left."""

from collections.abc import Callable
from typing import Any

from cdk_rehearsal import Inventory, LocalAws
from support.discoverable import network
from support.stacks import Stacks

Client = Callable[[str], Any]
INSTANCES, RECORDS = "AWS::ServiceDiscovery::Instance", "record set of a hosted zone"


def test_it_reports_a_missing_resource_and_a_type_that_it_cannot_find(
    stacks: Stacks, client: Client, local_aws: LocalAws
) -> None:
    inventory = Inventory(local_aws.access)
    address = {"Type": "AWS::EC2::EIP", "Properties": {"Domain": "vpc"}}
    stacks.deploy("found", network() | {"Address": address})
    assert inventory.missing(["found"]) == []
    (taken,) = client("ec2").describe_addresses()["Addresses"]
    client("ec2").release_address(AllocationId=taken["AllocationId"])
    bus = {"Bus": {"Type": "AWS::Events::EventBus", "Properties": {"Name": "b"}}}
    stacks.deploy("strange", bus)
    address_line, bus_line = inventory.missing(["found", "strange"])
    assert address_line.startswith("found/Address (AWS::EC2::EIP")
    assert "AWS::Events::EventBus" in bus_line
    assert bus_line.endswith("does not know this type")
    assert inventory.missing(["strange"], listed_only=True) == []
