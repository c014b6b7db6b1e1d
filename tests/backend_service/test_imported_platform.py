"""A service on infrastructure that exists already."""

import json
from typing import cast

from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam

from backend_service.imported_platform import ImportedPlatform
from core_infra.service_platform import ServicePlatform
from settings import ExistingPlatformSettings, VpcAttributes
from settings.examples import ACCOUNT
from tests.synthesis import EXISTING, empty_stack, synthesise

SERVICE = "BackendServiceStack"
VPC = VpcAttributes(
    vpc_id="vpc-0",
    vpc_cidr="10.1.0.0/16",
    availability_zones=("eu-west-1a", "eu-west-1b"),
    public_subnet_ids=("public-a", "public-b"),
    private_subnet_ids=("private-a", "private-b"),
)


def existing() -> ExistingPlatformSettings:
    """Return what an outputs file of a core stack says."""
    return ExistingPlatformSettings(
        vpc=VPC,
        vpc_name=None,
        ecs_cluster_name="shared",
        namespace_name=EXISTING["namespace_name"],
        namespace_arn=EXISTING["namespace_arn"],
        namespace_id=EXISTING["namespace_id"],
        ecs_task_execution_role_arn=EXISTING["ecs_task_execution_role_arn"],
    )


def provided() -> ServicePlatform:
    return ImportedPlatform(existing()).provide(empty_stack())


def test_only_the_stack_of_the_service_is_made() -> None:
    assert set(synthesise(**EXISTING).templates) == {SERVICE}


def test_the_stack_refers_to_no_other_stack() -> None:
    template = json.dumps(synthesise(**EXISTING).templates[SERVICE])
    assert "Fn::ImportValue" not in template


def test_a_vpc_known_by_its_name_is_looked_up() -> None:
    group = synthesise(**EXISTING).only(SERVICE, "AWS::EC2::SecurityGroup")
    assert group["VpcId"] == "vpc-0123456789abcdef0"


def test_tasks_run_in_the_private_subnets_of_the_looked_up_vpc() -> None:
    network = synthesise(**EXISTING).only(SERVICE, "AWS::ECS::Service")["NetworkConfiguration"]
    assert network["AwsvpcConfiguration"]["Subnets"] == [
        f"subnet-0123456789abcde1{zone}" for zone in range(3)
    ]


def test_a_vpc_known_by_its_attributes_needs_no_look_up() -> None:
    platform = provided()
    assert platform.vpc.vpc_id == "vpc-0"
    assert platform.vpc.vpc_cidr_block == "10.1.0.0/16"
    subnets = cast("list[ec2.ISubnet]", platform.task_subnets.subnets)
    assert [subnet.subnet_id for subnet in subnets] == ["private-a", "private-b"]


def test_the_service_joins_the_existing_cluster_namespace_and_role() -> None:
    synthesis = synthesise(**EXISTING)
    discovery = synthesis.only(SERVICE, "AWS::ServiceDiscovery::Service")
    definition = synthesis.only(SERVICE, "AWS::ECS::TaskDefinition")
    assert synthesis.only(SERVICE, "AWS::ECS::Service")["Cluster"] == "ecs-blueprint-infra"
    assert discovery["NamespaceId"] == EXISTING["namespace_id"]
    assert definition["ExecutionRoleArn"] == EXISTING["ecs_task_execution_role_arn"]


def test_the_imported_role_refuses_grants_of_others() -> None:
    """Two stacks that write one role's default policy would overwrite each other."""
    platform = provided()
    platform.execution_role.add_to_principal_policy(
        iam.PolicyStatement(actions=["s3:GetObject"], resources=["*"])
    )
    assert [child.node.id for child in platform.execution_role.node.children] == []


def test_exec_sessions_may_be_logged_to_the_log_group_of_the_cluster_only() -> None:
    isolated = {**EXISTING, "enable_execute_command": "True"}
    synthesis = synthesise(**isolated)
    role = synthesis.only(SERVICE, "AWS::ECS::TaskDefinition")["TaskRoleArn"]
    (log,) = (
        statement["Resource"]
        for statement in synthesis.granted(SERVICE, role)
        if "logs:PutLogEvents" in statement["Action"]
    )
    assert log == f"arn:aws:logs:eu-west-1:{ACCOUNT}:log-group:/ecs-exec/ecs-blueprint-infra:*"
