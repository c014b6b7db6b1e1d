"""Names that the stacks use and the settings check.

The product imports them from here, so that this package imports neither the product nor the CDK.
"""

from collections.abc import Mapping
from enum import StrEnum


class CoreOutput(StrEnum):
    """The outputs of the core stack. Files of users and later deploys contain these names.

    A plural name is a list with commas: subnets are in the order of ``AvailabilityZones``, ids and
    ARNs of namespaces in the order of ``NamespaceNames``.
    """

    VPC_ID = "VpcId"
    VPC_NAME = "VpcName"
    VPC_CIDR = "VpcCidr"
    AVAILABILITY_ZONES = "AvailabilityZones"
    PUBLIC_SUBNET_IDS = "PublicSubnetIds"
    PRIVATE_SUBNET_IDS = "PrivateSubnetIds"
    ECS_CLUSTER_NAME = "EcsClusterName"
    ECS_CLUSTER_ARN = "EcsClusterArn"
    TASK_EXECUTION_ROLE_NAME = "TaskExecutionRoleName"
    TASK_EXECUTION_ROLE_ARN = "TaskExecutionRoleArn"
    NAMESPACE_NAMES = "NamespaceNames"
    NAMESPACE_ARNS = "NamespaceArns"
    NAMESPACE_IDS = "NamespaceIds"


def full_name(ecs_cluster_name: str, service_name: str) -> str:
    """Return the name of the pipeline, build project, dashboard and task definition family.

    It is unique in its account and region.
    """
    return f"{ecs_cluster_name}-{service_name}"


def namespace_name(label: str, ecs_cluster_name: str) -> str:
    """Return the full name of the namespace that the core stack creates for ``label``."""
    return f"{label}.{ecs_cluster_name}.local"


def builds_repository_name(ecr_repository_name: str) -> str:
    """Return the name of the repository that the builds of a service push to."""
    return f"{ecr_repository_name}/builds"


LOG_RETENTION: Mapping[int, str] = {
    1: "ONE_DAY",
    3: "THREE_DAYS",
    5: "FIVE_DAYS",
    7: "ONE_WEEK",
    14: "TWO_WEEKS",
    30: "ONE_MONTH",
    60: "TWO_MONTHS",
    90: "THREE_MONTHS",
    120: "FOUR_MONTHS",
    150: "FIVE_MONTHS",
    180: "SIX_MONTHS",
    365: "ONE_YEAR",
    400: "THIRTEEN_MONTHS",
    545: "EIGHTEEN_MONTHS",
    731: "TWO_YEARS",
    1096: "THREE_YEARS",
    1827: "FIVE_YEARS",
    2192: "SIX_YEARS",
    2557: "SEVEN_YEARS",
    2922: "EIGHT_YEARS",
    3288: "NINE_YEARS",
    3653: "TEN_YEARS",
}
"""The periods for which CloudWatch Logs keeps a log, in days, with the names that CDK has for them.
https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html"""
