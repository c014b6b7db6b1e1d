"""ECS of the local AWS: every running task of an awsvpc service has a network interface."""

from collections.abc import Callable
from ipaddress import ip_address, ip_network
from typing import Any

import pytest
from botocore.exceptions import ClientError

from support.discoverable import OUTPUTS, everything, network, registry, service
from support.stacks import StackFailedError, Stacks

Client = Callable[[str], Any]
Task = dict[str, Any]


def _tasks(client: Client) -> list[Task]:
    ecs = client("ecs")
    arns = ecs.list_tasks(cluster="infra", serviceName="backend")["taskArns"]
    tasks: list[Task] = ecs.describe_tasks(cluster="infra", tasks=arns)["tasks"] if arns else []
    return tasks


def _details(task: Task) -> dict[str, str]:
    (attachment,) = task["attachments"]
    return {detail["name"]: detail["value"] for detail in attachment["details"]}


def _interfaces(client: Client) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = client("ec2").describe_network_interfaces()["NetworkInterfaces"]
    return found


def test_tasks_are_spread_over_the_subnets_and_have_addresses_of_them(
    stacks: Stacks, client: Client
) -> None:
    outputs = stacks.deploy("tasks", everything(count=6), Outputs=OUTPUTS)
    tasks = _tasks(client)
    placed = [_details(task)["subnetId"] for task in tasks]
    assert sorted(placed) == sorted([outputs[f"Subnet{zone}"] for zone in "ABC"] * 2)
    assert sorted({t["availabilityZone"] for t in tasks}) == [f"eu-west-1{z}" for z in "abc"]
    subnets = {s["SubnetId"]: s for s in client("ec2").describe_subnets()["Subnets"]}
    addresses = []
    for task in tasks:
        details = _details(task)
        cidr = ip_network(subnets[details["subnetId"]]["CidrBlock"])
        address = ip_address(details["privateIPv4Address"])
        assert address in cidr
        assert address not in {*list(cidr)[:4], cidr[-1]}, "AWS reserves these addresses"
        (container,) = task["containers"]
        (interface,) = container["networkInterfaces"]
        assert interface["privateIpv4Address"] == str(address)
        assert interface["attachmentId"] == task["attachments"][0]["id"]
        addresses.append(address)
    assert len(set(addresses)) == 6


def test_ec2_shows_the_interface_of_a_task(stacks: Stacks, client: Client) -> None:
    outputs = stacks.deploy("tasks", everything(), Outputs=OUTPUTS)
    for task in _tasks(client):
        details = _details(task)
        ids = [details["networkInterfaceId"]]
        answer = client("ec2").describe_network_interfaces(NetworkInterfaceIds=ids)
        (interface,) = answer["NetworkInterfaces"]
        assert interface["PrivateIpAddress"] == details["privateIPv4Address"]
        assert interface["AvailabilityZone"] == task["availabilityZone"]
        assert interface["VpcId"] == outputs["Vpc"]
        assert interface["Status"] == "in-use"
        assert interface["Description"].endswith(f":attachment/{task['attachments'][0]['id']}")
        assert [group["GroupId"] for group in interface["Groups"]] == [outputs["Group"]]
    assert len(_interfaces(client)) == 3
    filters = [{"Name": "subnet-id", "Values": ["subnet-0"]}]
    with pytest.raises(ClientError, match="does not know the filter 'subnet-id'"):
        client("ec2").describe_network_interfaces(Filters=filters)


def test_a_stopped_task_loses_its_interface_and_the_next_has_another_address(
    stacks: Stacks, client: Client
) -> None:
    stacks.deploy("tasks", everything(count=1))
    (task,) = _tasks(client)
    client("ecs").stop_task(cluster="infra", task=task["taskArn"])
    answer = client("ecs").describe_tasks(cluster="infra", tasks=[task["taskArn"]])
    assert answer["tasks"][0]["attachments"][0]["status"] == "DELETED"
    (replacement,) = _tasks(client)
    assert replacement["taskArn"] != task["taskArn"]
    (interface,) = _interfaces(client)
    assert interface["NetworkInterfaceId"] == _details(replacement)["networkInterfaceId"]
    before = _details(task)["privateIPv4Address"]
    assert _details(replacement)["privateIPv4Address"] != before
    stacks.delete("tasks")
    assert _interfaces(client) == []


def test_a_task_without_a_free_address_does_not_start(stacks: Stacks, client: Client) -> None:
    """A /28 has 16 addresses, and AWS reserves five of them."""
    small = network(prefix=28) | registry()
    stacks.deploy("tasks", small | service(count=33))
    assert len(_interfaces(client)) == 33
    stacks.delete("tasks")
    with pytest.raises(StackFailedError, match="not enough free addresses"):
        stacks.deploy("tasks", small | service(count=34))
    assert _interfaces(client) == []


def test_a_task_in_awsvpc_mode_needs_a_subnet(stacks: Stacks, client: Client) -> None:
    stacks.deploy("tasks", everything(count=1))
    with pytest.raises(ClientError, match="Network Configuration must be provided"):
        client("ecs").run_task(cluster="infra", taskDefinition="backend")
    configuration = {"awsvpcConfiguration": {"subnets": ["subnet-0"]}}
    with pytest.raises(ClientError, match="subnet ID 'subnet-0' does not exist"):
        client("ecs").run_task(
            cluster="infra", taskDefinition="backend", networkConfiguration=configuration
        )


def test_a_task_without_a_service_has_an_address(stacks: Stacks, client: Client) -> None:
    outputs = stacks.deploy("tasks", everything(count=1), Outputs=OUTPUTS)
    configuration = {"awsvpcConfiguration": {"subnets": [outputs["SubnetB"]]}}
    ecs = client("ecs")
    (task,) = ecs.run_task(
        cluster="infra", taskDefinition="backend", networkConfiguration=configuration
    )["tasks"]
    (interface,) = [
        each for each in _interfaces(client) if each["Groups"][0]["GroupName"] == "default"
    ]
    assert interface["SubnetId"] == outputs["SubnetB"]
    assert interface["PrivateIpAddress"] == _details(task)["privateIPv4Address"]
    ecs.delete_service(cluster="infra", service="backend", force=True)
    with pytest.raises(ClientError, match="ClusterContainsTasksException"):
        ecs.delete_cluster(cluster="infra")
    ecs.stop_task(cluster="infra", task=task["taskArn"])
    assert _interfaces(client) == []
