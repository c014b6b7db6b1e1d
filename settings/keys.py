"""The keys of the file: which there are, which a topology uses, and what an absent one means."""

from collections.abc import Mapping
from types import MappingProxyType

# Text as it would stand in the file. sample.env shows the same values; a test compares them.
DEFAULTS: Mapping[str, str] = MappingProxyType(
    {
        "stack_prefix": "",
        "availability_zones": "",
        "max_count": "10",
        "cpu_architecture": "X86_64",
        # The task definition sets SERVICE_PORT, so the check follows container_port.
        "health_check_command": (
            "curl --fail --silent http://localhost:$SERVICE_PORT/health || exit 1"
        ),
        "container_environment": "",
        "container_secrets": "",
        "enable_execute_command": "False",
        "dns_ttl_seconds": "10",
        "stop_timeout_seconds": "60",
        "log_retention_days": "30",
        "seed_image": "public.ecr.aws/aws-containers/ecsdemo-nodejs:c3e96da",
        "connection_arn": "",
        "manual_approval": "False",
        "notification_email": "",
        "core_outputs_file": "",
    }
)

TARGET_KEYS = ("account_number", "aws_region", "deploy_core_stack", "stack_prefix")

CORE_KEYS = (
    "vpc_cidr",
    "ecs_cluster_name",
    "namespaces",
    "enable_nat_gw",
    "az_count",
    "availability_zones",
)

IMPORT_KEYS = (
    "vpc_name",
    "ecs_cluster_name",
    "namespace_name",
    "namespace_arn",
    "namespace_id",
    "ecs_task_execution_role_arn",
)

SHARED_CORE_KEYS = ("ecs_cluster_name", "namespace_name")

SERVICE_KEYS = (
    "service_name",
    "container_name",
    "container_port",
    "task_cpu",
    "task_memory",
    "desired_count",
    "max_count",
    "cpu_architecture",
    "health_check_command",
    "container_environment",
    "container_secrets",
    "enable_execute_command",
    "dns_ttl_seconds",
    "stop_timeout_seconds",
    "log_retention_days",
    "ecr_repository_name",
    "seed_image",
)

DELIVERY_KEYS = (
    "repository_owner",
    "repository_name",
    "repository_branch",
    "folder_path",
    "buildspec_path",
    "github_token_secret_name",
    "connection_arn",
    "manual_approval",
    "notification_email",
)

ALL_KEYS = tuple(
    dict.fromkeys(
        TARGET_KEYS
        + CORE_KEYS
        + SERVICE_KEYS
        + DELIVERY_KEYS
        + ("core_outputs_file",)
        + IMPORT_KEYS
    )
)
