"""Names of the core stack's resources.

Does not import CDK, so tools can use a name without loading it.
"""


def exec_log_group_name(ecs_cluster_name: str) -> str:
    """Return the name of the log group that records the ECS Exec sessions of a cluster.

    It is fixed, so that a service on an imported cluster can be granted exactly this log group.
    """
    return f"/ecs-exec/{ecs_cluster_name}"
