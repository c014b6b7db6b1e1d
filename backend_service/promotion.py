"""The action that makes a deployed image the live one."""

from aws_cdk import ArnFormat, Stack
from aws_cdk import aws_codepipeline as codepipeline
from aws_cdk import aws_codepipeline_actions as actions
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from constructs import Construct

from backend_service.promotion_commands import await_rollout_command, promote_command


class Promotion(Construct):
    """Moves the tag ``live`` to the image that the rollout before it has deployed.

    The template's task definition names ``live``: without the promotion the next ``cdk deploy``
    would bring the previous image back. An image that ECS has rolled back, because its tasks fail
    or an alarm went off, is not promoted: the action fails. Creates the role of the action, which
    the pipeline assumes and which may look at the service, read and tag images of ``repository``
    only, read artifacts, and write the log of the action. Exposes ``action``.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        assumed_by: iam.IPrincipal,
        artifact_bucket: s3.IBucket,
        log_group_name: str,
        build_output: codepipeline.Artifact,
        image_definitions_file: str,
        cluster_name: str,
        service_name: str,
        service_arn: str,
        repository: ecr.IRepository,
        repository_name: str,
        run_order: int,
    ) -> None:
        super().__init__(scope, construct_id)
        role = iam.Role(
            self,
            "Role",
            assumed_by=assumed_by,
            description="Moves the live tag of one ECR repository",
        )
        repository.grant(role, "ecr:BatchGetImage", "ecr:PutImage")
        artifact_bucket.grant_read(role)
        for statement in _statements(self, service_arn, log_group_name):
            role.add_to_policy(statement)
        self.action = actions.CommandsAction(
            action_name="Promote",
            input=build_output,
            commands=[
                await_rollout_command(image_definitions_file, cluster_name, service_name),
                promote_command(image_definitions_file, repository_name),
            ],
            run_order=run_order,
            # By itself the action grants the same, but names the pipeline, which the role's policy
            # then would be created after.
            role=role.without_policy_updates(),
        )


def _statements(
    scope: Construct, service_arn: str, log_group_name: str
) -> list[iam.PolicyStatement]:
    log_group_arn = Stack.of(scope).format_arn(
        service="logs",
        resource="log-group",
        resource_name=log_group_name,
        arn_format=ArnFormat.COLON_RESOURCE_NAME,
    )
    return [
        iam.PolicyStatement(actions=["ecs:DescribeServices"], resources=[service_arn]),
        iam.PolicyStatement(
            actions=["ecs:DescribeTaskDefinition"],
            # The action has no resource-level permissions.
            resources=["*"],
        ),
        iam.PolicyStatement(
            # https://docs.aws.amazon.com/codepipeline/latest/userguide/action-reference-Commands.html
            actions=[
                "logs:CreateLogGroup",
                "logs:CreateLogStream",
                "logs:GetLogEvents",
                "logs:PutLogEvents",
            ],
            # The log group, and its streams.
            resources=[log_group_arn, f"{log_group_arn}:*"],
        ),
    ]
