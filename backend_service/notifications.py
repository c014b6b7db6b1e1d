"""Mails about a service: the topic, and the events that it is told of."""

from collections.abc import Mapping
from typing import Any

from aws_cdk import Duration, RemovalPolicy, Stack
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from constructs import Construct

from backend_service.names import pipeline_url

_LONGEST_DISPLAY_NAME = 100
"""https://docs.aws.amazon.com/sns/latest/api/API_SetTopicAttributes.html"""


class NotificationTopic(Construct):
    """An SNS topic that mails to ``email``, who has to confirm the subscription once.

    Creates the topic, its subscription and a key of its own that it is encrypted with, because the
    AWS-managed key of SNS lets neither CloudWatch nor EventBridge publish; the key is deleted seven
    days after the stack. Takes messages over TLS only. ``name`` is what the mails come from, or as
    much of it as has room. Exposes ``topic``, to which the alarms of the account and the rules of
    EventBridge may publish.
    """

    def __init__(self, scope: Construct, construct_id: str, *, name: str, email: str) -> None:
        super().__init__(scope, construct_id)
        key = kms.Key(
            self,
            "Key",
            description=f"Notifications of {name}",
            enable_key_rotation=True,
            removal_policy=RemovalPolicy.DESTROY,
            pending_window=Duration.days(7),  # the shortest that KMS takes
        )
        self.topic = sns.Topic(
            self,
            "Topic",
            display_name=f"Notifications of {name}"[:_LONGEST_DISPLAY_NAME],
            master_key=key,
            enforce_ssl=True,
        )
        self.topic.add_subscription(subscriptions.EmailSubscription(email))
        # A topic with a policy has no longer the default one, which lets the account's alarms in.
        alarms = iam.ServicePrincipal("cloudwatch.amazonaws.com")
        self.topic.add_to_resource_policy(
            iam.PolicyStatement(
                sid="AlarmsOfTheAccount",
                principals=[alarms],
                actions=["sns:Publish"],
                resources=[self.topic.topic_arn],
                conditions={"StringEquals": {"aws:SourceAccount": Stack.of(self).account}},
            )
        )
        # The key is good for this topic only: its policy names no other use.
        for publisher in (alarms, iam.ServicePrincipal("events.amazonaws.com")):
            key.grant(publisher, "kms:Decrypt", "kms:GenerateDataKey*")


class FailureNotifications(Construct):
    """Tells ``topic`` of a failed delivery, a failed deployment, and findings of an image scan.

    Creates one EventBridge rule for each, which knows its resource by name, so it may be created
    before it. A delivery has failed if the execution of the pipeline has; a deployment, if ECS says
    so, whatever started it. A scan is reported if it found something critical or high (basic
    scanning of ECR, which is what the repository asks for).
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
        service_arn: str,
        repository_name: str,
    ) -> None:
        super().__init__(scope, construct_id)
        self._topic = topic
        execution = events.EventField.from_path("$.detail.execution-id")
        self._tell(
            "Delivery",
            source="aws.codepipeline",
            detail_type="CodePipeline Pipeline Execution State Change",
            detail={"pipeline": [pipeline_name], "state": ["FAILED"]},
            message=f"Delivery {execution} of {pipeline_name} failed: "
            f"{pipeline_url(Stack.of(self).region, pipeline_name)}",
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
