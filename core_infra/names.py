"""Names of the core stack's resources, and the AWS services that a task needs to start.

Does not import CDK, so tools can use a name without loading it.
"""


def exec_log_group_name(ecs_cluster_name: str) -> str:
    """Return the name of the log group that records the ECS Exec sessions of a cluster.

    It is fixed, so that a service on an imported cluster can be granted exactly this log group.
    """
    return f"/ecs-exec/{ecs_cluster_name}"


def unique_names(ecs_cluster_name: str) -> tuple[tuple[str, str], ...]:
    """Return the CloudFormation types and the names of resources that the core stack names itself.

    Each name may exist once in an account and region. CloudFormation names everything else.
    """
    return (
        ("AWS::ECS::Cluster", ecs_cluster_name),
        ("AWS::Logs::LogGroup", exec_log_group_name(ecs_cluster_name)),
    )


# Fargate pulls a task's image from ECR (its layers come from S3) and writes its log.
# https://docs.aws.amazon.com/AmazonECR/latest/userguide/vpc-endpoints.html
_START_TASK_SERVICES = frozenset({"ecr.api", "ecr.dkr", "logs"})

# In regions that opened after 2023-12-23 Fargate needs endpoints of ECS itself, too. The list has
# the older regions, so new regions do not make it wrong.
# https://docs.aws.amazon.com/AmazonECS/latest/developerguide/vpc-endpoints.html
_ECS_SERVICES = frozenset({"ecs", "ecs-agent", "ecs-telemetry"})
# fmt: off
_REGIONS_WITHOUT_ECS_ENDPOINTS = frozenset({
    "af-south-1", "ap-east-1", "ap-northeast-1", "ap-northeast-2", "ap-northeast-3",
    "ap-south-1", "ap-south-2", "ap-southeast-1", "ap-southeast-2", "ap-southeast-3",
    "ap-southeast-4", "ca-central-1", "cn-north-1", "cn-northwest-1", "eu-central-1",
    "eu-central-2", "eu-north-1", "eu-south-1", "eu-south-2", "eu-west-1",
    "eu-west-2", "eu-west-3", "il-central-1", "me-central-1", "me-south-1",
    "sa-east-1", "us-east-1", "us-east-2", "us-gov-east-1", "us-gov-west-1",
    "us-west-1", "us-west-2",
})
# fmt: on


def start_task_services(region: str) -> frozenset[str]:
    """Return the AWS services whose interface endpoints a task without NAT needs to start.

    The names are short, as in ``com.amazonaws.<region>.<name>``. S3 is not among them, because it
    has a gateway endpoint.
    """
    if region in _REGIONS_WITHOUT_ECS_ENDPOINTS:
        return _START_TASK_SERVICES
    return _START_TASK_SERVICES | _ECS_SERVICES
