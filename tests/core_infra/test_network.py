"""The VPC, and the endpoints that take the place of a NAT gateway."""

from ipaddress import ip_network
from typing import Any

import pytest
from aws_cdk import aws_ec2 as ec2
from aws_cdk.assertions import Match

from core_infra.network import AwsEndpoints, zones_with_room
from settings.examples import REGION
from tests.synthesis import ISOLATED, Synthesis, empty_stack, synthesise, template_of

CORE = "CoreInfraStack"
ENDPOINT = "AWS::EC2::VPCEndpoint"


def subnets(synthesis: Synthesis, kind: str) -> dict[str, dict[str, Any]]:
    """Return the properties of the ``Public``, ``Private`` or ``Isolated`` subnets by id."""
    return {
        key: subnet["Properties"]
        for key, subnet in synthesis.resources(CORE, "AWS::EC2::Subnet").items()
        if {"Key": "aws-cdk:subnet-type", "Value": kind} in subnet["Properties"]["Tags"]
    }


def route_tables(synthesis: Synthesis, subnet_ids: dict[str, Any]) -> list[Any]:
    """Return the references to the route tables of the subnets."""
    associations = synthesis.resources(CORE, "AWS::EC2::SubnetRouteTableAssociation").values()
    return [
        association["Properties"]["RouteTableId"]
        for association in associations
        if association["Properties"]["SubnetId"]["Ref"] in subnet_ids
    ]


def routes(synthesis: Synthesis, kind: str) -> list[dict[str, Any]]:
    tables = route_tables(synthesis, subnets(synthesis, kind))
    all_routes = synthesis.resources(CORE, "AWS::EC2::Route").values()
    return [r["Properties"] for r in all_routes if r["Properties"]["RouteTableId"] in tables]


def test_each_zone_has_one_public_and_one_private_subnet() -> None:
    zones = [{"Fn::Select": [index, {"Fn::GetAZs": ""}]} for index in range(3)]
    for kind in ("Public", "Private"):
        found = subnets(synthesise(), kind).values()
        assert [subnet["AvailabilityZone"] for subnet in found] == zones, kind


def test_named_zones_are_used_as_they_are_named() -> None:
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
    assert {block.prefixlen for block in blocks} == {20}  # sixteen: room for six zones and more
    assert not any(a.overlaps(b) for a in blocks for b in blocks if a is not b)


@pytest.mark.parametrize(
    ("cidr", "zones"), [("10.0.0.0/16", 6), ("10.0.0.0/25", 4), ("10.0.0.0/26", 2)]
)
def test_the_vpc_has_room_for_every_zone_or_for_as_many_as_fit(cidr: str, zones: int) -> None:
    assert zones_with_room(cidr) == zones


def test_one_more_zone_leaves_the_subnets_of_the_others_as_they_are() -> None:
    def blocks(synthesis: Synthesis) -> set[tuple[str, str]]:
        found = synthesis.resources(CORE, "AWS::EC2::Subnet").items()
        return {(key, subnet["Properties"]["CidrBlock"]) for key, subnet in found}

    assert blocks(synthesise()) < blocks(synthesise(az_count="4"))


def test_no_subnet_gives_out_public_addresses_by_itself() -> None:
    synthesise().core.all_resources_properties("AWS::EC2::Subnet", {"MapPublicIpOnLaunch": False})


def test_public_subnets_reach_the_internet() -> None:
    gateways = synthesise().resources(CORE, "AWS::EC2::InternetGateway")
    assert len(routes(synthesise(), "Public")) == 3
    for route in routes(synthesise(), "Public"):
        assert route["DestinationCidrBlock"] == "0.0.0.0/0"
        assert route["GatewayId"]["Ref"] in gateways


def test_one_nat_gateway_serves_the_private_subnets_of_all_zones() -> None:
    (gateway,) = synthesise().resources(CORE, "AWS::EC2::NatGateway")
    assert [route["NatGatewayId"] for route in routes(synthesise(), "Private")] == [
        {"Ref": gateway}
    ] * 3


def test_without_nat_gateway_the_private_subnets_have_no_route_out() -> None:
    isolated = synthesise(**ISOLATED)
    isolated.core.resource_count_is("AWS::EC2::NatGateway", 0)
    isolated.core.resource_count_is("AWS::EC2::EIP", 0)
    assert len(subnets(isolated, "Isolated")) == 2
    assert routes(isolated, "Isolated") == []


def test_all_traffic_of_the_vpc_is_recorded() -> None:
    (vpc,) = synthesise().resources(CORE, "AWS::EC2::VPC")
    flow_log = synthesise().only(CORE, "AWS::EC2::FlowLog")
    assert flow_log["ResourceId"] == {"Ref": vpc}
    assert flow_log["TrafficType"] == "ALL"
    assert flow_log["LogGroupName"]["Ref"] in synthesise().resources(CORE, "AWS::Logs::LogGroup")


def test_the_default_security_group_is_closed() -> None:
    (vpc,) = synthesise().resources(CORE, "AWS::EC2::VPC")
    closer = synthesise().only(CORE, "Custom::VpcRestrictDefaultSG")
    assert closer["DefaultSecurityGroupId"] == {"Fn::GetAtt": [vpc, "DefaultSecurityGroup"]}


def test_the_vpc_is_named_after_the_cluster() -> None:
    synthesise().core.has_resource_properties(
        "AWS::EC2::VPC",
        {"Tags": Match.array_with([{"Key": "Name", "Value": "ecs-blueprint-infra"}])},
    )


def test_private_dns_names_resolve_in_the_vpc() -> None:
    synthesise().core.has_resource_properties(
        "AWS::EC2::VPC", {"EnableDnsSupport": True, "EnableDnsHostnames": True}
    )


def endpoints(synthesis: Synthesis, endpoint_type: str) -> dict[Any, dict[str, Any]]:
    """Return the properties of the endpoints of a type, by service name."""
    return {
        str(endpoint["Properties"]["ServiceName"]): endpoint["Properties"]
        for endpoint in synthesis.resources(CORE, ENDPOINT).values()
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
        if resource["Type"] == ENDPOINT and resource["Properties"]["VpcEndpointType"] == "Interface"
    }


def test_with_a_nat_gateway_there_is_no_endpoint_that_costs_anything() -> None:
    assert endpoints(synthesise(), "Interface") == {}


def test_tasks_can_start_and_use_what_the_settings_ask_for() -> None:
    assert set(endpoints(synthesise(**ISOLATED), "Interface")) == {
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
    for service, endpoint in endpoints(synthesise(**ISOLATED), "Interface").items():
        assert endpoint["PrivateDnsEnabled"] is True, service
        assert endpoint["SubnetIds"] == subnets, service


@pytest.mark.parametrize(("changes", "zones"), [({}, 3), (ISOLATED, 2)])
def test_image_layers_come_from_s3_through_the_route_tables_of_the_private_subnets(
    changes: dict[str, str], zones: int
) -> None:
    synthesis = synthesise(**changes)
    ((service, gateway),) = endpoints(synthesis, "Gateway").items()
    tables = {
        key
        for key, table in synthesis.resources(CORE, "AWS::EC2::RouteTable").items()
        if any("private" in str(tag["Value"]) for tag in table["Properties"]["Tags"])
    }
    assert ".s3" in service
    assert {table["Ref"] for table in gateway["RouteTableIds"]} == tables
    assert len(tables) == zones


def test_endpoints_accept_https_from_the_vpc_and_open_nothing_themselves() -> None:
    vpc = synthesise(**ISOLATED).only(CORE, "AWS::EC2::VPC")
    ((group_id, group),) = synthesise(**ISOLATED).resources(CORE, "AWS::EC2::SecurityGroup").items()
    (ingress,) = group["Properties"]["SecurityGroupIngress"]
    (egress,) = group["Properties"]["SecurityGroupEgress"]
    assert ingress["CidrIp"] == vpc["CidrBlock"]
    assert (ingress["IpProtocol"], ingress["FromPort"], ingress["ToPort"]) == ("tcp", 443, 443)
    assert egress["CidrIp"] == "255.255.255.255/32"  # how CDK writes: nowhere
    for service, endpoint in endpoints(synthesise(**ISOLATED), "Interface").items():
        group_ids = [{"Fn::GetAtt": [group_id, "GroupId"]}]
        assert endpoint["SecurityGroupIds"] == group_ids, service
