"""What frees the pipeline's last stage after ECS has given a rollout up."""

from collections.abc import Iterator

from aws_cdk import ArnFormat, Stack
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from backend_service.names import task_log_group_name
from backend_service.service import service_arn
from settings import ServiceSettings


class FailedRollouts(Construct):
    """An EventBridge rule that calls ``function`` when a deployment of the service fails.

    ECS publishes its event whoever began the deployment. The rule matches the service by its name,
    so it may exist before the service.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        service: ServiceSettings,
        function: lambda_.IFunction,
    ) -> None:
        super().__init__(scope, construct_id)
        events.Rule(
            self,
            "Rule",
            description=f"Ends the delivery whose rollout failed: {service.full_name}",
            # https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs_service_deployment_events.html
            event_pattern=events.EventPattern(
                source=["aws.ecs"],
                detail_type=["ECS Deployment State Change"],
                detail={"eventName": ["SERVICE_DEPLOYMENT_FAILED"]},
                resources=[service_arn(self, service)],
            ),
            targets=[targets.LambdaFunction(function)],
        )


def end_delivery_statements(
    scope: Construct, service: ServiceSettings
) -> Iterator[iam.PolicyStatement]:
    """Yield what the function needs to explain a failed rollout and to stop its delivery."""
    stack = Stack.of(scope)
    cluster = service.ecs_cluster_name
    streams = f"{task_log_group_name(cluster, service.service_name)}:log-stream:*"
    yield iam.PolicyStatement(
        actions=["codepipeline:ListActionExecutions", "codepipeline:StopPipelineExecution"],
        resources=[stack.format_arn(service="codepipeline", resource=service.full_name)],
    )
    yield iam.PolicyStatement(
        actions=["ecs:ListTasks"],
        # AWS authorises the action on container instances, which Fargate does not have. The
        # condition confines it to the cluster.
        resources=["*"],
        conditions={
            "ArnEquals": {
                "ecs:cluster": stack.format_arn(
                    service="ecs", resource="cluster", resource_name=cluster
                )
            }
        },
    )
    yield iam.PolicyStatement(
        actions=["ecs:DescribeTasks"],
        resources=[stack.format_arn(service="ecs", resource="task", resource_name=f"{cluster}/*")],
    )
    yield iam.PolicyStatement(
        actions=["logs:GetLogEvents"],
        resources=[
            stack.format_arn(
                service="logs",
                resource="log-group",
                resource_name=streams,
                arn_format=ArnFormat.COLON_RESOURCE_NAME,
            )
        ],
    )
