"""The deploy action of the pipeline, with exactly the rights that it needs."""

from aws_cdk import ArnFormat, Duration, Stack
from aws_cdk import aws_codepipeline as codepipeline
from aws_cdk import aws_codepipeline_actions as actions
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from constructs import Construct

ROLLOUT_TIMEOUT = Duration.minutes(30)
"""Longer than a rollout with draining tasks and the minutes for which ECS then watches the alarms,
shorter than the hour that CodePipeline would wait: the action stays in progress after the circuit
breaker has ended a rollout."""


class Rollout(Construct):
    """Registers a task definition with the new image and waits until ECS has rolled it out.

    Creates the role of the action, which the pipeline assumes. Exposes ``action``, which reads the
    image from ``image_definitions``.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        assumed_by: iam.IPrincipal,
        artifact_bucket: s3.IBucket,
        image_definitions: codepipeline.ArtifactPath,
        service: ecs.FargateService,
        service_arn: str,
        execution_role: iam.IRole,
        run_order: int,
    ) -> None:
        super().__init__(scope, construct_id)
        role = iam.Role(
            self,
            "Role",
            assumed_by=assumed_by,
            description="Rolls new images out to one ECS service",
        )
        artifact_bucket.grant_read(role)
        for statement in _statements(self, service, service_arn, execution_role):
            role.add_to_policy(statement)
        self.action = actions.EcsDeployAction(
            action_name="Deploy",
            service=service,
            image_file=image_definitions,
            deployment_timeout=ROLLOUT_TIMEOUT,
            run_order=run_order,
            # By itself the action takes iam:PassRole and ECS actions on "*".
            role=role.without_policy_updates(),
        )


def _statements(
    scope: Construct, service: ecs.FargateService, service_arn: str, execution_role: iam.IRole
) -> list[iam.PolicyStatement]:
    stack = Stack.of(scope)
    cluster, task_definition = service.cluster, service.task_definition

    def ecs_arn(resource: str, name: str) -> str:
        return stack.format_arn(
            service="ecs",
            resource=resource,
            resource_name=name,
            arn_format=ArnFormat.SLASH_RESOURCE_NAME,
        )

    revisions = ecs_arn("task-definition", f"{task_definition.family}:*")
    return [
        iam.PolicyStatement(
            actions=["ecs:DescribeServices", "ecs:UpdateService"], resources=[service_arn]
        ),
        iam.PolicyStatement(actions=["ecs:RegisterTaskDefinition"], resources=[revisions]),
        iam.PolicyStatement(
            actions=["ecs:TagResource"],
            resources=[revisions],
            conditions={"StringEquals": {"ecs:CreateAction": "RegisterTaskDefinition"}},
        ),
        iam.PolicyStatement(
            actions=["ecs:DescribeTasks"],
            resources=[ecs_arn("task", f"{cluster.cluster_name}/*")],
        ),
        iam.PolicyStatement(
            actions=["ecs:ListTasks"],
            # Authorised on container instances, which Fargate has none of; the condition
            # confines it to the cluster.
            resources=["*"],
            conditions={"ArnEquals": {"ecs:cluster": cluster.cluster_arn}},
        ),
        iam.PolicyStatement(
            actions=["ecs:DescribeTaskDefinition"],
            # The action has no resource-level permissions.
            resources=["*"],
        ),
        iam.PolicyStatement(
            actions=["iam:PassRole"],
            resources=[task_definition.task_role.role_arn, execution_role.role_arn],
            conditions={"StringEquals": {"iam:PassedToService": "ecs-tasks.amazonaws.com"}},
        ),
    ]
