"""ECS of the local AWS: every running task of an awsvpc service has a network interface."""

from collections.abc import Callable
from ipaddress import ip_address, ip_network
from typing import Any

from support.discoverable import OUTPUTS, everything
from support.stacks import Stacks

Client = Callable[[str], Any]
Task = dict[str, Any]


def tasks_of(client: Client) -> list[Task]:
    ecs = client("ecs")
    arns = ecs.list_tasks(cluster="infra", serviceName="backend")["taskArns"]
    return list(ecs.describe_tasks(cluster="infra", tasks=arns)["tasks"])


def details(task: Task) -> dict[str, str]:
    (attachment,) = task["attachments"]
    return {detail["name"]: detail["value"] for detail in attachment["details"]}


def interfaces(client: Client) -> dict[str, dict[str, Any]]:
    found = client("ec2").describe_network_interfaces()["NetworkInterfaces"]
    return {interface["NetworkInterfaceId"]: interface for interface in found}


def test_each_task_has_an_interface_with_an_address_in_one_of_the_subnets(
    stacks: Stacks, client: Client
) -> None:
    outputs = stacks.deploy("tasks", everything(count=6), Outputs=OUTPUTS)
    tasks, found = tasks_of(client), interfaces(client)
    placed = [details(task)["subnetId"] for task in tasks]
    assert sorted(placed) == sorted([outputs[f"Subnet{zone}"] for zone in "ABC"] * 2)
    ranges = {s["SubnetId"]: s["CidrBlock"] for s in client("ec2").describe_subnets()["Subnets"]}
    for task in tasks:
        interface = found.pop(details(task)["networkInterfaceId"])
        address, cidr = interface["PrivateIpAddress"], ip_network(ranges[interface["SubnetId"]])
        assert details(task)["privateIPv4Address"] == address
        assert task["containers"][0]["networkInterfaces"][0]["privateIpv4Address"] == address
        assert ip_address(address) in set(cidr) - {*list(cidr)[:4], cidr[-1]}, "AWS reserves five"
        assert interface["AvailabilityZone"] == task["availabilityZone"]
        assert interface["Status"] == "in-use"
        assert interface["Description"].endswith(f":attachment/{task['attachments'][0]['id']}")
        assert [group["GroupId"] for group in interface["Groups"]] == [outputs["Group"]]
    assert found == {}


def test_a_stopped_task_loses_its_interface_and_the_next_has_another_address(
    stacks: Stacks, client: Client
) -> None:
    stacks.deploy("tasks", everything(count=1))
    (task,) = tasks_of(client)
    client("ecs").stop_task(cluster="infra", task=task["taskArn"])
    answer = client("ecs").describe_tasks(cluster="infra", tasks=[task["taskArn"]])
    assert answer["tasks"][0]["attachments"][0]["status"] == "DELETED"
    client("ecs").update_service(cluster="infra", service="backend", forceNewDeployment=True)
    (replacement,) = tasks_of(client)
    assert list(interfaces(client)) == [details(replacement)["networkInterfaceId"]]
    assert details(replacement)["privateIPv4Address"] != details(task)["privateIPv4Address"]


def test_a_task_without_a_service_has_an_address_too(stacks: Stacks, client: Client) -> None:
    outputs = stacks.deploy("tasks", everything(count=1), Outputs=OUTPUTS)
    ecs, run = client("ecs"), {"cluster": "infra", "taskDefinition": "backend"}
    configuration = {"awsvpcConfiguration": {"subnets": [outputs["SubnetB"]]}}
    (task,) = ecs.run_task(**run, networkConfiguration=configuration)["tasks"]
    interface = interfaces(client)[details(task)["networkInterfaceId"]]
    assert interface["SubnetId"] == outputs["SubnetB"]
    assert [group["GroupName"] for group in interface["Groups"]] == ["default"]
    ecs.delete_service(cluster="infra", service="backend", force=True)
    ecs.stop_task(cluster="infra", task=task["taskArn"])
    assert interfaces(client) == {}
