"""The role with which ECS starts tasks."""

from aws_cdk import aws_iam as iam
from constructs import Construct


class TaskExecutionRole(Construct):
    """A role that ECS tasks may assume, without any permission of its own.

    Each service attaches a policy for its own image, log group and secrets
    (``backend_service/start_task_policy.py``), so services that share the role are granted
    nothing by accident. Exposes ``role``.
    """

    def __init__(self, scope: Construct, construct_id: str) -> None:
        super().__init__(scope, construct_id)
        self.role = iam.Role(
            self,
            "Role",
            assumed_by=iam.ServicePrincipal("ecs-tasks.amazonaws.com"),
            description="Lets ECS pull images, read secrets and write logs to start tasks",
        )
