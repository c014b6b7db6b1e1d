"""The doctor before a deploy onto what is there already."""

import json
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from settings.examples import ACCOUNT, REGION
from tools.doctor.tests.account_under_test import AccountUnderTest, Report

pytestmark = pytest.mark.slow

CLUSTER, NAMESPACE, ROLE = "shared", "default.shared.local", "shared-execution"
SERVICES = ("ecr.api", "ecr.dkr", "logs")


def trust(service: str) -> str:
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": service},
        "Action": "sts:AssumeRole",
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


@dataclass
class Platform:
    """A network, a cluster, a namespace and a role, as another team would have made them."""

    account: AccountUnderTest
    vpc: str = ""
    private: list[str] = field(default_factory=list)
    tables: list[str] = field(default_factory=list)
    gateway: str = ""
    namespace: str = ""

    def build(self) -> None:
        ec2, client = self.account.client("ec2"), self.account.client
        self.vpc = ec2.create_vpc(CidrBlock="10.20.0.0/16")["Vpc"]["VpcId"]
        self.name_vpc("shared")
        ec2.modify_vpc_attribute(VpcId=self.vpc, EnableDnsHostnames={"Value": True})
        public = self.subnet("10.20.0.0/24", "a")
        internet = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
        ec2.attach_internet_gateway(InternetGatewayId=internet, VpcId=self.vpc)
        self.route(self.table(public), GatewayId=internet)
        address = ec2.allocate_address(Domain="vpc")["AllocationId"]
        made = ec2.create_nat_gateway(SubnetId=public, AllocationId=address)
        self.gateway = made["NatGateway"]["NatGatewayId"]
        for number, zone in enumerate("ab", start=1):
            self.private.append(self.subnet(f"10.20.{number}.0/24", zone))
            self.tables.append(self.table(self.private[-1]))
            self.route(self.tables[-1], NatGatewayId=self.gateway)
        client("ecs").create_cluster(clusterName=CLUSTER)
        self.namespace = self.make_namespace(NAMESPACE, self.vpc)
        self.make_role("ecs-tasks.amazonaws.com")

    def name_vpc(self, name: str, vpc: str = "") -> None:
        tags = [{"Key": "Name", "Value": name}]
        self.account.client("ec2").create_tags(Resources=[vpc or self.vpc], Tags=tags)

    def subnet(self, cidr: str, zone: str) -> str:
        made = self.account.client("ec2").create_subnet(
            VpcId=self.vpc, CidrBlock=cidr, AvailabilityZone=f"{REGION}{zone}"
        )
        return str(made["Subnet"]["SubnetId"])

    def table(self, subnet: str) -> str:
        ec2 = self.account.client("ec2")
        table = str(ec2.create_route_table(VpcId=self.vpc)["RouteTable"]["RouteTableId"])
        ec2.associate_route_table(RouteTableId=table, SubnetId=subnet)
        return table

    def route(self, table: str, **target: str) -> None:
        self.account.client("ec2").create_route(
            RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", **target
        )

    def close(self) -> None:
        """Take the default routes away."""
        for table in self.tables:
            self.account.client("ec2").delete_route(
                RouteTableId=table, DestinationCidrBlock="0.0.0.0/0"
            )

    def endpoints(self, *services: str) -> None:
        ec2 = self.account.client("ec2")
        for service in services:
            ec2.create_vpc_endpoint(
                VpcId=self.vpc,
                ServiceName=f"com.amazonaws.{REGION}.{service}",
                VpcEndpointType="Interface",
                SubnetIds=self.private,
            )

    def s3_endpoint(self, *tables: str) -> None:
        self.account.client("ec2").create_vpc_endpoint(
            VpcId=self.vpc,
            ServiceName=f"com.amazonaws.{REGION}.s3",
            VpcEndpointType="Gateway",
            RouteTableIds=list(tables),
        )

    def make_namespace(self, name: str, vpc: str) -> str:
        client = self.account.client("servicediscovery")
        client.create_private_dns_namespace(Name=name, Vpc=vpc)
        found = client.list_namespaces()["Namespaces"]
        return str(next(n["Id"] for n in reversed(found) if n["Name"] == name))

    def make_role(self, service: str) -> None:
        self.account.client("iam").create_role(
            RoleName=ROLE, AssumeRolePolicyDocument=trust(service)
        )

    def examine(self, **changes: str) -> Report:
        """Ask about a service on the platform; ``changes`` are of its settings."""
        settings = {
            "deploy_core_stack": "False",
            "vpc_name": "shared",
            "ecs_cluster_name": CLUSTER,
            "namespace_name": NAMESPACE,
            "namespace_id": self.namespace,
            "namespace_arn": (
                f"arn:aws:servicediscovery:{REGION}:{ACCOUNT}:namespace/"
                f"{changes.get('namespace_id', self.namespace)}"
            ),
            "ecs_task_execution_role_arn": f"arn:aws:iam::{ACCOUNT}:role/{ROLE}",
        }
        if "core_outputs_file" in changes:
            for key in ("vpc_name", "namespace_id", "namespace_arn"):
                del settings[key]  # the file says them
        return self.account.examine(settings=settings | changes)


@pytest.fixture
def platform(ready_account: AccountUnderTest) -> Platform:
    platform = Platform(ready_account)
    platform.build()
    return platform


def outputs_file(platform: Platform, folder: Path, **changes: str) -> str:
    outputs = {
        "VpcId": platform.vpc,
        "VpcCidr": "10.20.0.0/16",
        "AvailabilityZones": f"{REGION}a,{REGION}b",
        "PublicSubnetIds": "subnet-0123456789abcdef0,subnet-0123456789abcdef1",
        "PrivateSubnetIds": ",".join(platform.private),
        "EcsClusterName": CLUSTER,
        "TaskExecutionRoleArn": f"arn:aws:iam::{ACCOUNT}:role/{ROLE}",
        "NamespaceNames": NAMESPACE,
        "NamespaceIds": platform.namespace,
        "NamespaceArns": (
            f"arn:aws:servicediscovery:{REGION}:{ACCOUNT}:namespace/{platform.namespace}"
        ),
    }
    path = folder / "output.json"
    path.write_text(json.dumps({"CoreInfraStack": outputs | changes}), encoding="utf-8")
    return str(path)


def test_a_platform_that_fits(platform: Platform) -> None:
    report = platform.examine()
    assert report.problems == []
    assert report.code == 0
    assert "egress of the private subnets: by a default route" in report.lines("ok")


def test_a_platform_of_an_outputs_file(platform: Platform, tmp_path: Path) -> None:
    report = platform.examine(core_outputs_file=outputs_file(platform, tmp_path))
    assert report.problems == []
    assert f"existing VPC: {platform.vpc}" in report.lines("ok")


def test_an_outputs_file_of_a_vpc_that_is_gone(platform: Platform, tmp_path: Path) -> None:
    file = outputs_file(platform, tmp_path, VpcId="vpc-0123456789abcdef0")
    report = platform.examine(core_outputs_file=file)
    assert report.only_problem == (
        "existing VPC: there is no VPC like that -> correct core_outputs_file"
    )
    assert "existing private subnets: needs the VPC" in report.lines("not checked")


def test_an_outputs_file_of_subnets_that_are_gone(platform: Platform, tmp_path: Path) -> None:
    gone = "subnet-0123456789abcdef2"
    file = outputs_file(platform, tmp_path, PrivateSubnetIds=f"{platform.private[0]},{gone}")
    assert (
        f"{gone} is not in {platform.vpc}" in platform.examine(core_outputs_file=file).only_problem
    )


def test_two_vpcs_of_that_name(platform: Platform) -> None:
    other = platform.account.client("ec2").create_vpc(CidrBlock="10.30.0.0/16")["Vpc"]["VpcId"]
    platform.name_vpc("shared", other)
    assert platform.examine().only_problem == (
        "existing VPC: there are 2 VPCs like that -> correct vpc_name"
    )


def test_a_vpc_without_names(platform: Platform) -> None:
    platform.account.client("ec2").modify_vpc_attribute(
        VpcId=platform.vpc, EnableDnsHostnames={"Value": False}
    )
    assert "has enableDnsHostnames off" in platform.examine().only_problem


def test_no_private_subnets(platform: Platform) -> None:
    for subnet in platform.private:
        tags = [{"Key": "aws-cdk:subnet-type", "Value": "Public"}]
        platform.account.client("ec2").create_tags(Resources=[subnet], Tags=tags)
    assert "existing private subnets: the VPC has none" in platform.examine().only_problem


def test_a_subnet_where_fargate_is_not(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tools.doctor.network._ZONES_WITHOUT_FARGATE", {"euw1-az2"})
    assert f"Fargate does not serve euw1-az2, where {platform.private[1]} is" in (
        platform.examine().only_problem
    )


def test_no_egress(platform: Platform) -> None:
    platform.close()
    assert platform.examine().only_problem == (
        f"egress of the private subnets: {platform.private[0]} has no default route, and no "
        "endpoint for ecr.api, ecr.dkr, logs, s3 -> add a NAT gateway or the endpoints"
    )


def test_endpoints_are_egress(platform: Platform) -> None:
    platform.close()
    platform.endpoints(*SERVICES)
    platform.s3_endpoint(*platform.tables)
    report = platform.examine()
    assert report.problems == []
    assert "egress of the private subnets: by endpoints" in report.lines("ok")
    shell = platform.examine(enable_execute_command="True")
    assert "no endpoint for ssmmessages" in shell.only_problem


def test_an_s3_endpoint_that_one_subnet_lacks(platform: Platform) -> None:
    platform.close()
    platform.endpoints(*SERVICES)
    platform.s3_endpoint(platform.tables[0])
    assert "no endpoint for s3" in platform.examine().only_problem


def test_a_nat_gateway_that_is_gone(platform: Platform) -> None:
    platform.account.client("ec2").delete_nat_gateway(NatGatewayId=platform.gateway)
    assert f"{platform.gateway}, the egress of {platform.private[0]}, is not available" in (
        platform.examine().only_problem
    )


def test_no_cluster(platform: Platform) -> None:
    platform.account.client("ecs").delete_cluster(cluster=CLUSTER)
    assert platform.examine().only_problem == (
        "existing cluster: there is no active cluster shared -> correct ecs_cluster_name"
    )


def test_a_service_of_that_name_in_the_cluster(platform: Platform) -> None:
    ecs = platform.account.client("ecs")
    container = {"name": "a", "image": "a", "memory": 128}
    ecs.register_task_definition(family="other", containerDefinitions=[container])
    ecs.create_service(
        cluster=CLUSTER, serviceName="ecsdemo-backend", taskDefinition="other", desiredCount=0
    )
    assert "shared has a service ecsdemo-backend, which is not in BackendServiceStack" in (
        platform.examine().only_problem
    )


def test_no_namespace(platform: Platform) -> None:
    gone = "ns-0123456789abcdef"
    problems = platform.examine(namespace_id=gone).problems
    assert problems[0] == (
        f"existing namespace: there is no namespace {gone} -> correct namespace_id"
    )


def test_a_namespace_of_another_name(platform: Platform) -> None:
    report = platform.examine(namespace_name="jobs.shared.local")
    assert f"{platform.namespace} is named {NAMESPACE}" in report.only_problem


def test_a_namespace_of_another_vpc(platform: Platform) -> None:
    other = platform.account.client("ec2").create_vpc(CidrBlock="10.30.0.0/16")["Vpc"]["VpcId"]
    foreign = platform.make_namespace("jobs.shared.local", other)
    report = platform.examine(namespace_id=foreign, namespace_name="jobs.shared.local")
    assert f"jobs.shared.local does not resolve in {platform.vpc}" in report.only_problem


def test_a_name_that_another_service_answers_to(platform: Platform) -> None:
    made = platform.account.client("servicediscovery").create_service(
        Name="ecsdemo-backend",
        NamespaceId=platform.namespace,
        DnsConfig={"DnsRecords": [{"Type": "A", "TTL": 10}]},
    )
    assert f"ecsdemo-backend is taken by {made['Service']['Id']}" in (
        platform.examine().only_problem
    )


def test_no_role(platform: Platform) -> None:
    platform.account.client("iam").delete_role(RoleName=ROLE)
    assert f"there is no role {ROLE}" in platform.examine().only_problem


def test_a_role_that_is_not_for_tasks(platform: Platform) -> None:
    platform.account.client("iam").update_assume_role_policy(
        RoleName=ROLE, PolicyDocument=trust("lambda.amazonaws.com")
    )
    assert f"{ROLE} does not trust ecs-tasks.amazonaws.com" in platform.examine().only_problem
