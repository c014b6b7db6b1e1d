"""Every look-up and import of resources that exist already."""

from dataclasses import dataclass

from aws_cdk import Annotations
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from aws_cdk import aws_servicediscovery as cloudmap
from constructs import Construct

from core_infra.service_platform import ServicePlatform, exec_log_group_name
from settings import ExistingPlatformSettings


@dataclass(frozen=True)
class ImportedPlatform:
    """Existing infrastructure, imported into the stack of the service that runs on it.

    A ``PlatformProvider``. The VPC is described by its attributes or by its Name tag; the tag is
    looked up in the account at synthesis, which needs credentials and writes cdk.context.json. That
    the rest exists is taken on trust: the deploy finds out.
    """

    existing: ExistingPlatformSettings

    def provide(self, scope: Construct) -> ServicePlatform:
        """Create the references in ``scope``. None of the resources can be changed through them."""
        imported = Construct(scope, "ImportedPlatform")
        vpc = self._vpc(imported)
        # Without the cluster's logging configuration CDK would let tasks with ECS Exec write to
        # any log group.
        session_logs = ecs.ExecuteCommandConfiguration(
            logging=ecs.ExecuteCommandLogging.OVERRIDE,
            log_configuration=ecs.ExecuteCommandLogConfiguration(
                cloud_watch_log_group=logs.LogGroup.from_log_group_name(
                    imported,
                    "ExecuteCommandLogGroup",
                    exec_log_group_name(self.existing.ecs_cluster_name),
                )
            ),
        )
        return ServicePlatform(
            vpc=vpc,
            vpc_cidr=vpc.vpc_cidr_block,
            cluster=ecs.Cluster.from_cluster_attributes(
                imported,
                "Cluster",
                cluster_name=self.existing.ecs_cluster_name,
                vpc=vpc,
                security_groups=[],
                execute_command_configuration=session_logs,
            ),
            namespace=(
                cloudmap.PrivateDnsNamespace.from_private_dns_namespace_attributes(
                    imported,
                    "Namespace",
                    namespace_name=self.existing.namespace_name,
                    namespace_arn=self.existing.namespace_arn,
                    namespace_id=self.existing.namespace_id,
                )
            ),
            execution_role=iam.Role.from_role_arn(
                imported, "ExecutionRole", self.existing.ecs_task_execution_role_arn, mutable=False
            ),
        )

    def _vpc(self, scope: Construct) -> ec2.IVpc:
        vpc = self.existing.vpc
        if vpc is None:
            return ec2.Vpc.from_lookup(scope, "Vpc", vpc_name=self.existing.vpc_name)
        # Only who adds routes or gateway endpoints needs the route tables; nobody does here.
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
