"""The Cloud Map namespaces."""

from typing import Any

from aws_cdk import aws_ec2 as ec2

from core_infra.service_discovery import NEGATIVE_TTL_SECONDS, ServiceDiscovery
from tests.synthesis import ISOLATED, empty_stack, synthesise, template_of

CORE = "CoreInfraStack"
KIND = "AWS::ServiceDiscovery::PrivateDnsNamespace"


def namespaces(*names: str) -> tuple[dict[str, Any], ServiceDiscovery]:
    stack = empty_stack()
    vpc = ec2.Vpc.from_vpc_attributes(
        stack, "Vpc", vpc_id="vpc-0", availability_zones=["eu-west-1a"]
    )
    discovery = ServiceDiscovery(stack, "ServiceDiscovery", names=names, vpc=vpc)
    return template_of(stack)["Resources"], discovery


def test_each_name_is_a_namespace_of_the_vpc() -> None:
    resources, _ = namespaces("default.shop.local", "jobs.shop.local")
    found = [
        (r["Type"], r["Properties"]["Name"], r["Properties"]["Vpc"]) for r in resources.values()
    ]
    assert found == [(KIND, "default.shop.local", "vpc-0"), (KIND, "jobs.shop.local", "vpc-0")]


def test_who_asks_too_early_is_not_told_for_minutes_that_there_is_no_such_name() -> None:
    resources, _ = namespaces("default.shop.local", "jobs.shop.local")
    for resource in resources.values():
        dns = resource["Properties"]["Properties"]["DnsProperties"]
        assert dns == {"SOA": {"TTL": NEGATIVE_TTL_SECONDS}}


def test_namespaces_are_exposed_in_the_order_of_their_names() -> None:
    _, discovery = namespaces("jobs.shop.local", "default.shop.local")
    assert [namespace.namespace_name for namespace in discovery.namespaces] == [
        "jobs.shop.local",
        "default.shop.local",
    ]


def test_reordering_the_names_replaces_no_namespace() -> None:
    assert namespaces("a.local", "b.local")[0] == namespaces("b.local", "a.local")[0]


def test_a_namespace_is_named_after_its_label_and_the_cluster() -> None:
    found = synthesise(**ISOLATED).resources(CORE, KIND).values()
    assert [namespace["Properties"]["Name"] for namespace in found] == [
        "default.ecs-blueprint-infra.local",
        "jobs.ecs-blueprint-infra.local",
    ]
