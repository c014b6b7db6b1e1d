"""The inventory finds the resources of a stack, missing ones, and what a deletion left."""

from collections.abc import Callable
from typing import Any

import pytest

from cdk_rehearsal import Inventory, LocalAws
from cdk_rehearsal import inventory as inventory_module
from support.discoverable import HOST, OUTPUTS, network, registry
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


def test_it_finds_what_is_left_in_cloud_map(
    stacks: Stacks, client: Client, local_aws: LocalAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Only these kinds: a client for every service takes seconds.
    known = vars(inventory_module)["_LISTINGS"]
    listings = {kind: known[kind] for kind in (INSTANCES, RECORDS)}
    monkeypatch.setattr(inventory_module, "_LISTINGS", listings)
    cloud_map = client("servicediscovery")
    service_id = stacks.deploy("found", network() | registry(), Outputs=OUTPUTS)["Discovery"]
    inventory = Inventory(local_aws.access)
    before = inventory.snapshot()
    cloud_map.register_instance(
        ServiceId=service_id, InstanceId="own", Attributes={"AWS_INSTANCE_IPV4": "10.3.9.9"}
    )
    added = inventory.added_since(before)
    assert added[INSTANCES] == ["own"]
    (record,) = added[RECORDS]
    assert record.endswith(f"|{HOST}.|A|own")
    cloud_map.deregister_instance(ServiceId=service_id, InstanceId="own")
    assert inventory.added_since(before) == {}
