"""The constructs in somebody else's CDK app: no app.py, no .env, no settings of ours."""

import subprocess
import sys

import pytest
from aws_cdk import App, Duration, Stack
from aws_cdk import aws_logs as logs
from aws_cdk.assertions import Match, Template
from constructs import Construct

from backend_service.image_repository import ImageRepository
from backend_service.service import DiscoverableService
from backend_service.task import BackendTask
from core_infra.cluster import Cluster, TaskExecutionRole
from core_infra.network import Network
from core_infra.service_discovery import ServiceDiscovery
from core_infra.service_platform import ServicePlatform
from tests.repository import ROOT


class ForeignStack(Stack):
    """Everything in one stack, for no particular account or region."""

    def __init__(self, scope: Construct, construct_id: str) -> None:
        super().__init__(scope, construct_id)
        week = logs.RetentionDays.ONE_WEEK
        network = Network(
            self,
            "Network",
            vpc_name="foreign",
            cidr="10.9.0.0/20",
            az_count=2,
            nat_gateway=False,
            endpoint_services=frozenset(),
            flow_log_retention=week,
        )
        cluster = Cluster(
            self, "Cluster", cluster_name="foreign", vpc=network.vpc, log_retention=week
        )
        discovery = ServiceDiscovery(self, "Names", names=["foreign.internal"], vpc=network.vpc)
        platform = ServicePlatform(
            vpc=network.vpc,
            vpc_cidr="10.9.0.0/20",
            cluster=cluster.cluster,
            namespace=discovery.namespaces[0],
            execution_role=TaskExecutionRole(self, "ExecutionRole").role,
        )
        images = ImageRepository(self, "Images", repository_name="hello")
        task = BackendTask(
            self,
            "Task",
            family="hello",
            service_name="hello",
            execution_role=platform.execution_role,
            repository=images.repository,
            cpu=256,
            memory_mib=512,
            arm64=True,
            container_name="hello",
            container_port=8080,
            health_check_command=None,
            environment={},
            secrets={},
            stop_timeout=Duration.seconds(30),
            init_process=False,
            role_policy_arns=[],
            log_group_name="/hello",
            log_retention=week,
        )
        DiscoverableService(
            self,
            "Service",
            platform=platform,
            service_name="hello",
            task_definition=task.definition,
            port=8080,
            min_tasks=1,
            max_tasks=2,
            dns_ttl=Duration.seconds(5),
            enable_execute_command=False,
        )


@pytest.fixture(scope="module")
def template() -> Template:
    return Template.from_stack(ForeignStack(App(analytics_reporting=False), "Foreign"))


def test_service_runs_on_the_cluster_of_the_same_stack(template: Template) -> None:
    template.resource_count_is("AWS::ECS::Cluster", 1)
    template.has_resource_properties(
        "AWS::ECS::Service", {"ServiceName": "hello", "ServiceRegistries": Match.any_value()}
    )


def test_stack_without_a_region_gets_the_endpoints_that_every_region_needs(
    template: Template,
) -> None:
    template.resource_properties_count_is(
        "AWS::EC2::VPCEndpoint", {"VpcEndpointType": "Interface"}, 3
    )


def test_constructs_import_without_app_and_settings_of_ours() -> None:
    modules = sorted(
        f"{path.parent.name}.{path.stem}"
        for package in ("core_infra", "backend_service")
        for path in (ROOT / package).glob("*.py")
        # These two receive groups of settings.
        if (package, path.stem)
        not in {("backend_service", "stack"), ("backend_service", "imported_platform")}
    )
    code = f"""
import importlib, sys
for name in {modules!r}:
    importlib.import_module(name)
sys.exit(", ".join({{"app", "settings", "dotenv", "pydantic"}} & sys.modules.keys()) or 0)
"""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
