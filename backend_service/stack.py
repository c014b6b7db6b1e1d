"""The stack of one backend service and its delivery."""

from aws_cdk import CfnOutput, Duration, Environment, Stack
from aws_cdk import aws_logs as logs
from constructs import Construct

from backend_service.alarms import ServiceAlarms, ServiceMetrics
from backend_service.dashboard import Dashboard
from backend_service.deploy_actions import ReleaseFunction
from backend_service.image_build import ImageBuild
from backend_service.image_repository import BuildsRepository, ImageRepository, SeedImage
from backend_service.names import (
    ServiceOutput,
    dashboard_url,
    pipeline_url,
    release_log_group_name,
    task_log_group_name,
)
from backend_service.notifications import FailureNotifications, NotificationTopic
from backend_service.pipeline import DeliveryPipeline
from backend_service.service import DiscoverableService
from backend_service.source import Branch, ConnectionSource, PipelineSource, TokenSource
from backend_service.task import BackendTask
from core_infra.logs import HelperFunctionLogs
from core_infra.service_platform import PlatformProvider
from settings import CpuArchitecture, DeliverySettings, ServiceSettings
from settings.names import builds_repository_name, full_name


class BackendServiceStack(Stack):
    """A discoverable Fargate service, its image repository, pipeline, alarms and dashboard.

    Runs on the platform that ``platform`` provides: another stack's, or an imported one. Fits the
    platform only if ``service`` names its cluster and its namespace. ``delivery`` has a connection
    or a token secret to read the source with (ValueError otherwise); the connection wins. The
    outputs are those of ``ServiceOutput``.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        env: Environment,
        platform: PlatformProvider,
        service: ServiceSettings,
        delivery: DeliverySettings,
        log_retention: logs.RetentionDays,
    ) -> None:
        super().__init__(
            scope, construct_id, env=env, description=f"{service.service_name} and its delivery"
        )
        provided = platform.provide(self)
        name = full_name(service.ecs_cluster_name, service.service_name)
        region = self.region
        # By name, so that what may touch the service does not wait for it.
        service_arn = self.format_arn(
            service="ecs",
            resource="service",
            resource_name=f"{service.ecs_cluster_name}/{service.service_name}",
        )
        arm64 = service.cpu_architecture is CpuArchitecture.ARM64
        dns_ttl = Duration.seconds(service.dns_ttl_seconds)
        images = ImageRepository(
            self, "ImageRepository", repository_name=service.ecr_repository_name
        )
        builds = BuildsRepository(
            self,
            "BuildsRepository",
            repository_name=builds_repository_name(service.ecr_repository_name),
        )
        seed = SeedImage(
            self,
            "SeedImage",
            source=service.seed_image,
            source_repository_arn=service.seed_repository_arn,
            repository=images.repository,
            repository_name=service.ecr_repository_name,
            arm64=arm64,
            log_retention=log_retention,
        )
        task = BackendTask(
            self,
            "Task",
            family=name,
            service_name=service.service_name,
            execution_role=provided.execution_role,
            repository=images.repository,
            cpu=service.task_cpu,
            memory_mib=service.task_memory,
            arm64=arm64,
            container_name=service.container_name,
            container_port=service.container_port,
            health_check_command=service.health_check_command,
            environment=service.container_environment,
            secrets=service.container_secrets,
            kms_key_arns=service.container_secrets_kms_keys,
            stop_timeout=Duration.seconds(service.stop_timeout_seconds),
            init_process=service.enable_execute_command,
            role_policy_arns=service.task_role_policy_arns,
            log_group_name=task_log_group_name(service.ecs_cluster_name, service.service_name),
            log_retention=log_retention,
        )
        # What watches knows what it watches by name: the service has to wait for its alarms.
        observability = Construct(self, "Observability")
        metrics = ServiceMetrics(
            cluster_name=service.ecs_cluster_name, service_name=service.service_name
        )
        topic = None  # without an address there is no topic, no key and no rule to pay for
        if delivery.notification_email:
            topic = NotificationTopic(
                observability, "Notifications", name=name, email=delivery.notification_email
            ).topic
            FailureNotifications(
                observability,
                "Failures",
                topic=topic,
                pipeline_name=name,
                cluster_name=service.ecs_cluster_name,
                service_name=service.service_name,
                service_arn=service_arn,
                # What is released was scanned when it was built.
                repository_name=builds_repository_name(service.ecr_repository_name),
            )
        alarms = ServiceAlarms(
            observability,
            "Alarms",
            name=name,
            metrics=metrics,
            log_group=task.log_group,
            topic=topic,
        )
        Dashboard(
            observability,
            "Dashboard",
            region=region,
            name=name,
            metrics=metrics,
            alarms=alarms.alarms,
            log_group=task.log_group,
            pipeline_name=name,
        )
        discoverable = DiscoverableService(
            self,
            "Service",
            platform=provided,
            service_name=service.service_name,
            task_definition=task.definition,
            port=service.container_port,
            min_tasks=service.desired_count,
            max_tasks=service.max_count,
            dns_ttl=dns_ttl,
            enable_execute_command=service.enable_execute_command,
            rollback_alarm_names=alarms.rollback_names,
        )
        # No task can start before its image is there and its role may pull it, and ECS takes no
        # service whose alarms do not exist.
        discoverable.start_after(seed, task.start_task_policy, alarms)
        build = ImageBuild(
            self,
            "ImageBuild",
            project_name=name,
            builds=builds.repository,
            repository=images.repository,
            container_name=service.container_name,
            container_port=service.container_port,
            arm64=arm64,
            folder_path=delivery.folder_path,
            dockerfile_path=delivery.dockerfile,
            buildspec_path=delivery.buildspec_path,
            secrets=delivery.build_secrets,
            log_retention=log_retention,
        )
        release = ReleaseFunction(
            self,
            "ReleaseFunction",
            repository=images.repository,
            builds=builds.repository,
            container_name=service.container_name,
            cluster_name=service.ecs_cluster_name,
            service_name=service.service_name,
            service_arn=service_arn,
            alarm_names=alarms.rollback_names,
            log_group_name=release_log_group_name(name),
            log_retention=log_retention,
        )
        pipeline = DeliveryPipeline(
            self,
            "Delivery",
            pipeline_name=name,
            source=_source(delivery),
            build_project=build.project,
            release=release,
            service=discoverable.service,
            service_arn=service_arn,
            execution_role=provided.execution_role,
            manual_approval=delivery.manual_approval,
            approval_topic=topic,
        ).pipeline
        HelperFunctionLogs(self, "HelperFunctionLogs", retention=log_retention)
        outputs = {
            ServiceOutput.SERVICE_NAME: discoverable.service.service_name,
            ServiceOutput.SERVICE_ARN: discoverable.service.service_arn,
            ServiceOutput.SERVICE_DISCOVERY_ENDPOINT: (
                f"{service.service_name}.{service.namespace_name}:{service.container_port}"
            ),
            ServiceOutput.SERVICE_SECURITY_GROUP_ID: discoverable.security_group.security_group_id,
            ServiceOutput.TASK_DEFINITION_FAMILY: task.definition.family,
            ServiceOutput.IMAGE_REPOSITORY_URI: images.repository.repository_uri,
            ServiceOutput.PIPELINE_NAME: pipeline.pipeline_name,
            ServiceOutput.PIPELINE_CONSOLE_URL: pipeline_url(region, name),
            ServiceOutput.LOG_GROUP_NAME: task.log_group.log_group_name,
            ServiceOutput.DASHBOARD_URL: dashboard_url(region, name),
        }
        for output, value in outputs.items():
            CfnOutput(self, output.value, value=value)


def _source(delivery: DeliverySettings) -> PipelineSource:
    branch = Branch(
        owner=delivery.repository_owner,
        repository=delivery.repository_name,
        name=delivery.repository_branch,
        folder_path=delivery.folder_path,
    )
    if delivery.connection_arn:
        return ConnectionSource(branch=branch, connection_arn=delivery.connection_arn)
    if delivery.github_token_secret_name:
        return TokenSource(branch=branch, token_secret_name=delivery.github_token_secret_name)
    raise ValueError("delivery needs a connection_arn or a github_token_secret_name")
