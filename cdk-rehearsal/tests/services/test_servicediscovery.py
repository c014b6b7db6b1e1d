"""Cloud Map of the local AWS: the running tasks of a service, and no others, are its instances."""

from collections.abc import Callable
from typing import Any

import pytest

from support.discoverable import HOST, NAMESPACE, OUTPUTS, everything
from support.stacks import Stacks

Client = Callable[[str], Any]


class Names:
    """Compares Cloud Map and the hosted zone of the namespace with the running tasks."""

    def __init__(self, client: Client) -> None:
        self._ecs, self._route53 = client("ecs"), client("route53")
        self.cloud_map = client("servicediscovery")

    def _running(self) -> dict[str, str]:
        """Return the address of each running task by its id."""
        arns = self._ecs.list_tasks(cluster="infra", serviceName="backend")["taskArns"]
        tasks = self._ecs.describe_tasks(cluster="infra", tasks=arns)["tasks"] if arns else []
        return {
            task["taskArn"].rsplit("/", 1)[-1]: interface["privateIpv4Address"]
            for task in tasks
            for interface in task["containers"][0]["networkInterfaces"]
        }

    def discovered(self, **question: Any) -> dict[str, str]:
        found = self.cloud_map.discover_instances(
            NamespaceName=NAMESPACE, ServiceName="backend", **question
        )["Instances"]
        return {i["InstanceId"]: i["Attributes"]["AWS_INSTANCE_IPV4"] for i in found}

    def record_sets(self) -> list[dict[str, Any]]:
        (zone,) = self._route53.list_hosted_zones()["HostedZones"]
        answer = self._route53.list_resource_record_sets(HostedZoneId=zone["Id"])
        return [r for r in answer["ResourceRecordSets"] if r["Type"] == "A"]

    def expect_running(self, count: int) -> dict[str, str]:
        running, sets = self._running(), self.record_sets()
        assert len(running) == count
        assert self.discovered() == running
        assert {r["SetIdentifier"]: r["ResourceRecords"][0]["Value"] for r in sets} == running
        return running


@pytest.fixture
def names(client: Client) -> Names:
    return Names(client)


def test_a_task_is_registered_with_the_attributes_that_ecs_documents_and_a_record(
    stacks: Stacks, names: Names
) -> None:
    service_id = stacks.deploy("found", everything(count=1), Outputs=OUTPUTS)["Discovery"]
    ((task, address),) = names.expect_running(1).items()
    attributes = {
        "AWS_INSTANCE_IPV4": address,
        "AWS_INIT_HEALTH_STATUS": "HEALTHY",
        "AVAILABILITY_ZONE": "eu-west-1a",
        "REGION": "eu-west-1",
        "ECS_CLUSTER_NAME": "infra",
        "ECS_SERVICE_NAME": "backend",
        "ECS_TASK_DEFINITION_FAMILY": "backend",
    }
    listed = names.cloud_map.list_instances(ServiceId=service_id)["Instances"]
    assert listed == [{"Id": task, "Attributes": attributes}]
    (record,) = names.record_sets()
    assert (record["Name"], record["Type"], record["TTL"]) == (f"{HOST}.", "A", 10)
    assert (record["SetIdentifier"], record["MultiValueAnswer"]) == (task, True)


def test_scaling_and_stopping_tasks_change_the_instances(
    stacks: Stacks, names: Names, client: Client
) -> None:
    ecs, service = client("ecs"), {"cluster": "infra", "service": "backend"}
    stacks.deploy("found", everything())
    three = names.expect_running(3)
    ecs.update_service(**service, desiredCount=5)
    assert three.items() <= names.expect_running(5).items()
    ecs.update_service(**service, desiredCount=2)
    stopped = min(names.expect_running(2))
    ecs.stop_task(cluster="infra", task=stopped)
    assert stopped not in names.expect_running(1)
    ecs.update_service(**service, desiredCount=0)
    names.expect_running(0)


def test_unhealthy_instances_are_discovered_only_if_none_is_healthy(
    stacks: Stacks, names: Names
) -> None:
    service_id = stacks.deploy("found", everything(count=2), Outputs=OUTPUTS)["Discovery"]
    well, sick = sorted(names.expect_running(2))
    update = names.cloud_map.update_instance_custom_health_status
    update(ServiceId=service_id, InstanceId=sick, Status="UNHEALTHY")
    assert list(names.discovered()) == [well]
    assert list(names.discovered(HealthStatus="UNHEALTHY")) == [sick]
    update(ServiceId=service_id, InstanceId=well, Status="UNHEALTHY")
    assert sorted(names.discovered()) == [well, sick]
