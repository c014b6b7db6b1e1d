"""What tells how a service is doing: alarms, notifications, dashboard."""

from aws_cdk import aws_logs as logs
from constructs import Construct

from backend_service.dashboard import Dashboard
from backend_service.failure_notifications import FailureNotifications
from backend_service.notification_topic import NotificationTopic
from backend_service.service_alarms import ServiceAlarms
from backend_service.service_metrics import ServiceMetrics


class Observability(Construct):
    """Alarms and a dashboard for a service and, with ``notification_email``, mails.

    Knows the service, its pipeline (called ``name``) and its repository by their names and is
    created before them: the service takes its ``rollback_alarm_names`` and has to wait for its
    ``alarms``. Exposes those and ``topic``, which is None without an address: then there is no
    topic, no key and no rule to pay for.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        region: str,
        name: str,
        cluster_name: str,
        service_name: str,
        repository_name: str,
        log_group: logs.ILogGroup,
        notification_email: str | None,
    ) -> None:
        super().__init__(scope, construct_id)
        metrics = ServiceMetrics(cluster_name=cluster_name, service_name=service_name)
        self.topic = None
        if notification_email:
            notifications = NotificationTopic(
                self, "Notifications", name=name, email=notification_email
            )
            self.topic = notifications.topic
            FailureNotifications(
                self,
                "Failures",
                topic=self.topic,
                pipeline_name=name,
                cluster_name=cluster_name,
                service_name=service_name,
                repository_name=repository_name,
            )
        self.alarms = ServiceAlarms(
            self, "Alarms", name=name, metrics=metrics, log_group=log_group, topic=self.topic
        )
        self.rollback_alarm_names = self.alarms.rollback_names
        Dashboard(
            self,
            "Dashboard",
            region=region,
            name=name,
            metrics=metrics,
            alarms=self.alarms.alarms,
            log_group=log_group,
            pipeline_name=name,
        )
