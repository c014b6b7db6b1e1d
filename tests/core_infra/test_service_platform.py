"""The contract between core and service."""

from aws_cdk import Stack
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_iam as iam
from aws_cdk import aws_servicediscovery as cloudmap

from core_infra.service_platform import ServicePlatform
from tests.synthesis import empty_stack


def vpc_with(
    stack: Stack,
    public: list[str] | None = None,
    private: list[str] | None = None,
    isolated: list[str] | None = None,
) -> ec2.IVpc:
    return ec2.Vpc.from_vpc_attributes(
        stack,
        "Vpc",
        vpc_id="vpc-0",
        availability_zones=["eu-west-1a", "eu-west-1b"],
        public_subnet_ids=public,
        private_subnet_ids=private,
        isolated_subnet_ids=isolated,
    )


def platform(stack: Stack, vpc: ec2.IVpc) -> ServicePlatform:
    return ServicePlatform(
        vpc=vpc,
        vpc_cidr="10.0.0.0/16",
        cluster=ecs.Cluster.from_cluster_attributes(stack, "Cluster", cluster_name="c", vpc=vpc),
        namespace=cloudmap.PrivateDnsNamespace.from_private_dns_namespace_attributes(
            stack, "Namespace", namespace_name="n", namespace_arn="a", namespace_id="i"
        ),
        execution_role=iam.Role.from_role_arn(stack, "Role", "arn:aws:iam::123456789012:role/r"),
    )


def subnet_ids(platform: ServicePlatform) -> list[str]:
    return [subnet.subnet_id for subnet in platform.task_subnets.subnets or []]


def test_tasks_run_in_the_private_subnets() -> None:
    stack = empty_stack()
    public, private = ["public-a", "public-b"], ["private-a", "private-b"]
    vpc = vpc_with(stack, public=public, private=private)
    assert subnet_ids(platform(stack, vpc)) == private


def test_without_a_nat_gateway_tasks_run_in_the_isolated_subnets() -> None:
    stack = empty_stack()
    vpc = vpc_with(stack, isolated=["isolated-a", "isolated-b"])
    assert subnet_ids(platform(stack, vpc)) == ["isolated-a", "isolated-b"]


def test_a_platform_of_another_stack_is_handed_over_as_it_is() -> None:
    stack = empty_stack()
    there = platform(stack, vpc_with(stack))
    assert there.provide(empty_stack("Service")) is there
