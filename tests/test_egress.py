"""Egress: each task can reach the AWS services that it needs, and without NAT no others."""

from collections.abc import Iterator, Mapping
from ipaddress import IPv4Network
from typing import Any

import pytest

from settings.examples import REGION
from tests.synthesis import CONNECTED, ISOLATED, Synthesis, synthesise

Resources = dict[str, dict[str, Any]]

WITH_NAT = {"default": {}, "connected": CONNECTED}
WITHOUT_NAT = {
    "isolated": ISOLATED,
    "isolated, connected": {**ISOLATED, **CONNECTED},
    "isolated, plain": {"enable_nat_gw": "False"},
}
TOPOLOGIES: Mapping[str, Mapping[str, str]] = {**WITH_NAT, **WITHOUT_NAT}
ANYWHERE = "0.0.0.0/0"
HTTPS = 443


def in_region(name: Any) -> str:
    """Return the name of a service, which CDK writes as Fn::Join for some services."""
    if isinstance(name, str):
        return name
    return "".join(part if isinstance(part, str) else REGION for part in name["Fn::Join"][1])


class Core:
    """The network, as the template of the core stack has it."""

    def __init__(self, resources: Resources) -> None:
        self.resources = resources

    def of_type(self, kind: str) -> dict[str, dict[str, Any]]:
        return {k: r["Properties"] for k, r in self.resources.items() if r["Type"] == kind}

    def way(self, subnet: str, service: str) -> str | None:
        """Return how a task in the subnet reaches a service, or None if it does not."""
        return (
            self._nat_gateway(subnet)
            or self._gateway_endpoint(subnet, service)
            or self._interface_endpoint(subnet, service)
        )

    def route_table(self, subnet: str) -> str:
        (table,) = (
            association["RouteTableId"]["Ref"]
            for association in self.of_type("AWS::EC2::SubnetRouteTableAssociation").values()
            if association["SubnetId"] == {"Ref": subnet}
        )
        return str(table)

    def _default_route(self, subnet: str) -> dict[str, Any]:
        table = {"Ref": self.route_table(subnet)}
        routes = self.of_type("AWS::EC2::Route").values()
        return next(
            (
                route
                for route in routes
                if route["RouteTableId"] == table and route["DestinationCidrBlock"] == ANYWHERE
            ),
            {},
        )

    def _nat_gateway(self, subnet: str) -> str | None:
        nat = self._default_route(subnet).get("NatGatewayId", {}).get("Ref")
        if nat is None:
            return None
        public = self.of_type("AWS::EC2::NatGateway")[nat]["SubnetId"]["Ref"]
        gateway = self._default_route(public).get("GatewayId")
        attached = self.of_type("AWS::EC2::VPCGatewayAttachment").values()
        connected = any(attachment["InternetGatewayId"] == gateway for attachment in attached)
        return "NAT gateway" if connected else None

    def _endpoints(self, kind: str, service: str) -> Iterator[dict[str, Any]]:
        for endpoint in self.of_type("AWS::EC2::VPCEndpoint").values():
            name = in_region(endpoint["ServiceName"])
            if (endpoint["VpcEndpointType"], name) == (kind, f"com.amazonaws.{REGION}.{service}"):
                yield endpoint

    def _gateway_endpoint(self, subnet: str, service: str) -> str | None:
        table = {"Ref": self.route_table(subnet)}
        endpoints = self._endpoints("Gateway", service)
        return next((f"gateway {service}" for e in endpoints if table in e["RouteTableIds"]), None)

    def _interface_endpoint(self, subnet: str, service: str) -> str | None:
        (vpc,) = self.of_type("AWS::EC2::VPC").values()
        resolves = vpc["EnableDnsSupport"] and vpc["EnableDnsHostnames"]
        for endpoint in self._endpoints("Interface", service):
            if resolves and endpoint["PrivateDnsEnabled"] and self._admits(endpoint, subnet):
                return f"interface {service}"
        return None

    def _admits(self, endpoint: dict[str, Any], subnet: str) -> bool:
        caller = IPv4Network(self.of_type("AWS::EC2::Subnet")[subnet]["CidrBlock"])
        groups = self.of_type("AWS::EC2::SecurityGroup")
        return any(
            caller.subnet_of(IPv4Network(rule["CidrIp"]))
            and rule["FromPort"] <= HTTPS <= rule["ToPort"]
            for group in endpoint["SecurityGroupIds"]
            for rule in groups[group["Fn::GetAtt"][0]]["SecurityGroupIngress"]
        )


def core_of(synthesis: Synthesis) -> Core:
    template = synthesis.templates[synthesis.stack_name("CoreInfraStack")]
    return Core(template["Resources"])


def task_subnets(synthesis: Synthesis) -> list[str]:
    """Return the subnets that the service starts tasks in."""
    core = synthesis.templates[synthesis.stack_name("CoreInfraStack")]
    exports = {
        output["Export"]["Name"]: output["Value"]
        for output in core["Outputs"].values()
        if "Export" in output
    }
    service = synthesis.only("BackendServiceStack", "AWS::ECS::Service")
    network = service["NetworkConfiguration"]["AwsvpcConfiguration"]
    return [exports[subnet["Fn::ImportValue"]]["Ref"] for subnet in network["Subnets"]]


def needed(synthesis: Synthesis) -> set[str]:
    """Return the services that a task calls, read from its definition."""
    task = synthesis.only("BackendServiceStack", "AWS::ECS::TaskDefinition")
    (container,) = task["ContainerDefinitions"]
    assert ".dkr.ecr." in str(container["Image"])
    assert container["LogConfiguration"]["LogDriver"] == "awslogs"
    stores = {secret["ValueFrom"].split(":")[2] for secret in container.get("Secrets", [])}
    service = synthesis.only("BackendServiceStack", "AWS::ECS::Service")
    sessions = {"ssmmessages"} if service["EnableExecuteCommand"] else set()
    return {"ecr.api", "ecr.dkr", "s3", "logs"} | stores | sessions


@pytest.mark.parametrize("topology", TOPOLOGIES)
def test_a_task_reaches_every_service_that_it_needs_from_every_subnet(topology: str) -> None:
    synthesis = synthesise(**TOPOLOGIES[topology])
    core = core_of(synthesis)
    assert task_subnets(synthesis)
    for subnet in task_subnets(synthesis):
        for service in needed(synthesis):
            assert core.way(subnet, service), (subnet, service)


@pytest.mark.parametrize("topology", WITH_NAT)
def test_the_way_is_the_nat_gateway(topology: str) -> None:
    synthesis = synthesise(**TOPOLOGIES[topology])
    ways = {core_of(synthesis).way(s, "logs") for s in task_subnets(synthesis)}
    assert ways == {"NAT gateway"}


def test_there_are_no_endpoints_that_no_setting_needs() -> None:
    plain = synthesise(enable_nat_gw="False")
    assert needed(plain) == {"ecr.api", "ecr.dkr", "s3", "logs"}
    for service in ("secretsmanager", "ssm", "ssmmessages"):
        assert core_of(plain).way(task_subnets(plain)[0], service) is None
    assert needed(synthesise(**ISOLATED)) >= {"secretsmanager", "ssm", "ssmmessages"}


@pytest.mark.parametrize("topology", WITHOUT_NAT)
def test_isolated_tasks_reach_nothing_else(topology: str) -> None:
    synthesis = synthesise(**TOPOLOGIES[topology])
    for subnet in task_subnets(synthesis):
        assert core_of(synthesis).way(subnet, "sts") is None


@pytest.mark.parametrize(
    ("has_nat_gw", "ways"),
    [
        ("False", ["interface sqs", "gateway dynamodb"]),
        ("True", ["NAT gateway", "NAT gateway"]),
    ],
)
def test_named_services_are_reached(has_nat_gw: str, ways: list[str]) -> None:
    synthesis = synthesise(enable_nat_gw=has_nat_gw, vpc_endpoint_services="sqs,dynamodb")
    core = core_of(synthesis)
    for subnet in task_subnets(synthesis):
        assert [core.way(subnet, service) for service in ("sqs", "dynamodb")] == ways


@pytest.mark.parametrize("topology", TOPOLOGIES)
def test_tasks_are_in_subnets_without_a_route_to_the_internet_gateway(topology: str) -> None:
    synthesis = synthesise(**TOPOLOGIES[topology])
    core = core_of(synthesis)
    for subnet in task_subnets(synthesis):
        table = {"Ref": core.route_table(subnet)}
        for route in core.of_type("AWS::EC2::Route").values():
            assert route["RouteTableId"] != table or "GatewayId" not in route


@pytest.mark.parametrize("topology", TOPOLOGIES)
def test_tasks_may_open_connections_to_the_endpoints(topology: str) -> None:
    group = synthesise(**TOPOLOGIES[topology]).only(
        "BackendServiceStack", "AWS::EC2::SecurityGroup"
    )
    assert {"CidrIp": ANYWHERE, "IpProtocol": "-1"}.items() <= group["SecurityGroupEgress"][
        0
    ].items()
