"""The stack of one backend service and its delivery."""

from aws_cdk import CfnOutput, Environment, Stack
from constructs import Construct

from backend_service.alarms import ServiceAlarms
from backend_service.dashboard import Dashboard
from backend_service.deploy_actions import ReleaseFunction
from backend_service.first_image import FirstImage
from backend_service.image_build import ImageBuild
from backend_service.image_repository import ImageRepositories
from backend_service.names import ServiceOutput, dashboard_url, pipeline_url
from backend_service.notifications import Notifications
from backend_service.pipeline import DeliveryPipeline
from backend_service.service import DiscoverableService
from backend_service.task import BackendTask
from core_infra.logs import HelperFunctionLogs
from core_infra.service_platform import ServicePlatform, import_platform
from settings import DeliverySettings, ExistingPlatformSettings, ServiceSettings


class BackendServiceStack(Stack):
    """A discoverable Fargate service, its image repository, pipeline, alarms and dashboard.

    Runs on ``platform``: that of a core stack, or an existing one, which it imports. ``service``
    must name the cluster and the namespace of the platform. The outputs are those of
    ``ServiceOutput``.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        env: Environment,
        platform: ServicePlatform | ExistingPlatformSettings,
        service: ServiceSettings,
        delivery: DeliverySettings,
    ) -> None:
        super().__init__(
            scope, construct_id, env=env, description=f"{service.service_name} and its delivery"
        )
        if isinstance(platform, ExistingPlatformSettings):
            platform = import_platform(self, platform)

        images = delivery.image_source_repository_arn
        repositories = ImageRepositories(self, "Repositories", service=service, source_arn=images)
        task = BackendTask(self, "Task", service=service, repositories=repositories)

        topic = None  # Without an address there is no topic, key or rule to pay for.
        if email := delivery.notification_email:
            topic = Notifications(self, "Notifications", service=service, email=email).topic
        alarms = ServiceAlarms(
            self, "Alarms", service=service, log_group=task.log_group, topic=topic
        )
        Dashboard(self, "Dashboard", service=service, alarms=alarms, log_group=task.log_group)

        release = ReleaseFunction(
            self,
            "ReleaseFunction",
            service=service,
            repositories=repositories,
            alarms=alarms,
            log_group=task.log_group,
            topic=topic,
        )
        seed = FirstImage(
            self, "FirstImage", service=service, repositories=repositories, release=release
        )
        discoverable = DiscoverableService(
            self, "Service", service=service, platform=platform, task=task, alarms=alarms
        )
        # A task cannot start before its image exists and the execution role may pull it. ECS
        # refuses a service whose alarms do not exist.
        discoverable.start_after(seed, task.start_permissions, alarms)

        build = None
        if not images:
            build = ImageBuild(
                self, "ImageBuild", service=service, delivery=delivery, repositories=repositories
            )
        pipeline = DeliveryPipeline(
            self,
            "Delivery",
            service=service,
            delivery=delivery,
            build=build,
            release=release,
            discoverable=discoverable,
            approval_topic=topic,
        ).pipeline
        HelperFunctionLogs(self, "HelperFunctionLogs", settings=service)

        outputs = {
            ServiceOutput.SERVICE_NAME: discoverable.service.service_name,
            ServiceOutput.SERVICE_ARN: discoverable.service.service_arn,
            ServiceOutput.SERVICE_DISCOVERY_ENDPOINT: (
                f"{service.service_name}.{service.namespace_name}:{service.container_port}"
            ),
            ServiceOutput.SERVICE_SECURITY_GROUP_ID: discoverable.security_group.security_group_id,
            ServiceOutput.TASK_DEFINITION_FAMILY: task.definition.family,
            ServiceOutput.IMAGE_REPOSITORY_URI: repositories.released.repository_uri,
            ServiceOutput.PIPELINE_NAME: pipeline.pipeline_name,
            ServiceOutput.PIPELINE_CONSOLE_URL: pipeline_url(self.region, service.full_name),
            ServiceOutput.LOG_GROUP_NAME: task.log_group.log_group_name,
            ServiceOutput.DASHBOARD_URL: dashboard_url(self.region, service.full_name),
        }
        for output, value in outputs.items():
            CfnOutput(self, output.value, value=value)
