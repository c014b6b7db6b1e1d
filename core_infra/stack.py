"""The stack of the infrastructure that services share."""

from aws_cdk import CfnOutput, Environment, Fn, Stack
from aws_cdk import aws_logs as logs
from constructs import Construct

from core_infra.cluster import Cluster, TaskExecutionRole
from core_infra.logs import HelperFunctionLogs
from core_infra.network import Network
from core_infra.service_discovery import ServiceDiscovery
from core_infra.service_platform import ServicePlatform
from settings.names import CoreOutput


class CoreInfraStack(Stack):
    """VPC, ECS cluster, Cloud Map namespaces and task execution role.

    The cluster and the VPC (by its Name tag) are called ``cluster_name``. ``zone_names`` are the
    ``az_count`` availability zones; if empty, the first that the region lists at deploy time.
    ``endpoint_services`` are AWS services that tasks call (short names), beyond those without which
    no task starts: without a NAT gateway each gets an endpoint.

    Exposes ``platforms``, what services run on, by the name of the namespace that they live in. The
    outputs are those of ``CoreOutput``.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        env: Environment,
        cluster_name: str,
        namespace_names: tuple[str, ...],
        vpc_cidr: str,
        az_count: int,
        zone_names: tuple[str, ...] = (),
        enable_nat_gw: bool = True,
        endpoint_services: frozenset[str] = frozenset(),
        log_retention: logs.RetentionDays = logs.RetentionDays.ONE_MONTH,
    ) -> None:
        self._zones = zone_names or tuple(Fn.select(i, Fn.get_azs()) for i in range(az_count))
        super().__init__(
            scope, construct_id, env=env, description="VPC, ECS cluster and Cloud Map namespaces"
        )
        network = Network(
            self,
            "Network",
            vpc_name=cluster_name,
            cidr=vpc_cidr,
            az_count=az_count,
            nat_gateway=enable_nat_gw,
            endpoint_services=endpoint_services,
            flow_log_retention=log_retention,
        )
        cluster = Cluster(
            self,
            "Cluster",
            cluster_name=cluster_name,
            vpc=network.vpc,
            log_retention=log_retention,
        )
        discovery = ServiceDiscovery(
            self, "ServiceDiscovery", names=namespace_names, vpc=network.vpc
        )
        execution_role = TaskExecutionRole(self, "TaskExecutionRole")
        HelperFunctionLogs(self, "HelperFunctionLogs", retention=log_retention)
        self.platforms = {
            name: ServicePlatform(
                vpc=network.vpc,
                vpc_cidr=vpc_cidr,
                cluster=cluster.cluster,
                namespace=namespace,
                execution_role=execution_role.role,
            )
            for name, namespace in zip(namespace_names, discovery.namespaces, strict=True)
        }
        outputs = {
            CoreOutput.VPC_ID: network.vpc.vpc_id,
            CoreOutput.VPC_NAME: cluster_name,
            CoreOutput.VPC_CIDR: network.vpc.vpc_cidr_block,
            CoreOutput.AVAILABILITY_ZONES: ",".join(
                subnet.availability_zone for subnet in network.private_subnets
            ),
            CoreOutput.PUBLIC_SUBNET_IDS: ",".join(
                subnet.subnet_id for subnet in network.vpc.public_subnets
            ),
            CoreOutput.PRIVATE_SUBNET_IDS: ",".join(
                subnet.subnet_id for subnet in network.private_subnets
            ),
            CoreOutput.ECS_CLUSTER_NAME: cluster.cluster.cluster_name,
            CoreOutput.ECS_CLUSTER_ARN: cluster.cluster.cluster_arn,
            CoreOutput.TASK_EXECUTION_ROLE_NAME: execution_role.role.role_name,
            CoreOutput.TASK_EXECUTION_ROLE_ARN: execution_role.role.role_arn,
            CoreOutput.NAMESPACE_NAMES: ",".join(namespace_names),
            CoreOutput.NAMESPACE_ARNS: ",".join(n.namespace_arn for n in discovery.namespaces),
            CoreOutput.NAMESPACE_IDS: ",".join(n.namespace_id for n in discovery.namespaces),
        }
        for output, value in outputs.items():
            CfnOutput(self, output.value, value=value)

    @property
    def availability_zones(self) -> list[str]:
        """The zones of the network.

        CDK's own property would look them up in the account at synthesis.
        """
        return list(self._zones)
