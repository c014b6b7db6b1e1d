"""The ECS cluster that services run on."""

from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecs as ecs
from constructs import Construct

from core_infra.logs import log_group
from settings import CoreSettings
from settings.names import exec_log_group_name


class Cluster(Construct):
    """A Fargate cluster in ``vpc`` with Container Insights, whose ECS Exec sessions are logged.

    Creates the cluster, and the log group ``/ecs-exec/<cluster>`` for the sessions. Exposes
    ``cluster`` and ``session_log_group``.
    """

    def __init__(
        self, scope: Construct, construct_id: str, *, core: CoreSettings, vpc: ec2.IVpc
    ) -> None:
        super().__init__(scope, construct_id)
        self.session_log_group = log_group(
            self,
            "ExecuteCommandLogGroup",
            name=exec_log_group_name(core.ecs_cluster_name),
            settings=core,
        )
        self.cluster = ecs.Cluster(
            self,
            "Cluster",
            cluster_name=core.ecs_cluster_name,
            vpc=vpc,
            container_insights_v2=ecs.ContainerInsights.ENABLED,
            execute_command_configuration=ecs.ExecuteCommandConfiguration(
                logging=ecs.ExecuteCommandLogging.OVERRIDE,
                log_configuration=ecs.ExecuteCommandLogConfiguration(
                    cloud_watch_log_group=self.session_log_group
                ),
            ),
        )
