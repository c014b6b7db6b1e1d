"""The stack of one backend service and its delivery."""

from aws_cdk import CfnOutput, Duration, Environment, Stack
from aws_cdk import aws_logs as logs
from constructs import Construct

from backend_service.backend_task import BackendTask
from backend_service.connection_source import ConnectionSource
from backend_service.console import dashboard_url, pipeline_url
from backend_service.cpu_architecture import CpuArchitecture
from backend_service.delivery_pipeline import IMAGE_DEFINITIONS_FILE, DeliveryPipeline
from backend_service.discoverable_service import DiscoverableService
from backend_service.image_build import ImageBuild
from backend_service.image_repository import LIVE_TAG, ImageRepository
from backend_service.observability import Observability
from backend_service.pipeline_source import Branch, PipelineSource
from backend_service.seed_image import SeedImage
from backend_service.token_source import TokenSource
from core_infra.service_platform import PlatformProvider
from helper_function_logs import HelperFunctionLogs
from settings import DeliverySettings, ServiceSettings


class BackendServiceStack(Stack):
    """A discoverable Fargate service, its image repository, delivery pipeline and dashboard.

    Runs on the platform that ``platform`` provides: another stack's, or an imported one.
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
        name, region = service.full_name, self.region
        cpu_architecture = CpuArchitecture(service.cpu_architecture)
        dns_ttl = Duration.seconds(service.dns_ttl_seconds)
        images = ImageRepository(
            self, "ImageRepository", repository_name=service.ecr_repository_name
        )
        seed = SeedImage(
            self,
            "SeedImage",
            source=service.seed_image,
            repository=images.repository,
            repository_name=service.ecr_repository_name,
            tag=LIVE_TAG,
            cpu_architecture=cpu_architecture,
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
            cpu_architecture=cpu_architecture,
            container_name=service.container_name,
            container_port=service.container_port,
            health_check_command=service.health_check_command,
            environment=service.container_environment,
            secrets=service.container_secrets,
            dns_ttl=dns_ttl,
            stop_timeout=Duration.seconds(service.stop_timeout_seconds),
            init_process=service.enable_execute_command,
            log_group_name=f"/ecs/{service.ecs_cluster_name}/{service.service_name}",
            log_retention=log_retention,
        )
        observability = Observability(
            self,
            "Observability",
            region=region,
            name=name,
            cluster_name=service.ecs_cluster_name,
            service_name=service.service_name,
            repository_name=service.ecr_repository_name,
            log_group=task.log_group,
            notification_email=delivery.notification_email,
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
            rollback_alarm_names=observability.rollback_alarm_names,
        )
        # No task can start before its image is there and its role may pull it.
        discoverable.start_after(seed, task.start_task_policy, observability.alarms)
        build = ImageBuild(
            self,
            "ImageBuild",
            project_name=name,
            repository=images.repository,
            container_name=service.container_name,
            container_port=service.container_port,
            cpu_architecture=cpu_architecture,
            folder_path=delivery.folder_path,
            buildspec_path=delivery.buildspec_path,
            image_definitions_file=IMAGE_DEFINITIONS_FILE,
            log_retention=log_retention,
        )
        pipeline = DeliveryPipeline(
            self,
            "Delivery",
            pipeline_name=name,
            source=_source(delivery),
            build_project=build.project,
            service=discoverable.service,
            cluster_name=service.ecs_cluster_name,
            service_name=service.service_name,
            execution_role=provided.execution_role,
            repository=images.repository,
            repository_name=service.ecr_repository_name,
            manual_approval=delivery.manual_approval,
            approval_topic=observability.topic,
            log_retention=log_retention,
        ).pipeline
        HelperFunctionLogs(self, "HelperFunctionLogs", retention=log_retention)
        outputs = {
            "ServiceName": discoverable.service.service_name,
            "ServiceArn": discoverable.service.service_arn,
            "ServiceDiscoveryEndpoint": (
                f"{service.service_name}.{service.namespace_name}:{service.container_port}"
            ),
            "ServiceSecurityGroupId": discoverable.security_group.security_group_id,
            "TaskDefinitionFamily": task.definition.family,
            "ImageRepositoryUri": images.repository.repository_uri,
            "PipelineName": pipeline.pipeline_name,
            "PipelineConsoleUrl": pipeline_url(region, name),
            "LogGroupName": task.log_group.log_group_name,
            "DashboardUrl": dashboard_url(region, name),
        }
        for output, value in outputs.items():
            CfnOutput(self, output, value=value)


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
