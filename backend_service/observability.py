"""What an on-call person opens, and what calls them."""

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_codepipeline as codepipeline
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_logs as logs
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from constructs import Construct


class Observability(Construct):
    """A CloudWatch dashboard and, with ``notification_email``, a mail for each failed delivery.

    The dashboard shows tasks, CPU, memory and the newest error lines of the service's log. The
    mail goes through an SNS topic, whose subscription the recipient has to confirm once. The
    number of tasks comes from Container Insights. Exposes ``dashboard``.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        dashboard_name: str,
        service: ecs.FargateService,
        log_group: logs.ILogGroup,
        pipeline: codepipeline.IPipeline,
        notification_email: str | None,
    ) -> None:
        super().__init__(scope, construct_id)
        self.dashboard = cloudwatch.Dashboard(
            self,
            "Dashboard",
            dashboard_name=dashboard_name,
            default_interval=Duration.hours(3),
            widgets=[
                [
                    _graph("Tasks", _tasks(service, "DesiredTaskCount", "RunningTaskCount")),
                    _graph("CPU (%)", [service.metric_cpu_utilization()]),
                    _graph("Memory (%)", [service.metric_memory_utilization()]),
                ],
                [
                    cloudwatch.LogQueryWidget(
                        title="Newest errors",
                        log_group_names=[log_group.log_group_name],
                        query_lines=[
                            "fields @timestamp, @message",
                            "filter @message like /(?i)(error|exception|fatal)/",
                            "sort @timestamp desc",
                            "limit 20",
                        ],
                        width=24,
                        height=8,
                    )
                ],
            ],
        )
        if notification_email:
            topic = sns.Topic(self, "Topic", enforce_ssl=True)
            topic.add_subscription(subscriptions.EmailSubscription(notification_email))
            rule = pipeline.on_state_change(
                "DeliveryFailed",
                description="A delivery failed",
                event_pattern=events.EventPattern(detail={"state": ["FAILED"]}),
            )
            rule.add_target(targets.SnsTopic(topic))


def _tasks(service: ecs.FargateService, *names: str) -> list[cloudwatch.IMetric]:
    dimensions = {
        "ClusterName": service.cluster.cluster_name,
        "ServiceName": service.service_name,
    }
    return [
        cloudwatch.Metric(
            namespace="ECS/ContainerInsights",
            metric_name=name,
            dimensions_map=dimensions,
            statistic="Average",
        )
        for name in names
    ]


def _graph(title: str, metrics: list[cloudwatch.IMetric]) -> cloudwatch.IWidget:
    return cloudwatch.GraphWidget(
        title=title,
        left=metrics,
        left_y_axis=cloudwatch.YAxisProps(min=0),
        width=8,
        height=6,
    )
