"""The ECS service, its security group, and its registration in Cloud Map."""

from typing import Any

import pytest

from tests.synthesis import EXISTING, ISOLATED, TOPOLOGIES, Synthesis, synthesise

SERVICE = "BackendServiceStack"
KIND = "AWS::ECS::Service"


def service(**changes: str) -> dict[str, Any]:
    """Return the properties of the ECS service."""
    return synthesise(**changes).only(SERVICE, KIND)


def starts_after(synthesis: Synthesis) -> set[str]:
    """Return everything that CloudFormation completes before it creates the service."""
    resources = synthesis.templates[synthesis.stack_name(SERVICE)]["Resources"]
    (start,) = synthesis.resources(SERVICE, KIND)
    found: set[str] = set()
    waiting = [start]
    while waiting:
        dependencies = set(resources[waiting.pop()].get("DependsOn", []))
        waiting += dependencies - found
        found |= dependencies
    return found


@pytest.mark.parametrize("topology", TOPOLOGIES)
def test_it_starts_after_the_copy_of_its_first_image(topology: str) -> None:
    synthesis = synthesise(**TOPOLOGIES[topology])
    (seed,) = synthesis.resources(SERVICE, "Custom::FirstImage")
    assert seed in starts_after(synthesis)


@pytest.mark.parametrize("topology", TOPOLOGIES)
def test_it_starts_after_ecs_may_start_its_tasks(topology: str) -> None:
    synthesis = synthesise(**TOPOLOGIES[topology])
    (policy,) = (
        key
        for key, policy in synthesis.resources(SERVICE, "AWS::IAM::Policy").items()
        if key.startswith(("TaskExecutionRole", "TaskStartTask"))
    )
    assert policy in starts_after(synthesis)


@pytest.mark.parametrize("kind", ["AWS::EC2::SecurityGroup", "AWS::ServiceDiscovery::Service"])
def test_these_resources_do_not_wait_for_the_image(kind: str) -> None:
    (seed,) = synthesise().resources(SERVICE, "Custom::FirstImage")
    (resource,) = synthesise().resources(SERVICE, kind).values()
    assert seed not in resource.get("DependsOn", [])


def test_tasks_run_in_the_private_subnets_without_public_addresses() -> None:
    network = service()["NetworkConfiguration"]["AwsvpcConfiguration"]
    exports = {
        output["Export"]["Name"]: output["Value"]
        for output in synthesise().templates["CoreInfraStack"]["Outputs"].values()
        if "Export" in output
    }
    private = synthesise().templates["CoreInfraStack"]["Outputs"]["PrivateSubnetIds"]["Value"]
    subnets = [exports[subnet["Fn::ImportValue"]] for subnet in network["Subnets"]]
    assert subnets == private["Fn::Join"][1][::2]
    assert network["AssignPublicIp"] == "DISABLED"


@pytest.mark.parametrize("topology", TOPOLOGIES)
def test_the_desired_count_is_left_to_auto_scaling(topology: str) -> None:
    assert "DesiredCount" not in service(**TOPOLOGIES[topology])


def test_a_failing_deployment_is_rolled_back_by_the_circuit_breaker() -> None:
    breaker = service()["DeploymentConfiguration"]["DeploymentCircuitBreaker"]
    assert (breaker["Enable"], breaker["Rollback"]) == (True, True)


def test_the_circuit_breaker_counts_tasks_that_crash_after_they_were_healthy() -> None:
    """By default ECS sets its count of failures to 0 when a task becomes healthy."""
    breaker = service()["DeploymentConfiguration"]["DeploymentCircuitBreaker"]
    assert breaker["ResetOnHealthyTask"] is False


def test_a_deployment_never_takes_capacity_away() -> None:
    deployment = service()["DeploymentConfiguration"]
    assert deployment["MinimumHealthyPercent"] == 100
    assert deployment["MaximumPercent"] == 200


def test_tasks_are_rebalanced_over_the_zones() -> None:
    assert service()["AvailabilityZoneRebalancing"] == "ENABLED"


def test_no_deployment_controller_is_named() -> None:
    """A later change of the controller would replace the service."""
    assert "DeploymentController" not in service()


def test_it_is_found_by_an_a_record_that_expires_after_the_ttl_of_the_settings() -> None:
    discovery = synthesise().only(SERVICE, "AWS::ServiceDiscovery::Service")
    assert discovery["Name"] == "ecsdemo-backend"
    assert discovery["DnsConfig"]["DnsRecords"] == [{"Type": "A", "TTL": 10}]
    assert discovery["DnsConfig"]["RoutingPolicy"] == "MULTIVALUE"
    assert "HealthCheckCustomConfig" in discovery  # ECS reports the health of its tasks.


def test_ecs_registers_the_tasks_in_cloud_map() -> None:
    (discovery,) = synthesise().resources(SERVICE, "AWS::ServiceDiscovery::Service")
    assert service()["ServiceRegistries"] == [{"RegistryArn": {"Fn::GetAtt": [discovery, "Arn"]}}]


def test_tasks_accept_the_container_port_only_and_from_the_vpc_only() -> None:
    group = synthesise(**EXISTING).only(SERVICE, "AWS::EC2::SecurityGroup")
    assert group["SecurityGroupIngress"] == [
        {
            "CidrIp": "10.20.0.0/16",
            "Description": "Callers in the VPC",
            "IpProtocol": "tcp",
            "FromPort": 3000,
            "ToPort": 3000,
        }
    ]
    synthesise(**EXISTING).service.resource_count_is("AWS::EC2::SecurityGroupIngress", 0)


@pytest.mark.parametrize(
    ("changes", "callers"),
    [
        ({"ingress_cidrs": "vpc,10.1.0.0/16"}, ["10.0.0.0/16", "10.1.0.0/16"]),
        ({"ingress_cidrs": "10.0.0.0/16, vpc"}, ["10.0.0.0/16"]),
        ({"ingress_cidrs": "10.1.2.3/32"}, ["10.1.2.3/32"]),
        ({"ingress_security_groups": "sg-00000000a"}, ["10.0.0.0/16", "sg-00000000a"]),
        (
            {"ingress_cidrs": "", "ingress_security_groups": "sg-00000000a,sg-00000000b"},
            ["sg-00000000a", "sg-00000000b"],
        ),
        ({"ingress_cidrs": ""}, []),
    ],
)
def test_the_settings_say_who_may_call(changes: dict[str, str], callers: list[str]) -> None:
    synthesis = synthesise(**changes)
    group = synthesis.only(SERVICE, "AWS::EC2::SecurityGroup")
    rules = group.get("SecurityGroupIngress", [])
    assert [rule.get("CidrIp") or rule["SourceSecurityGroupId"] for rule in rules] == callers
    assert {(rule["FromPort"], rule["ToPort"]) for rule in rules} <= {(3000, 3000)}
    synthesis.service.resource_count_is("AWS::EC2::SecurityGroupIngress", 0)


def test_the_security_group_is_the_one_of_the_tasks() -> None:
    (group,) = synthesise().resources(SERVICE, "AWS::EC2::SecurityGroup")
    network = service()["NetworkConfiguration"]["AwsvpcConfiguration"]
    assert network["SecurityGroups"] == [{"Fn::GetAtt": [group, "GroupId"]}]


def test_ecs_exec_is_off_unless_asked_for() -> None:
    assert service()["EnableExecuteCommand"] is False
    assert service(**ISOLATED)["EnableExecuteCommand"] is True


def test_tasks_carry_the_tags_of_the_service() -> None:
    assert service()["PropagateTags"] == "SERVICE"


@pytest.mark.parametrize("topology", TOPOLOGIES)
def test_all_alarms_but_missing_tasks_roll_a_deployment_back(topology: str) -> None:
    synthesis = synthesise(**TOPOLOGIES[topology])
    configuration = service(**TOPOLOGIES[topology])["DeploymentConfiguration"]
    full_name = "ecs-blueprint-infra-ecsdemo-backend"
    assert configuration["Alarms"] == {
        "AlarmNames": [f"{full_name}-{metric}" for metric in ("cpu", "memory", "log-errors")],
        "Enable": True,
        "Rollback": True,
    }
    existing = {
        alarm["Properties"]["AlarmName"]: key
        for key, alarm in synthesis.resources(SERVICE, "AWS::CloudWatch::Alarm").items()
    }
    for name in configuration["Alarms"]["AlarmNames"]:
        assert existing[name] in starts_after(synthesis), name
