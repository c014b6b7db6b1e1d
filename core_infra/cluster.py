"""The ECS cluster that services run on, and the role with which ECS starts their tasks."""

from aws_cdk import RemovalPolicy
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from constructs import Construct

from core_infra.names import exec_log_group_name


class Cluster(Construct):
    """A Fargate cluster in ``vpc`` with Container Insights, whose ECS Exec sessions are logged.

    Creates the cluster and the log group of the sessions (``/ecs-exec/<cluster_name>``, deleted
    with it). Exposes ``cluster``.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        cluster_name: str,
        vpc: ec2.IVpc,
        log_retention: logs.RetentionDays,
    ) -> None:
        super().__init__(scope, construct_id)
        session_log_group = logs.LogGroup(
            self,
            "ExecuteCommandLogGroup",
            log_group_name=exec_log_group_name(cluster_name),
            retention=log_retention,
            removal_policy=RemovalPolicy.DESTROY,
        )
        self.cluster = ecs.Cluster(
            self,
            "Cluster",
            cluster_name=cluster_name,
            vpc=vpc,
            container_insights_v2=ecs.ContainerInsights.ENABLED,
            execute_command_configuration=ecs.ExecuteCommandConfiguration(
                logging=ecs.ExecuteCommandLogging.OVERRIDE,
                log_configuration=ecs.ExecuteCommandLogConfiguration(
                    cloud_watch_log_group=session_log_group
                ),
            ),
        )


class TaskExecutionRole(Construct):
    """A role that ECS tasks may assume, without any permission of its own.

    Each service attaches a policy for its own image, log group and secrets (``StartTaskPolicy`` in
    ``backend_service/task.py``), so services that share the role are granted nothing by accident.
    Exposes ``role``.
    """

    def __init__(self, scope: Construct, construct_id: str) -> None:
        super().__init__(scope, construct_id)
        self.role = iam.Role(
            self,
            "Role",
            assumed_by=iam.ServicePrincipal("ecs-tasks.amazonaws.com"),
            description="Lets ECS pull images, read secrets and write logs to start tasks",
        )
