"""The Cloud Map namespaces."""

from typing import Any

from aws_cdk import aws_ec2 as ec2

from core_infra.service_discovery import NEGATIVE_TTL_SECONDS, ServiceDiscovery
from tests.synthesis import ISOLATED, empty_stack, settings_of, synthesise, template_of

CORE = "CoreInfraStack"
KIND = "AWS::ServiceDiscovery::PrivateDnsNamespace"


def namespaces(labels: str) -> tuple[dict[str, Any], ServiceDiscovery]:
    stack = empty_stack()
    vpc = ec2.Vpc.from_vpc_attributes(
        stack, "Vpc", vpc_id="vpc-0", availability_zones=["eu-west-1a"]
    )
    core = settings_of(namespaces=labels, ecs_cluster_name="shop").core
    assert core
    discovery = ServiceDiscovery(stack, "ServiceDiscovery", core=core, vpc=vpc)
    return template_of(stack)["Resources"], discovery


def test_each_name_is_a_namespace_of_the_vpc() -> None:
    resources, _ = namespaces("default,jobs")
    found = [
        (r["Type"], r["Properties"]["Name"], r["Properties"]["Vpc"]) for r in resources.values()
    ]
    assert found == [(KIND, "default.shop.local", "vpc-0"), (KIND, "jobs.shop.local", "vpc-0")]


def test_resolvers_cache_a_missing_name_for_seconds_only() -> None:
    resources, _ = namespaces("default,jobs")
    for resource in resources.values():
        dns = resource["Properties"]["Properties"]["DnsProperties"]
        assert dns == {"SOA": {"TTL": NEGATIVE_TTL_SECONDS}}


def test_namespaces_have_the_order_of_their_names() -> None:
    _, discovery = namespaces("jobs,default")
    assert [namespace.namespace_name for namespace in discovery.namespaces] == [
        "jobs.shop.local",
        "default.shop.local",
    ]


def test_reordering_the_names_replaces_no_namespace() -> None:
    assert namespaces("a,b")[0] == namespaces("b,a")[0]


def test_the_service_lives_in_the_first_namespace() -> None:
    isolated = synthesise(**ISOLATED)
    first = next(iter(isolated.resources(CORE, KIND)))
    service = isolated.only("BackendServiceStack", "AWS::ServiceDiscovery::Service")
    assert first in service["NamespaceId"]["Fn::ImportValue"]
