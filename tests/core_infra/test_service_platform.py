"""What a service needs from the infrastructure, and the import of an existing one."""

import json

import pytest
from aws_cdk import aws_ec2 as ec2

from core_infra.service_platform import ServicePlatform, import_platform
from settings import ExistingPlatformSettings, VpcAttributes
from settings.examples import ACCOUNT
from tests.synthesis import EXISTING, empty_stack, synthesise

SERVICE = "BackendServiceStack"
VPC = VpcAttributes.model_construct(
    vpc_id="vpc-0",
    vpc_cidr="10.1.0.0/16",
    availability_zones=("eu-west-1a", "eu-west-1b"),
    public_subnet_ids=("public-a", "public-b"),
    private_subnet_ids=("private-a", "private-b"),
)


def imported() -> ServicePlatform:
    """Import the platform that an outputs file of a core stack describes."""
    existing = ExistingPlatformSettings(
        vpc=VPC,
        vpc_name=None,
        ecs_cluster_name="shared",
        namespace_name=EXISTING["namespace_name"],
        namespace_arn=EXISTING["namespace_arn"],
        namespace_id=EXISTING["namespace_id"],
    )
    return import_platform(empty_stack(), existing)


@pytest.mark.parametrize("kind", ["private", "isolated"])
def test_tasks_run_in_the_private_or_else_the_isolated_subnets(kind: str) -> None:
    vpc = ec2.Vpc.from_vpc_attributes(
        empty_stack(),
        "Vpc",
        vpc_id="vpc-0",
        availability_zones=["eu-west-1a"],
        public_subnet_ids=["public-a"],
        private_subnet_ids=["tasks-a"] if kind == "private" else None,
        isolated_subnet_ids=["tasks-a"] if kind == "isolated" else None,
    )
    there = imported()
    platform = ServicePlatform(
        vpc=vpc,
        vpc_cidr="10.1.0.0/16",
        cluster=there.cluster,
        namespace=there.namespace,
    )
    assert [subnet.subnet_id for subnet in platform.task_subnets.subnets or []] == ["tasks-a"]


def test_cdk_does_not_look_up_a_vpc_with_known_attributes() -> None:
    platform = imported()
    assert (platform.vpc.vpc_id, platform.vpc_cidr) == ("vpc-0", "10.1.0.0/16")
    subnets = [subnet.subnet_id for subnet in platform.task_subnets.subnets or []]
    assert subnets == ["private-a", "private-b"]


def test_cdk_looks_up_a_vpc_by_its_name() -> None:
    group = synthesise(**EXISTING).only(SERVICE, "AWS::EC2::SecurityGroup")
    network = synthesise(**EXISTING).only(SERVICE, "AWS::ECS::Service")["NetworkConfiguration"]
    assert group["VpcId"] == "vpc-0123456789abcdef0"
    assert network["AwsvpcConfiguration"]["Subnets"] == [
        f"subnet-0123456789abcde1{zone}" for zone in range(3)
    ]


def test_the_service_uses_the_existing_cluster_and_namespace() -> None:
    synthesis = synthesise(**EXISTING)
    discovery = synthesis.only(SERVICE, "AWS::ServiceDiscovery::Service")
    assert synthesis.only(SERVICE, "AWS::ECS::Service")["Cluster"] == "ecs-blueprint-infra"
    assert discovery["NamespaceId"] == EXISTING["namespace_id"]


def test_the_service_stack_refers_to_no_other_stack() -> None:
    assert set(synthesise(**EXISTING).templates) == {SERVICE}
    assert "Fn::ImportValue" not in json.dumps(synthesise(**EXISTING).templates[SERVICE])


def test_tasks_may_log_exec_sessions_to_the_log_group_of_the_cluster_only() -> None:
    synthesis = synthesise(**{**EXISTING, "enable_execute_command": "True"})
    role = synthesis.only(SERVICE, "AWS::ECS::TaskDefinition")["TaskRoleArn"]
    (log,) = (
        statement["Resource"]
        for statement in synthesis.granted(SERVICE, role)
        if "logs:PutLogEvents" in statement["Action"]
    )
    assert log == f"arn:aws:logs:eu-west-1:{ACCOUNT}:log-group:/ecs-exec/ecs-blueprint-infra:*"
