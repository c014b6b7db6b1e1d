"""The stack of the infrastructure that services share."""

from aws_cdk import CfnOutput, Environment, Fn, Stack
from aws_cdk import aws_iam as iam
from constructs import Construct

from core_infra.cluster import Cluster
from core_infra.logs import HelperFunctionLogs
from core_infra.network import Network
from core_infra.service_discovery import ServiceDiscovery
from core_infra.service_platform import ServicePlatform
from settings import CoreSettings
from settings.names import CoreOutput


class CoreInfraStack(Stack):
    """VPC, ECS cluster, Cloud Map namespaces and task execution role.

    ``endpoint_services`` are the AWS services (short names) that tasks call, besides those that
    every task needs to start. Without a NAT gateway each of them gets an endpoint.

    Exposes ``platforms``: by the name of a namespace, the platform for services in it. The outputs
    are those of ``CoreOutput``.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        env: Environment,
        core: CoreSettings,
        endpoint_services: frozenset[str] = frozenset(),
    ) -> None:
        self._zones = core.availability_zones or tuple(
            Fn.select(index, Fn.get_azs()) for index in range(core.az_count)
        )
        super().__init__(
            scope, construct_id, env=env, description="VPC, ECS cluster and Cloud Map namespaces"
        )
        network = Network(self, "Network", core=core, endpoint_services=endpoint_services)
        vpc = network.vpc
        cluster_with_logs = Cluster(self, "Cluster", core=core, vpc=vpc)
        cluster = cluster_with_logs.cluster
        namespaces = ServiceDiscovery(self, "ServiceDiscovery", core=core, vpc=vpc).namespaces
        # For services that name it in ecs_task_execution_role_arn; others have a role of their own.
        # The role has no permission here: each of these services attaches a policy for its own
        # image, log group and secrets (start_task_policy in backend_service/task.py).
        execution_role = iam.Role(
            self,
            "TaskExecutionRole",
            assumed_by=iam.ServicePrincipal("ecs-tasks.amazonaws.com"),
            description="Lets ECS pull images, read secrets and write logs to start tasks",
        )
        # CDK exports only what a service imports. CloudFormation refuses to remove an export that a
        # deployed stack still imports, and the core is deployed before its services. So these two
        # stay: service stacks of earlier revisions import the ARN, those with ECS Exec the name.
        self.export_value(execution_role.role_arn)
        self.export_value(cluster_with_logs.session_log_group.log_group_name)
        HelperFunctionLogs(self, "HelperFunctionLogs", settings=core)
        self.platforms = {
            name: ServicePlatform(
                vpc=vpc,
                vpc_cidr=core.vpc_cidr,
                cluster=cluster,
                namespace=namespace,
            )
            for name, namespace in zip(core.namespace_names, namespaces, strict=True)
        }
        private_subnets = network.private_subnets
        outputs = {
            CoreOutput.VPC_ID: vpc.vpc_id,
            CoreOutput.VPC_NAME: core.ecs_cluster_name,
            CoreOutput.VPC_CIDR: vpc.vpc_cidr_block,
            CoreOutput.AVAILABILITY_ZONES: ",".join(s.availability_zone for s in private_subnets),
            CoreOutput.PUBLIC_SUBNET_IDS: ",".join(s.subnet_id for s in vpc.public_subnets),
            CoreOutput.PRIVATE_SUBNET_IDS: ",".join(s.subnet_id for s in private_subnets),
            CoreOutput.ECS_CLUSTER_NAME: cluster.cluster_name,
            CoreOutput.ECS_CLUSTER_ARN: cluster.cluster_arn,
            CoreOutput.TASK_EXECUTION_ROLE_NAME: execution_role.role_name,
            CoreOutput.TASK_EXECUTION_ROLE_ARN: execution_role.role_arn,
            CoreOutput.NAMESPACE_NAMES: ",".join(core.namespace_names),
            CoreOutput.NAMESPACE_ARNS: ",".join(n.namespace_arn for n in namespaces),
            CoreOutput.NAMESPACE_IDS: ",".join(n.namespace_id for n in namespaces),
        }
        for output, value in outputs.items():
            CfnOutput(self, output.value, value=value)

    @property
    def availability_zones(self) -> list[str]:
        """The zones of the network.

        CDK's own property would look them up in the account at synthesis.
        """
        return list(self._zones)
