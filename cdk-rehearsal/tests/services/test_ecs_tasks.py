"""ECS of the local AWS: every running task of an awsvpc service has an address."""

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


def test_each_task_has_an_address_in_one_of_the_subnets(stacks: Stacks, client: Client) -> None:
    outputs = stacks.deploy("tasks", everything(count=6), Outputs=OUTPUTS)
    tasks = tasks_of(client)
    placed = [details(task)["subnetId"] for task in tasks]
    assert sorted(placed) == sorted([outputs[f"Subnet{zone}"] for zone in "ABC"] * 2)
    subnets = {each["SubnetId"]: each for each in client("ec2").describe_subnets()["Subnets"]}
    for task in tasks:
        address, subnet = details(task)["privateIPv4Address"], subnets[details(task)["subnetId"]]
        assert task["containers"][0]["networkInterfaces"][0]["privateIpv4Address"] == address
        cidr = ip_network(subnet["CidrBlock"])
        assert ip_address(address) in set(cidr) - {*list(cidr)[:4], cidr[-1]}, "AWS reserves five"
        assert subnet["AvailabilityZone"] == task["availabilityZone"]
    assert len({details(task)["privateIPv4Address"] for task in tasks}) == 6


def test_the_next_task_has_another_address(stacks: Stacks, client: Client) -> None:
    stacks.deploy("tasks", everything(count=1))
    (task,) = tasks_of(client)
    client("ecs").update_service(cluster="infra", service="backend", forceNewDeployment=True)
    (replacement,) = tasks_of(client)
    assert details(replacement)["privateIPv4Address"] != details(task)["privateIPv4Address"]
