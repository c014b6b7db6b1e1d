"""What a service needs from the infrastructure that it runs on, be it created here or imported."""

from dataclasses import dataclass

from aws_cdk import Annotations
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_logs as logs
from aws_cdk import aws_servicediscovery as cloudmap
from constructs import Construct

from settings import ExistingPlatformSettings
from settings.names import exec_log_group_name


@dataclass(frozen=True, kw_only=True)
class ServicePlatform:
    """Network, cluster and namespace of a service.

    ``namespace`` is a private DNS namespace of ``vpc``, and the private subnets of ``vpc`` can
    reach the AWS APIs. ``vpc_cidr`` is the address block of ``vpc`` as text: tools that read
    templates cannot judge a security group rule with a reference.
    """

    vpc: ec2.IVpc
    vpc_cidr: str
    cluster: ecs.ICluster
    namespace: cloudmap.INamespace

    @property
    def task_subnets(self) -> ec2.SubnetSelection:
        """The private subnets, whether their egress is a NAT gateway or VPC endpoints."""
        return ec2.SubnetSelection(subnets=self.vpc.private_subnets or self.vpc.isolated_subnets)


def import_platform(scope: Construct, existing: ExistingPlatformSettings) -> ServicePlatform:
    """Return references to existing infrastructure, for the stack ``scope``.

    Call it once for each stack. CDK looks a VPC that is given by its Name tag up in the account, at
    synthesis: this needs credentials and writes cdk.context.json. CDK checks nothing else: if a
    resource does not exist, the deploy fails.
    """
    imported = Construct(scope, "ImportedPlatform")
    vpc = _import_vpc(imported, existing)
    # Without the cluster's logging configuration, CDK allows tasks with ECS Exec to write to any
    # log group.
    session_logs = ecs.ExecuteCommandConfiguration(
        logging=ecs.ExecuteCommandLogging.OVERRIDE,
        log_configuration=ecs.ExecuteCommandLogConfiguration(
            cloud_watch_log_group=logs.LogGroup.from_log_group_name(
                imported,
                "ExecuteCommandLogGroup",
                exec_log_group_name(existing.ecs_cluster_name),
            )
        ),
    )
    return ServicePlatform(
        vpc=vpc,
        vpc_cidr=vpc.vpc_cidr_block,
        cluster=ecs.Cluster.from_cluster_attributes(
            imported,
            "Cluster",
            cluster_name=existing.ecs_cluster_name,
            vpc=vpc,
            security_groups=[],
            execute_command_configuration=session_logs,
        ),
        namespace=cloudmap.PrivateDnsNamespace.from_private_dns_namespace_attributes(
            imported,
            "Namespace",
            namespace_name=existing.namespace_name,
            namespace_arn=existing.namespace_arn,
            namespace_id=existing.namespace_id,
        ),
    )


def _import_vpc(scope: Construct, existing: ExistingPlatformSettings) -> ec2.IVpc:
    vpc = existing.vpc
    if vpc is None:
        return ec2.Vpc.from_lookup(scope, "Vpc", vpc_name=existing.vpc_name)
    # CDK needs the route tables to add routes or gateway endpoints, which this app does not do.
    Annotations.of(scope).acknowledge_warning(
        "@aws-cdk/aws-ec2:noSubnetRouteTableId", "no route is added to imported subnets"
    )
    return ec2.Vpc.from_vpc_attributes(
        scope,
        "Vpc",
        vpc_id=vpc.vpc_id,
        vpc_cidr_block=vpc.vpc_cidr,
        availability_zones=list(vpc.availability_zones),
        public_subnet_ids=list(vpc.public_subnet_ids),
        private_subnet_ids=list(vpc.private_subnet_ids),
    )
