"""Where notifications go: one topic, one address."""

from aws_cdk import Duration, RemovalPolicy, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from constructs import Construct


class NotificationTopic(Construct):
    """An SNS topic that mails to ``email``, who has to confirm the subscription once.

    Encrypted with a key of its own, because the AWS-managed key of SNS lets neither CloudWatch nor
    EventBridge publish. Takes messages over TLS only. Exposes ``topic``, to which the alarms of
    the account and the rules of EventBridge may publish.
    """

    def __init__(self, scope: Construct, construct_id: str, *, name: str, email: str) -> None:
        super().__init__(scope, construct_id)
        key = kms.Key(
            self,
            "Key",
            description=f"Notifications of {name}",
            enable_key_rotation=True,
            removal_policy=RemovalPolicy.DESTROY,
            pending_window=Duration.days(7),
        )
        self.topic = sns.Topic(
            self, "Topic", display_name=f"Notifications of {name}", master_key=key, enforce_ssl=True
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
