"""What the doctor finds before a deploy onto a network, cluster, namespace and role that exist."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from settings.examples import ACCOUNT, EXISTING, REGION
from tools.doctor.check import Verdict
from tools.doctor.network import flaw_of_default_route
from tools.doctor.tests.account_under_test import AccountUnderTest

CLUSTER, NAMESPACE, ROLE = "shared", "default.shared.local", "shared-execution"
EGRESS = "egress of the private subnets"
EVERYWHERE = {"DestinationCidrBlock": "0.0.0.0/0"}


def trust(service: str) -> str:
    principal = {"Principal": {"Service": service}}
    statement = {"Effect": "Allow", "Action": "sts:AssumeRole", **principal}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


class Platform:
    """A network, a cluster, a namespace and a role, as another team would have made them."""

    def __init__(self, account: AccountUnderTest) -> None:
        self.account = account
        self.ec2 = ec2 = account.client("ec2")
        self.private: list[str] = []
        self.tables: list[str] = []
        self.vpc = self.make_vpc("shared")
        ec2.modify_vpc_attribute(VpcId=self.vpc, EnableDnsHostnames={"Value": True})
        public, _ = self._make_subnet(0, "a")
        self.tag_as_public(public)
        address = ec2.allocate_address(Domain="vpc")["AllocationId"]
        gateway = ec2.create_nat_gateway(SubnetId=public, AllocationId=address)["NatGateway"]
        for number, zone in enumerate("ab", start=1):
            subnet, table = self._make_subnet(number, zone)
            self.private.append(subnet)
            self.tables.append(table)
            nat = {"NatGatewayId": gateway["NatGatewayId"], **EVERYWHERE}
            ec2.create_route(RouteTableId=table, **nat)
        account.client("ecs").create_cluster(clusterName=CLUSTER)
        role = {"RoleName": ROLE, "AssumeRolePolicyDocument": trust("ecs-tasks.amazonaws.com")}
        account.client("iam").create_role(**role)
        self.settings = EXISTING | {
            "ecs_cluster_name": CLUSTER,
            **self.make_namespace(NAMESPACE, self.vpc),
            "ecs_task_execution_role_arn": f"arn:aws:iam::{ACCOUNT}:role/{ROLE}",
        }

    def make_vpc(self, name: str) -> str:
        vpc = str(self.ec2.create_vpc(CidrBlock="10.20.0.0/16")["Vpc"]["VpcId"])
        self.ec2.create_tags(Resources=[vpc], Tags=[{"Key": "Name", "Value": name}])
        return vpc

    def tag_as_public(self, *subnets: str) -> None:
        tags = [{"Key": "aws-cdk:subnet-type", "Value": "Public"}]
        self.ec2.create_tags(Resources=subnets, Tags=tags)

    def add_endpoint(self, service: str, **parameters: Any) -> None:
        name = f"com.amazonaws.{REGION}.{service}"
        self.ec2.create_vpc_endpoint(VpcId=self.vpc, ServiceName=name, **parameters)

    def make_namespace(self, name: str, vpc: str) -> dict[str, str]:
        """Make a namespace and return the settings that name it."""
        client = self.account.client("servicediscovery")
        client.create_private_dns_namespace(Name=name, Vpc=vpc)
        (found,) = (n for n in client.list_namespaces()["Namespaces"] if n["Name"] == name)
        arn = f"arn:aws:servicediscovery:{REGION}:{ACCOUNT}:namespace/{found['Id']}"
        return {"namespace_name": name, "namespace_id": found["Id"], "namespace_arn": arn}

    def _make_subnet(self, number: int, zone: str) -> tuple[str, str]:
        place = {"CidrBlock": f"10.20.{number}.0/24", "AvailabilityZone": f"{REGION}{zone}"}
        subnet = str(self.ec2.create_subnet(VpcId=self.vpc, **place)["Subnet"]["SubnetId"])
        table = str(self.ec2.create_route_table(VpcId=self.vpc)["RouteTable"]["RouteTableId"])
        self.ec2.associate_route_table(RouteTableId=table, SubnetId=subnet)
        return subnet, table


@pytest.fixture
def platform(account: AccountUnderTest) -> Platform:
    return Platform(account)


# --- What can be wrong ----------------------------------------------------------------------------


def twin(on: Platform) -> None:
    on.make_vpc("shared")


def switch_names_off(on: Platform) -> None:
    on.ec2.modify_vpc_attribute(VpcId=on.vpc, EnableDnsHostnames={"Value": False})


def make_all_public(on: Platform) -> None:
    on.tag_as_public(*on.private)


def have_endpoints_without_s3(on: Platform) -> None:
    for table in on.tables:
        on.ec2.delete_route(RouteTableId=table, **EVERYWHERE)
    for service in ("ecr.api", "ecr.dkr", "logs"):
        on.add_endpoint(service, VpcEndpointType="Interface", SubnetIds=on.private)


def lose_cluster(on: Platform) -> None:
    on.account.client("ecs").delete_cluster(cluster=CLUSTER)


def take_name_in_cluster(on: Platform) -> None:
    container = {"name": "a", "image": "a", "memory": 128}
    ecs = on.account.client("ecs")
    ecs.register_task_definition(family="other", containerDefinitions=[container])
    service = {"serviceName": "ecsdemo-backend", "taskDefinition": "other", "desiredCount": 0}
    ecs.create_service(cluster=CLUSTER, **service)


def take_name_in_namespace(on: Platform) -> None:
    dns = {"DnsRecords": [{"Type": "A", "TTL": 10}]}
    on.account.client("servicediscovery").create_service(
        Name="ecsdemo-backend", NamespaceId=on.settings["namespace_id"], DnsConfig=dns
    )


def mean_no_namespace(on: Platform) -> None:
    for key in ("namespace_id", "namespace_arn"):
        on.settings[key] = on.settings[key].replace("ns-", "ns-0")


def misname_namespace(on: Platform) -> None:
    on.settings["namespace_name"] = "jobs.shared.local"


def mean_namespace_of_another_vpc(on: Platform) -> None:
    on.settings |= on.make_namespace("jobs.shared.local", on.make_vpc("other"))


def lose_role(on: Platform) -> None:
    on.account.client("iam").delete_role(RoleName=ROLE)


def trust_lambda(on: Platform) -> None:
    document = trust("lambda.amazonaws.com")
    iam = on.account.client("iam")
    iam.update_assume_role_policy(RoleName=ROLE, PolicyDocument=document)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("about", "change", "found"),
    [
        ("existing VPC", twin, "2 VPCs match vpc_name -> correct vpc_name"),
        ("existing VPC", switch_names_off, "has enableDnsHostnames off"),
        (EGRESS, make_all_public, "there are no private subnets -> add some"),
        (EGRESS, have_endpoints_without_s3, "has no default route, and no endpoint for s3 -> "),
        ("existing cluster", lose_cluster, "there is no active cluster shared"),
        ("existing cluster", take_name_in_cluster, "has a service ecsdemo-backend, which is not"),
        ("existing namespace", mean_no_namespace, "there is no namespace ns-0"),
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
    change(platform)
    assert found in platform.account.problem(about, **platform.settings)


@pytest.mark.slow
def test_a_platform_that_is_ready(platform: Platform) -> None:
    abouts = ("existing VPC", EGRESS, "existing cluster", "existing namespace")
    for about in (*abouts, "name in the namespace", "existing execution role"):
        result = platform.account.ask(about, **platform.settings)
        assert result.verdict is Verdict.OK, about


@pytest.mark.parametrize(
    ("route", "flaw"),
    [
        ({"NatGatewayId": "nat-1", "State": "blackhole"}, "of subnet-1 leads nowhere"),
        ({"GatewayId": "igw-1", "State": "active"}, "subnet-1 is public"),
    ],
)
def test_a_default_route_that_tasks_cannot_use(route: dict[str, str], flaw: str) -> None:
    assert flaw in flaw_of_default_route("subnet-1", route)
