"""The VPC and its endpoints. Routes from the tasks to AWS are in tests/test_egress.py."""

from ipaddress import ip_network
from typing import Any

import pytest
from aws_cdk import App, Environment
from aws_cdk.assertions import Template

from core_infra.stack import CoreInfraStack
from settings.aws_types import zones_with_room
from settings.examples import ACCOUNT
from tests.synthesis import ISOLATED, Synthesis, settings_of, synthesise

CORE = "CoreInfraStack"


def subnets(synthesis: Synthesis, kind: str) -> dict[str, dict[str, Any]]:
    """Return the properties of the ``Public``, ``Private`` or ``Isolated`` subnets by id."""
    return {
        key: subnet["Properties"]
        for key, subnet in synthesis.resources(CORE, "AWS::EC2::Subnet").items()
        if {"Key": "aws-cdk:subnet-type", "Value": kind} in subnet["Properties"]["Tags"]
    }


def test_each_zone_has_one_public_and_one_private_subnet() -> None:
    zones = [{"Fn::Select": [index, {"Fn::GetAZs": ""}]} for index in range(3)]
    for kind in ("Public", "Private"):
        found = subnets(synthesise(), kind).values()
        assert [subnet["AvailabilityZone"] for subnet in found] == zones, kind


def test_the_subnets_are_in_the_zones_that_the_settings_name() -> None:
    for kind in ("Public", "Isolated"):
        found = subnets(synthesise(**ISOLATED), kind).values()
        zones = [subnet["AvailabilityZone"] for subnet in found]
        assert zones == ISOLATED["availability_zones"].split(","), kind


def test_the_subnets_are_equal_and_separate_shares_of_the_vpc() -> None:
    vpc = ip_network(synthesise().only(CORE, "AWS::EC2::VPC")["CidrBlock"])
    blocks = [
        ip_network(subnet["Properties"]["CidrBlock"])
        for subnet in synthesise().resources(CORE, "AWS::EC2::Subnet").values()
    ]
    assert str(vpc) == "10.0.0.0/16"
    assert all(block.subnet_of(vpc) for block in blocks)  # type: ignore[arg-type]
    assert {block.prefixlen for block in blocks} == {20}  # Sixteen blocks: room for six zones.
    assert not any(a.overlaps(b) for a in blocks for b in blocks if a is not b)


@pytest.mark.parametrize(
    ("cidr", "zones"), [("10.0.0.0/16", 6), ("10.0.0.0/25", 4), ("10.0.0.0/26", 2)]
)
def test_the_vpc_is_divided_for_as_many_zones_as_fit(cidr: str, zones: int) -> None:
    assert zones_with_room(cidr) == zones


def test_one_more_zone_leaves_the_subnets_of_the_others_as_they_are() -> None:
    def blocks(synthesis: Synthesis) -> set[tuple[str, str]]:
        found = synthesis.resources(CORE, "AWS::EC2::Subnet").items()
        return {(key, subnet["Properties"]["CidrBlock"]) for key, subnet in found}

    assert blocks(synthesise()) < blocks(synthesise(az_count="4"))


def test_no_subnet_assigns_public_addresses() -> None:
    synthesise().core.all_resources_properties("AWS::EC2::Subnet", {"MapPublicIpOnLaunch": False})


def test_flow_logs_record_all_traffic_of_the_vpc() -> None:
    (vpc,) = synthesise().resources(CORE, "AWS::EC2::VPC")
    flow_log = synthesise().only(CORE, "AWS::EC2::FlowLog")
    assert flow_log["ResourceId"] == {"Ref": vpc}
    assert flow_log["TrafficType"] == "ALL"
    assert flow_log["LogGroupName"]["Ref"] in synthesise().resources(CORE, "AWS::Logs::LogGroup")


def test_the_default_security_group_has_no_rules() -> None:
    (vpc,) = synthesise().resources(CORE, "AWS::EC2::VPC")
    closer = synthesise().only(CORE, "Custom::VpcRestrictDefaultSG")
    assert closer["DefaultSecurityGroupId"] == {"Fn::GetAtt": [vpc, "DefaultSecurityGroup"]}


def test_the_vpc_has_the_name_of_the_cluster() -> None:
    tags = synthesise().only(CORE, "AWS::EC2::VPC")["Tags"]
    assert {"Key": "Name", "Value": "ecs-blueprint-infra"} in tags


def endpoints(synthesis: Synthesis, endpoint_type: str) -> dict[Any, dict[str, Any]]:
    """Return the properties of the endpoints of a type, by service name."""
    return {
        str(endpoint["Properties"]["ServiceName"]): endpoint["Properties"]
        for endpoint in synthesis.resources(CORE, "AWS::EC2::VPCEndpoint").values()
        if endpoint["Properties"]["VpcEndpointType"] == endpoint_type
    }


def test_with_a_nat_gateway_there_is_no_endpoint_with_a_price() -> None:
    assert endpoints(synthesise(), "Interface") == {}


def test_beside_a_nat_gateway_there_are_the_endpoints_that_the_settings_name() -> None:
    synthesis = synthesise(vpc_endpoint_services="sqs,dynamodb")
    assert [*endpoints(synthesis, "Interface")] == ["com.amazonaws.eu-west-1.sqs"]
    gateways = endpoints(synthesis, "Gateway")
    assert ["dynamodb" in name or ".s3" in name for name in gateways] == [True, True]


def test_the_endpoints_follow_the_region_of_the_stack() -> None:
    core = settings_of(enable_nat_gw="False").core
    assert core
    app = App(analytics_reporting=False, builtin_cloud_formation_validation=False)
    env = Environment(account=ACCOUNT, region="mx-central-1")
    template = Template.from_stack(CoreInfraStack(app, CORE, env=env, core=core))
    names = str(template.find_resources("AWS::EC2::VPCEndpoint"))
    assert "com.amazonaws.mx-central-1.ecr.api" in names
    assert "com.amazonaws.mx-central-1.ecs-agent" in names


def test_every_interface_endpoint_is_in_every_zone() -> None:
    private = synthesise(**ISOLATED).templates[CORE]["Outputs"]["PrivateSubnetIds"]["Value"]
    subnets = [part for part in private["Fn::Join"][1] if part != ","]
    for service, endpoint in endpoints(synthesise(**ISOLATED), "Interface").items():
        assert endpoint["SubnetIds"] == subnets, service


def test_endpoints_accept_https_from_the_vpc_and_open_no_connections() -> None:
    vpc = synthesise(**ISOLATED).only(CORE, "AWS::EC2::VPC")
    ((group_id, group),) = synthesise(**ISOLATED).resources(CORE, "AWS::EC2::SecurityGroup").items()
    (ingress,) = group["Properties"]["SecurityGroupIngress"]
    (egress,) = group["Properties"]["SecurityGroupEgress"]
    assert ingress["CidrIp"] == vpc["CidrBlock"]
    assert (ingress["IpProtocol"], ingress["FromPort"], ingress["ToPort"]) == ("tcp", 443, 443)
    assert egress["CidrIp"] == "255.255.255.255/32"  # CDK writes "nowhere" like this.
    for service, endpoint in endpoints(synthesise(**ISOLATED), "Interface").items():
        group_ids = [{"Fn::GetAtt": [group_id, "GroupId"]}]
        assert endpoint["SecurityGroupIds"] == group_ids, service
