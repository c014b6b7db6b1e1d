"""The VPC, in the topologies with and without a NAT gateway."""

from ipaddress import ip_network
from typing import Any

import pytest
from aws_cdk.assertions import Match

from core_infra.network import zones_with_room
from tests.synthesis import ISOLATED, Synthesis, synthesise

CORE = "CoreInfraStack"


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


def test_without_nat_gateway_the_private_subnets_have_no_way_out() -> None:
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
