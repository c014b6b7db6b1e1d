"""Cloud Map of the local AWS: the tasks that run, and no other, are found by name."""

import time
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tools.local_aws import Delays, LocalAws
from tools.local_aws.tests.discoverable import (
    HOST,
    NAMESPACE,
    OUTPUTS,
    everything,
    network,
    registry,
)
from tools.local_aws.tests.stacks import StackFailedError, Stacks

Client = Callable[[str], Any]


class Names:
    """What Cloud Map and the zone of the namespace say, and what runs."""

    def __init__(self, client: Client) -> None:
        self._ecs, self._route53 = client("ecs"), client("route53")
        self.cloud_map = client("servicediscovery")

    def running(self) -> dict[str, str]:
        """The address of each running task, by the id of the task."""
        arns = self._ecs.list_tasks(cluster="infra", serviceName="backend")["taskArns"]
        tasks = self._ecs.describe_tasks(cluster="infra", tasks=arns)["tasks"] if arns else []
        return {
            task["taskArn"].rsplit("/", 1)[-1]: detail["value"]
            for task in tasks
            for detail in task["attachments"][0]["details"]
            if detail["name"] == "privateIPv4Address"
        }

    def discovered(self, **question: Any) -> dict[str, str]:
        found = self.cloud_map.discover_instances(
            NamespaceName=NAMESPACE, ServiceName="backend", **question
        )["Instances"]
        return {i["InstanceId"]: i["Attributes"]["AWS_INSTANCE_IPV4"] for i in found}

    def record_sets(self) -> list[dict[str, Any]]:
        (zone,) = self._route53.list_hosted_zones()["HostedZones"]
        answer = self._route53.list_resource_record_sets(HostedZoneId=zone["Id"])
        return [r for r in answer["ResourceRecordSets"] if r["Type"] not in ("SOA", "NS")]

    def records(self) -> dict[str, str]:
        return {r["SetIdentifier"]: r["ResourceRecords"][0]["Value"] for r in self.record_sets()}

    def expect_running(self, count: int) -> dict[str, str]:
        running = self.running()
        assert len(running) == count
        assert self.discovered() == running
        assert self.records() == running
        return running


@pytest.fixture
def names(client: Client) -> Names:
    return Names(client)


def test_a_task_is_registered_with_what_ecs_knows(stacks: Stacks, names: Names) -> None:
    service_id = stacks.deploy("found", everything(count=1), Outputs=OUTPUTS)["Discovery"]
    ((task, address),) = names.running().items()
    attributes = {
        "AWS_INSTANCE_IPV4": address,
        "AWS_INIT_HEALTH_STATUS": "HEALTHY",
        "AVAILABILITY_ZONE": "eu-west-1a",
        "REGION": "eu-west-1",
        "ECS_CLUSTER_NAME": "infra",
        "ECS_SERVICE_NAME": "backend",
        "ECS_TASK_DEFINITION_FAMILY": "backend",
    }
    cloud_map = names.cloud_map
    listed = cloud_map.list_instances(ServiceId=service_id)["Instances"]
    assert listed == [{"Id": task, "Attributes": attributes}]
    got = cloud_map.get_instance(ServiceId=service_id, InstanceId=task)["Instance"]
    assert got["Attributes"] == attributes
    health = cloud_map.get_instances_health_status(ServiceId=service_id)["Status"]
    assert health == {task: "HEALTHY"}


def test_the_zone_has_a_record_set_for_each_task(stacks: Stacks, names: Names) -> None:
    stacks.deploy("found", everything())
    running = names.expect_running(3)
    for record in names.record_sets():
        assert record == {
            "Name": f"{HOST}.",
            "Type": "A",
            "TTL": 10,
            "MultiValueAnswer": True,
            "SetIdentifier": record["SetIdentifier"],
            "ResourceRecords": [{"Value": running[record["SetIdentifier"]]}],
        }


def test_scaling_and_stopping_change_who_is_found(
    stacks: Stacks, names: Names, client: Client
) -> None:
    ecs = client("ecs")
    stacks.deploy("found", everything())
    three = names.expect_running(3)
    ecs.update_service(cluster="infra", service="backend", desiredCount=5)
    five = names.expect_running(5)
    assert three.items() <= five.items()
    ecs.update_service(cluster="infra", service="backend", desiredCount=2)
    two = names.expect_running(2)
    assert two.items() <= five.items()
    stopped = min(two)
    ecs.stop_task(cluster="infra", task=stopped)
    assert stopped not in names.expect_running(2)
    ecs.update_service(cluster="infra", service="backend", desiredCount=0)
    names.expect_running(0)


def test_a_deployment_replaces_who_is_found(stacks: Stacks, names: Names, client: Client) -> None:
    stacks.deploy("found", everything())
    before = names.expect_running(3)
    client("ecs").update_service(cluster="infra", service="backend", forceNewDeployment=True)
    after = names.expect_running(3)
    assert not before.keys() & after.keys()
    assert not set(before.values()) & set(after.values())


def test_a_deployment_that_fails_changes_nothing(stacks: Stacks, names: Names) -> None:
    stacks.deploy("found", everything())
    before = names.expect_running(3)
    image = "111122223333.dkr.ecr.eu-west-1.amazonaws.com/never:pushed"
    with pytest.raises(StackFailedError, match="Circuit Breaker"):
        stacks.deploy("found", everything(image=image))
    assert names.expect_running(3) == before


def test_a_scalable_target_registers_the_tasks_that_it_starts(stacks: Stacks, names: Names) -> None:
    target = {
        "Type": "AWS::ApplicationAutoScaling::ScalableTarget",
        "Properties": {
            "ServiceNamespace": "ecs",
            "ScalableDimension": "ecs:service:DesiredCount",
            "ResourceId": {"Fn::Sub": "service/${Cluster}/${Service.Name}"},
            "MinCapacity": 4,
            "MaxCapacity": 10,
        },
    }
    stacks.deploy("found", everything(count=1) | {"Target": target})
    names.expect_running(4)


def test_a_service_may_change_its_registry(stacks: Stacks, names: Names, client: Client) -> None:
    stacks.deploy("found", everything())
    names.expect_running(3)
    client("ecs").update_service(cluster="infra", service="backend", serviceRegistries=[])
    assert names.discovered() == {}
    assert names.records() == {}


def test_what_is_in_use_is_not_deleted(stacks: Stacks, names: Names) -> None:
    outputs = stacks.deploy("found", everything(), Outputs=OUTPUTS)
    with pytest.raises(ClientError, match=r"ResourceInUse.*contains registered instances"):
        names.cloud_map.delete_service(Id=outputs["Discovery"])
    with pytest.raises(ClientError, match="ResourceInUse"):
        names.cloud_map.delete_namespace(Id=outputs["Namespace"])
    names.expect_running(3)


def test_nothing_is_left_of_a_namespace(stacks: Stacks, client: Client) -> None:
    stacks.deploy("found", everything())
    stacks.delete("found")
    assert client("servicediscovery").list_namespaces()["Namespaces"] == []
    assert client("route53").list_hosted_zones()["HostedZones"] == []


def test_an_instance_of_somebody_else_is_left_alone(
    stacks: Stacks, names: Names, client: Client
) -> None:
    service_id = stacks.deploy("found", everything(), Outputs=OUTPUTS)["Discovery"]
    names.cloud_map.register_instance(
        ServiceId=service_id, InstanceId="own", Attributes={"AWS_INSTANCE_IPV4": "10.3.9.9"}
    )
    client("ecs").delete_service(cluster="infra", service="backend", force=True)
    assert names.discovered() == names.records() == {"own": "10.3.9.9"}
    names.cloud_map.deregister_instance(ServiceId=service_id, InstanceId="own")
    assert names.discovered() == names.records() == {}
    with pytest.raises(ClientError, match="InstanceNotFound"):
        names.cloud_map.deregister_instance(ServiceId=service_id, InstanceId="own")


def test_an_instance_needs_an_address_and_a_known_health(stacks: Stacks, names: Names) -> None:
    service_id = stacks.deploy("found", network() | registry(), Outputs=OUTPUTS)["Discovery"]
    unknown = {"AWS_INSTANCE_IPV4": "10.3.9.9", "AWS_INIT_HEALTH_STATUS": "FINE"}
    for attributes, reason in (({}, "AWS_INSTANCE_IPV4"), (unknown, "AWS_INIT_HEALTH_STATUS")):
        with pytest.raises(ClientError, match=f"InvalidInput.*{reason}"):
            names.cloud_map.register_instance(
                ServiceId=service_id, InstanceId="own", Attributes=attributes
            )
    assert names.discovered() == {}


def test_the_unhealthy_are_not_found_while_others_are_well(stacks: Stacks, names: Names) -> None:
    service_id = stacks.deploy("found", everything(count=2), Outputs=OUTPUTS)["Discovery"]
    well, sick = sorted(names.expect_running(2))
    update = names.cloud_map.update_instance_custom_health_status
    update(ServiceId=service_id, InstanceId=sick, Status="UNHEALTHY")
    assert list(names.discovered()) == [well]
    assert list(names.discovered(HealthStatus="UNHEALTHY")) == [sick]
    update(ServiceId=service_id, InstanceId=well, Status="UNHEALTHY")
    assert sorted(names.discovered()) == [well, sick], "all, when none is well"


def test_questions_are_narrowed(stacks: Stacks, names: Names) -> None:
    outputs = stacks.deploy("found", everything(), Outputs=OUTPUTS)
    zone = {"AVAILABILITY_ZONE": "eu-west-1b"}
    assert len(names.discovered(QueryParameters=zone)) == 1
    assert names.discovered(QueryParameters={"ECS_SERVICE_NAME": "other"}) == {}
    for namespace, count in ((outputs["Namespace"], 1), ("ns-other", 0)):
        filters = [{"Name": "NAMESPACE_ID", "Values": [namespace], "Condition": "EQ"}]
        assert len(names.cloud_map.list_services(Filters=filters)["Services"]) == count
    with pytest.raises(ClientError, match="does not know this filter"):
        names.cloud_map.list_namespaces(Filters=[{"Name": "HTTP_NAME", "Values": ["x"]}])


def test_health_is_acted_on_late_and_only_if_it_has_not_changed_again() -> None:
    """As Cloud Map does it, for which AWS documents 30 seconds."""
    delays = Delays(custom_health=2)
    with LocalAws(account="111122223333", region="eu-west-1", delays=delays) as aws:
        cloud_map = aws.client("servicediscovery")
        cloud_map.create_http_namespace(Name="test")
        (namespace,) = cloud_map.list_namespaces()["Namespaces"]
        service = cloud_map.create_service(
            Name="one", NamespaceId=namespace["Id"], HealthCheckCustomConfig={}
        )["Service"]["Id"]
        for instance in ("stays", "changes"):
            cloud_map.register_instance(ServiceId=service, InstanceId=instance, Attributes={})

        def tell(instance: str, status: str) -> None:
            cloud_map.update_instance_custom_health_status(
                ServiceId=service, InstanceId=instance, Status=status
            )

        def health() -> dict[str, str]:
            answer = cloud_map.get_instances_health_status(ServiceId=service)
            return dict(answer["Status"])

        well = dict.fromkeys(("stays", "changes"), "HEALTHY")
        tell("stays", "UNHEALTHY")
        tell("changes", "UNHEALTHY")
        time.sleep(1)
        tell("stays", "UNHEALTHY")  # does not begin the time again
        tell("changes", "HEALTHY")
        assert health() == well
        time.sleep(1.5)
        assert health() == well | {"stays": "UNHEALTHY"}
        time.sleep(1)
        assert health() == well | {"stays": "UNHEALTHY"}
