"""The service stack in another CDK app, on a VPC and a cluster that this app has made itself."""

from pathlib import Path

from aws_cdk import App, Environment, Stack
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_servicediscovery as cloudmap
from aws_cdk.assertions import Match, Template

from backend_service.stack import BackendServiceStack
from core_infra.service_platform import ServicePlatform
from settings import load_settings
from settings.examples import ACCOUNT, EXISTING, REGION, sample_env


def test_another_app_can_put_the_service_on_its_own_platform(tmp_path: Path) -> None:
    env_file = tmp_path / "shop.env"
    env_file.write_text(sample_env(**EXISTING), encoding="utf-8")
    settings = load_settings(env_file)
    app = App(analytics_reporting=False, builtin_cloud_formation_validation=False)
    env = Environment(account=ACCOUNT, region=REGION)
    stack = Stack(app, "Foreign", env=env)
    vpc = ec2.Vpc(stack, "Vpc", availability_zones=[f"{REGION}a"])
    namespace = cloudmap.PrivateDnsNamespace(stack, "Names", name="foreign.internal", vpc=vpc)
    platform = ServicePlatform(
        vpc=vpc,
        vpc_cidr="10.0.0.0/16",
        cluster=ecs.Cluster(
            stack, "Cluster", vpc=vpc, cluster_name=settings.service.ecs_cluster_name
        ),
        namespace=namespace,
    )
    service = BackendServiceStack(
        app,
        "Service",
        env=env,
        platform=platform,
        service=settings.service,
        delivery=settings.delivery,
    )
    Template.from_stack(service).has_resource_properties(
        "AWS::ECS::Service",
        {"ServiceName": "ecsdemo-backend", "ServiceRegistries": Match.any_value()},
    )
