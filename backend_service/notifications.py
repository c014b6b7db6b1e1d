"""E-mail notifications: the topic, and the failures that are published to it."""

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
from settings import ServiceSettings

_LONGEST_DISPLAY_NAME = 100
"""https://docs.aws.amazon.com/sns/latest/api/API_SetTopicAttributes.html"""


class Notifications(Construct):
    """An SNS topic that mails to ``email``, and rules that publish failures to it.

    Creates the topic, its subscription, which the receiver must confirm once, and a key that
    encrypts the topic: with the AWS-managed key of SNS neither CloudWatch nor EventBridge could
    publish. KMS deletes the key seven days after the stack. The topic accepts messages over TLS
    only, from the alarms of this account, from EventBridge and from roles with the right to do so.

    Creates an EventBridge rule for each of two events: the pipeline's execution fails or is
    stopped; a basic scan of a built image finds something critical or high. The rules match by
    name, so they may exist before their resources. The function that ends failed rollouts mails
    their reasons (see ReleaseFunction). Exposes ``topic``.
    """

    def __init__(
        self, scope: Construct, construct_id: str, *, service: ServiceSettings, email: str
    ) -> None:
        super().__init__(scope, construct_id)
        key = kms.Key(
            self,
            "Key",
            description=f"Notifications of {service.full_name}",
            enable_key_rotation=True,
            removal_policy=RemovalPolicy.DESTROY,
            pending_window=Duration.days(7),  # the shortest that KMS takes
        )
        self.topic = sns.Topic(
            self,
            "Topic",
            display_name=f"Notifications of {service.full_name}"[:_LONGEST_DISPLAY_NAME],
            master_key=key,
            enforce_ssl=True,
        )
        self.topic.add_subscription(subscriptions.EmailSubscription(email))
        # SNS's default policy admits the alarms of the account; the policy of this topic replaces
        # it. For EventBridge AWS supports no condition in the policy of a topic.
        # https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Notify_Users_Alarm_Changes.html
        # https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-resource-based.html
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
        # No other policy names the key, so it encrypts this topic and nothing else (decision 22).
        for publisher in (alarms, iam.ServicePrincipal("events.amazonaws.com")):
            key.grant(publisher, "kms:Decrypt", "kms:GenerateDataKey*")
        self._publish_failures(service)

    def _publish_failures(self, service: ServiceSettings) -> None:
        pipeline_name = service.full_name
        execution = events.EventField.from_path("$.detail.execution-id")
        state = events.EventField.from_path("$.detail.state")
        self._mail_if(
            "Delivery",
            "aws.codepipeline",
            "CodePipeline Pipeline Execution State Change",
            # The delivery of a failed rollout is stopped (ReleaseFunction).
            {"pipeline": [pipeline_name], "state": ["FAILED", "STOPPED"]},
            f"Delivery {execution} of {pipeline_name} is {state}: "
            f"{pipeline_url(Stack.of(self).region, pipeline_name)}",
        )
        # ECR scans an image when it is built; a release copies it without another change.
        repository_name = service.builds_repository_name
        found = [{"numeric": [">", 0]}]
        digest = events.EventField.from_path("$.detail.image-digest")
        self._mail_if(
            "ImageScan",
            "aws.ecr",
            "ECR Image Scan",
            {
                "repository-name": [repository_name],
                "scan-status": ["COMPLETE"],
                "finding-severity-counts": {"$or": [{"CRITICAL": found}, {"HIGH": found}]},
            },
            f"The scan of {repository_name} {digest} found something critical or high",
        )

    def _mail_if(
        self, construct_id: str, source: str, kind: str, detail: dict[str, Any], text: str
    ) -> None:
        message = events.RuleTargetInput.from_text(text)
        pattern = events.EventPattern(source=[source], detail_type=[kind], detail=detail)
        to_topic = targets.SnsTopic(self.topic, message=message)
        events.Rule(self, construct_id, event_pattern=pattern, targets=[to_topic])
