"""Names of the service stack's outputs and resources, and their pages in the console.

Does not import CDK, so tools can use a name without loading it.
"""

from enum import StrEnum

from settings import ServiceSettings


class ServiceOutput(StrEnum):
    """The outputs of the service stack. Scripts of users rely on these names."""

    SERVICE_NAME = "ServiceName"
    SERVICE_ARN = "ServiceArn"
    SERVICE_DISCOVERY_ENDPOINT = "ServiceDiscoveryEndpoint"
    SERVICE_SECURITY_GROUP_ID = "ServiceSecurityGroupId"
    TASK_DEFINITION_FAMILY = "TaskDefinitionFamily"
    IMAGE_REPOSITORY_URI = "ImageRepositoryUri"
    PIPELINE_NAME = "PipelineName"
    PIPELINE_CONSOLE_URL = "PipelineConsoleUrl"
    LOG_GROUP_NAME = "LogGroupName"
    DASHBOARD_URL = "DashboardUrl"


LIVE_TAG = "live"
"""The tag of the image that the service runs. The seed sets it, and the pipeline's promotion moves
it. No other role may put images into the repository."""

IMAGE_SOURCE_KEY = "source/image.json"
"""The key in the artifact bucket of the object that says which image is delivered."""


class AlarmKind(StrEnum):
    """The alarms of a service, and the endings of their names."""

    CPU = "cpu"
    MEMORY = "memory"
    LOG_ERRORS = "log-errors"
    MISSING_TASKS = "missing-tasks"


ROLLBACK_ALARMS = (AlarmKind.CPU, AlarmKind.MEMORY, AlarmKind.LOG_ERRORS)
"""The alarms that show that a new version is bad: ECS rolls its deployment back. Missing tasks can
have other causes, for instance a zone or an image registry."""


def alarm_kinds(service: ServiceSettings) -> tuple[AlarmKind, ...]:
    """Return the alarms that the service has. Those for CPU and memory follow a target."""
    targets = {
        AlarmKind.CPU: service.cpu_target_percent,
        AlarmKind.MEMORY: service.memory_target_percent,
    }
    return tuple(kind for kind in AlarmKind if targets.get(kind, 0) is not None)


def alarm_name(service_full_name: str, kind: AlarmKind) -> str:
    """Return the name of an alarm of the service with this full name."""
    return f"{service_full_name}-{kind}"


def task_log_group_name(ecs_cluster_name: str, service_name: str) -> str:
    """Return the name of the log group that the containers of a service write to."""
    return f"/ecs/{ecs_cluster_name}/{service_name}"


def build_log_group_name(project_name: str) -> str:
    """Return the name that CodeBuild gives the log group of a project by default."""
    return f"/aws/codebuild/{project_name}"


def release_log_group_name(pipeline_name: str) -> str:
    """Return the name of the log group of the function that releases and promotes."""
    return f"/codepipeline/{pipeline_name}/release"


def pipeline_url(region: str, name: str) -> str:
    """Return the address of a pipeline in the console."""
    return f"{_console(region)}/codesuite/codepipeline/pipelines/{name}/view?region={region}"


def service_url(region: str, cluster: str, name: str) -> str:
    """Return the address of an ECS service in the console."""
    return f"{_console(region)}/ecs/v2/clusters/{cluster}/services/{name}?region={region}"


def dashboard_url(region: str, name: str) -> str:
    """Return the address of a CloudWatch dashboard in the console."""
    return f"{_console(region)}/cloudwatch/home?region={region}#dashboards/dashboard/{name}"


def _console(region: str) -> str:
    if region.startswith("us-gov-"):
        return "https://console.amazonaws-us-gov.com"
    if region.startswith("cn-"):
        return "https://console.amazonaws.cn"
    if region.startswith("eusc-"):
        return "https://console.amazonaws-eusc.eu"
    return f"https://{region}.console.aws.amazon.com"
