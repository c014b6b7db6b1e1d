"""What the doctor finds before a deploy onto a network, cluster, namespace and role that exist."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from settings import VpcAttributes
from settings.examples import ACCOUNT, EXISTING, REGION, example_deployment
from tools.doctor.aws import Aws
from tools.doctor.check import Verdict
from tools.doctor.network import existing_vpc, flaw_of_default_route, has_fargate
from tools.doctor.tests.account_under_test import AccountUnderTest

CLUSTER, NAMESPACE, ROLE = "shared", "default.shared.local", "shared-execution"
SUBNETS, EGRESS = "existing private subnets", "egress of the private subnets"
EVERYWHERE = {"DestinationCidrBlock": "0.0.0.0/0"}


def trust(service: str) -> str:
    principal = {"Principal": {"Service": service}}
    statement = {"Effect": "Allow", "Action": "sts:AssumeRole", **principal}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


@dataclass
class Platform:
    """A network, a cluster, a namespace and a role, as another team would have made them."""

    account: AccountUnderTest
    vpc: str = ""
    private: list[str] = field(default_factory=list)
    tables: list[str] = field(default_factory=list)
    settings: dict[str, str] = field(default_factory=dict)

    def client(self, service: str) -> Any:
        return self.account.client(service)

    def build(self) -> None:
        ec2 = self.client("ec2")
        self.vpc = self.make_vpc("shared")
        ec2.modify_vpc_attribute(VpcId=self.vpc, EnableDnsHostnames={"Value": True})
        public, _ = self.subnet(0, "a")
        address = ec2.allocate_address(Domain="vpc")["AllocationId"]
        made = ec2.create_nat_gateway(SubnetId=public, AllocationId=address)
        for number, zone in enumerate("ab", start=1):
            subnet, table = self.subnet(number, zone)
            self.private.append(subnet)
            self.tables.append(table)
            nat = made["NatGateway"]["NatGatewayId"]
            ec2.create_route(RouteTableId=table, NatGatewayId=nat, **EVERYWHERE)
        self.client("ecs").create_cluster(clusterName=CLUSTER)
        role = {"RoleName": ROLE, "AssumeRolePolicyDocument": trust("ecs-tasks.amazonaws.com")}
        self.client("iam").create_role(**role)
        namespace = self.make_namespace(NAMESPACE, self.vpc)
        self.settings = EXISTING | {
            "vpc_name": "shared",
            "ecs_cluster_name": CLUSTER,
            "namespace_name": NAMESPACE,
            **namespace_settings(namespace),
            "ecs_task_execution_role_arn": f"arn:aws:iam::{ACCOUNT}:role/{ROLE}",
        }
        tags = [{"Key": "aws-cdk:subnet-type", "Value": "Public"}]
        ec2.create_tags(Resources=[public], Tags=tags)

    def make_vpc(self, name: str) -> str:
        ec2 = self.client("ec2")
        vpc = str(ec2.create_vpc(CidrBlock="10.20.0.0/16")["Vpc"]["VpcId"])
        ec2.create_tags(Resources=[vpc], Tags=[{"Key": "Name", "Value": name}])
        return vpc

    def subnet(self, number: int, zone: str) -> tuple[str, str]:
        ec2 = self.client("ec2")
        place = {"CidrBlock": f"10.20.{number}.0/24", "AvailabilityZone": f"{REGION}{zone}"}
        subnet = str(ec2.create_subnet(VpcId=self.vpc, **place)["Subnet"]["SubnetId"])
        table = str(ec2.create_route_table(VpcId=self.vpc)["RouteTable"]["RouteTableId"])
        ec2.associate_route_table(RouteTableId=table, SubnetId=subnet)
        return subnet, table

    def make_namespace(self, name: str, vpc: str) -> str:
        client = self.client("servicediscovery")
        client.create_private_dns_namespace(Name=name, Vpc=vpc)
        found = client.list_namespaces()["Namespaces"]
        return str(next(n["Id"] for n in reversed(found) if n["Name"] == name))

    def endpoint(self, service: str, kind: str, **parameters: Any) -> None:
        name = f"com.amazonaws.{REGION}.{service}"
        self.client("ec2").create_vpc_endpoint(
            VpcId=self.vpc, ServiceName=name, VpcEndpointType=kind, **parameters
        )


def namespace_settings(namespace: str) -> dict[str, str]:
    arn = f"arn:aws:servicediscovery:{REGION}:{ACCOUNT}:namespace/{namespace}"
    return {"namespace_id": namespace, "namespace_arn": arn}


@pytest.fixture
def platform(account: AccountUnderTest) -> Platform:
    platform = Platform(account)
    platform.build()
    return platform


# --- What can be wrong ----------------------------------------------------------------------------


def twin(on: Platform) -> None:
    on.make_vpc("shared")


def switch_names_off(on: Platform) -> None:
    on.client("ec2").modify_vpc_attribute(VpcId=on.vpc, EnableDnsHostnames={"Value": False})


def make_all_public(on: Platform) -> None:
    tags = [{"Key": "aws-cdk:subnet-type", "Value": "Public"}]
    on.client("ec2").create_tags(Resources=on.private, Tags=tags)


def close(on: Platform) -> None:
    for table in on.tables:
        on.client("ec2").delete_route(RouteTableId=table, **EVERYWHERE)


def add_endpoints_without_s3(on: Platform) -> None:
    close(on)
    for service in ("ecr.api", "ecr.dkr", "logs"):
        on.endpoint(service, "Interface", SubnetIds=on.private)


def add_all_endpoints_but_for_exec(on: Platform) -> None:
    add_endpoints_without_s3(on)
    on.endpoint("s3", "Gateway", RouteTableIds=on.tables)
    on.settings["enable_execute_command"] = "True"


def lose_cluster(on: Platform) -> None:
    on.client("ecs").delete_cluster(cluster=CLUSTER)


def take_name_in_cluster(on: Platform) -> None:
    container = {"name": "a", "image": "a", "memory": 128}
    ecs = on.client("ecs")
    ecs.register_task_definition(family="other", containerDefinitions=[container])
    ecs.create_service(
        cluster=CLUSTER, serviceName="ecsdemo-backend", taskDefinition="other", desiredCount=0
    )


def take_name_in_namespace(on: Platform) -> None:
    dns = {"DnsRecords": [{"Type": "A", "TTL": 10}]}
    on.client("servicediscovery").create_service(
        Name="ecsdemo-backend", NamespaceId=on.settings["namespace_id"], DnsConfig=dns
    )


def mean_no_namespace(on: Platform) -> None:
    on.settings |= namespace_settings("ns-0123456789abcdef")


def misname_namespace(on: Platform) -> None:
    on.settings["namespace_name"] = "jobs.shared.local"


def mean_namespace_of_another_vpc(on: Platform) -> None:
    other = on.make_namespace("jobs.shared.local", on.make_vpc("other"))
    on.settings |= {"namespace_name": "jobs.shared.local", **namespace_settings(other)}


def lose_role(on: Platform) -> None:
    on.client("iam").delete_role(RoleName=ROLE)


def trust_lambda(on: Platform) -> None:
    document = trust("lambda.amazonaws.com")
    on.client("iam").update_assume_role_policy(RoleName=ROLE, PolicyDocument=document)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("about", "change", "found"),
    [
        ("existing VPC", twin, "2 VPCs match vpc_name -> correct vpc_name"),
        ("existing VPC", switch_names_off, "has enableDnsHostnames off"),
        (SUBNETS, make_all_public, "the VPC has none"),
        (EGRESS, close, "has no default route, and no endpoint for ecr.api, ecr.dkr, logs, s3 -> "),
        (EGRESS, add_endpoints_without_s3, "no endpoint for s3"),
        (EGRESS, add_all_endpoints_but_for_exec, "no endpoint for ssmmessages"),
        ("existing cluster", lose_cluster, "there is no active cluster shared"),
        ("existing cluster", take_name_in_cluster, "has a service ecsdemo-backend, which is not"),
        ("existing namespace", mean_no_namespace, "there is no namespace ns-0123456789abcdef"),
        ("existing namespace", misname_namespace, f"is named {NAMESPACE}"),
        ("existing namespace", mean_namespace_of_another_vpc, "does not resolve in vpc-"),
        ("name in the namespace", take_name_in_namespace, "ecsdemo-backend is taken by srv-"),
        ("existing execution role", lose_role, f"there is no role {ROLE}"),
        ("existing execution role", trust_lambda, "does not trust ecs-tasks.amazonaws.com"),
    ],
)
def test_a_finding(
    platform: Platform, about: str, change: Callable[[Platform], None], found: str
) -> None:
    before = platform.account.ask(about, **platform.settings)
    assert [result.verdict for result in before] == [Verdict.OK]
    change(platform)
    assert found in platform.account.problem(about, **platform.settings)


@pytest.mark.slow
def test_a_service_of_the_task_role_in_a_vpc_with_endpoints(platform: Platform) -> None:
    statement = {"Effect": "Allow", "Action": "sqs:*", "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": statement})
    made = platform.client("iam").create_policy(PolicyName="sqs", PolicyDocument=document)
    platform.settings["task_role_policy_arns"] = made["Policy"]["Arn"]
    add_endpoints_without_s3(platform)
    platform.endpoint("s3", "Gateway", RouteTableIds=platform.tables)
    (result,) = platform.account.ask(EGRESS, **platform.settings)
    assert result.line.endswith(" no way to sqs -> if they call it: add sqs to the VPC's endpoints")


@pytest.mark.slow
@pytest.mark.usefixtures("account")
def test_an_outputs_file_of_a_vpc_that_is_gone() -> None:
    (settings,) = example_deployment(EXISTING)
    vpc = VpcAttributes("vpc-0123456789abcdef0", "10.20.0.0/16", (), (), ())
    assert settings.existing_platform is not None
    platform = settings.existing_platform.model_copy(update={"vpc": vpc, "vpc_name": None})
    result = existing_vpc(platform, settings, Aws(REGION))
    assert result.line == "no VPC matches core_outputs_file -> correct core_outputs_file"


@pytest.mark.parametrize(
    ("route", "flaw"),
    [
        ({"NatGatewayId": "nat-1", "State": "active"}, ""),
        ({"NatGatewayId": "nat-1", "State": "blackhole"}, "of subnet-1 leads nowhere"),
        ({"GatewayId": "igw-1", "State": "active"}, "subnet-1 is public"),
    ],
)
def test_a_default_route(route: dict[str, str], flaw: str) -> None:
    assert flaw in flaw_of_default_route("subnet-1", route)
    assert bool(flaw) == bool(flaw_of_default_route("subnet-1", route))


def test_zones_that_fargate_serves() -> None:
    assert has_fargate("us-east-1", "use1-az1")
    assert not has_fargate("us-east-1", "use1-az3")
    assert not has_fargate("us-west-1", "usw1-az2")
