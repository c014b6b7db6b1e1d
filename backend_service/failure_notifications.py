"""Events that call somebody."""

from collections.abc import Mapping
from typing import Any

from aws_cdk import ArnFormat, Stack
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_sns as sns
from constructs import Construct

from backend_service.console import pipeline_url


class FailureNotifications(Construct):
    """Tells ``topic`` of a failed delivery, a failed deployment, and findings of an image scan.

    Creates one EventBridge rule for each, which knows its resource by name. A scan is reported if
    it found something critical or high (basic scanning of ECR, which is what the repository asks
    for).
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        topic: sns.ITopic,
        pipeline_name: str,
        cluster_name: str,
        service_name: str,
        repository_name: str,
    ) -> None:
        super().__init__(scope, construct_id)
        stack = Stack.of(self)
        self._topic = topic
        execution = events.EventField.from_path("$.detail.execution-id")
        self._tell(
            "Delivery",
            source="aws.codepipeline",
            detail_type="CodePipeline Pipeline Execution State Change",
            detail={"pipeline": [pipeline_name], "state": ["FAILED"]},
            message=f"Delivery {execution} of {pipeline_name} failed: "
            f"{pipeline_url(stack.region, pipeline_name)}",
        )
        service_arn = stack.format_arn(
            service="ecs",
            resource="service",
            resource_name=f"{cluster_name}/{service_name}",
            arn_format=ArnFormat.SLASH_RESOURCE_NAME,
        )
        reason = events.EventField.from_path("$.detail.reason")
        self._tell(
            "Deployment",
            source="aws.ecs",
            detail_type="ECS Deployment State Change",
            detail={"eventName": ["SERVICE_DEPLOYMENT_FAILED"]},
            resources=[service_arn],
            message=f"A deployment of {service_name} on {cluster_name} failed: {reason}",
        )
        found = [{"numeric": [">", 0]}]
        digest = events.EventField.from_path("$.detail.image-digest")
        self._tell(
            "ImageScan",
            source="aws.ecr",
            detail_type="ECR Image Scan",
            detail={
                "repository-name": [repository_name],
                "scan-status": ["COMPLETE"],
                "finding-severity-counts": {"$or": [{"CRITICAL": found}, {"HIGH": found}]},
            },
            message=f"The scan of {repository_name} {digest} found something critical or high",
        )

    def _tell(
        self,
        construct_id: str,
        *,
        source: str,
        detail_type: str,
        detail: Mapping[str, Any],
        message: str,
        resources: list[str] | None = None,
    ) -> None:
        events.Rule(
            self,
            construct_id,
            event_pattern=events.EventPattern(
                source=[source], detail_type=[detail_type], detail=detail, resources=resources
            ),
            targets=[
                targets.SnsTopic(self._topic, message=events.RuleTargetInput.from_text(message))
            ],
        )
