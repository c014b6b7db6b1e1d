"""The endpoints that take the place of a NAT gateway."""

from typing import Any

import pytest
from aws_cdk import aws_ec2 as ec2

from core_infra.aws_endpoints import AwsEndpoints
from rehearsal.sample_settings import REGION
from tests.synthesis import ISOLATED, empty_stack, synthesise, template_of

CORE = "CoreInfraStack"
KIND = "AWS::EC2::VPCEndpoint"


def isolated_endpoints(endpoint_type: str) -> dict[Any, dict[str, Any]]:
    """Return the properties of the endpoints in the topology without NAT, by service name."""
    return {
        str(endpoint["Properties"]["ServiceName"]): endpoint["Properties"]
        for endpoint in synthesise(**ISOLATED).resources(CORE, KIND).values()
        if endpoint["Properties"]["VpcEndpointType"] == endpoint_type
    }


def interface_services(region: str, *services: str) -> set[str]:
    """Return the short names of the interface endpoints that a VPC of the region gets."""
    stack = empty_stack(region=region)
    vpc = ec2.Vpc(
        stack,
        "Vpc",
        availability_zones=[f"{region}a"],
        subnet_configuration=[
            ec2.SubnetConfiguration(name="tasks", subnet_type=ec2.SubnetType.PRIVATE_ISOLATED)
        ],
        restrict_default_security_group=False,
    )
    AwsEndpoints(
        stack, "AwsEndpoints", vpc=vpc, vpc_cidr="10.0.0.0/16", services=frozenset(services)
    )
    return {
        resource["Properties"]["ServiceName"].removeprefix(f"com.amazonaws.{region}.")
        for resource in template_of(stack)["Resources"].values()
        if resource["Type"] == KIND and resource["Properties"]["VpcEndpointType"] == "Interface"
    }


def test_with_a_nat_gateway_there_are_no_endpoints() -> None:
    synthesise().core.resource_count_is(KIND, 0)


def test_tasks_can_start_and_use_what_the_settings_ask_for() -> None:
    assert set(isolated_endpoints("Interface")) == {
        f"com.amazonaws.{REGION}.{service}"
        for service in ("ecr.api", "ecr.dkr", "logs", "secretsmanager", "ssm", "ssmmessages")
    }


def test_a_plain_service_needs_images_and_logs_only() -> None:
    assert interface_services(REGION) == {"ecr.api", "ecr.dkr", "logs"}


@pytest.mark.parametrize("region", ["mx-central-1", "ap-southeast-7"])
def test_ecs_is_reached_through_endpoints_in_regions_opened_after_2023(region: str) -> None:
    assert interface_services(region) >= {"ecs", "ecs-agent", "ecs-telemetry"}


def test_every_interface_endpoint_answers_to_the_usual_name_in_every_zone() -> None:
    private = synthesise(**ISOLATED).templates[CORE]["Outputs"]["PrivateSubnetIds"]["Value"]
    subnets = [part for part in private["Fn::Join"][1] if part != ","]
    for service, endpoint in isolated_endpoints("Interface").items():
        assert endpoint["PrivateDnsEnabled"] is True, service
        assert endpoint["SubnetIds"] == subnets, service


def test_image_layers_come_from_s3_through_the_route_tables_of_the_private_subnets() -> None:
    isolated = synthesise(**ISOLATED)
    ((service, gateway),) = isolated_endpoints("Gateway").items()
    tables = {
        key
        for key, table in isolated.resources(CORE, "AWS::EC2::RouteTable").items()
        if any("private" in str(tag["Value"]) for tag in table["Properties"]["Tags"])
    }
    assert ".s3" in service
    assert {table["Ref"] for table in gateway["RouteTableIds"]} == tables
    assert len(tables) == 2


def test_endpoints_accept_https_from_the_vpc_and_open_nothing_themselves() -> None:
    vpc = synthesise(**ISOLATED).only(CORE, "AWS::EC2::VPC")
    ((group_id, group),) = synthesise(**ISOLATED).resources(CORE, "AWS::EC2::SecurityGroup").items()
    (ingress,) = group["Properties"]["SecurityGroupIngress"]
    (egress,) = group["Properties"]["SecurityGroupEgress"]
    assert ingress["CidrIp"] == vpc["CidrBlock"]
    assert (ingress["IpProtocol"], ingress["FromPort"], ingress["ToPort"]) == ("tcp", 443, 443)
    assert egress["CidrIp"] == "255.255.255.255/32"  # how CDK writes: nowhere
    for service, endpoint in isolated_endpoints("Interface").items():
        group_ids = [{"Fn::GetAtt": [group_id, "GroupId"]}]
        assert endpoint["SecurityGroupIds"] == group_ids, service
