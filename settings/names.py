"""Names that the stacks use and the settings check.

The product imports them from here, so that this package imports neither the product nor the CDK.
"""

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


def namespace_name(label: str, ecs_cluster_name: str) -> str:
    """Return the full name of the namespace that the core stack creates for ``label``."""
    return f"{label}.{ecs_cluster_name}.local"


def exec_log_group_name(ecs_cluster_name: str) -> str:
    """Return the name of the log group that records the ECS Exec sessions of a cluster.

    It is fixed, so that a service on an imported cluster can be granted exactly this log group.
    """
    return f"/ecs-exec/{ecs_cluster_name}"


def builds_repository_name(ecr_repository_name: str) -> str:
    """Return the name of the repository that the builds of a service push to."""
    return f"{ecr_repository_name}/builds"
