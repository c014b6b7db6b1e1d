"""The CloudWatch dashboard of a service."""

from aws_cdk import Duration, Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_logs as logs
from constructs import Construct

from backend_service.alarms import ServiceAlarms, alarm_percent
from backend_service.names import pipeline_url, service_url
from settings import ServiceSettings

_WHOLE_WIDTH = 24  # of CloudWatch's grid
_THIRD = _WHOLE_WIDTH // 3
_SHOWN = Duration.hours(3)


class Dashboard(Construct):
    """A CloudWatch dashboard that shows, from the top, what is broken, since when, and why.

    Creates the dashboard of the last three hours: links to the service and its pipeline in the
    console; the alarms; tasks, CPU and memory; deployments and log errors, on the same time axis,
    so that a cause stands below its effect; the newest error lines of ``log_group``.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        service: ServiceSettings,
        alarms: ServiceAlarms,
        log_group: logs.ILogGroup,
    ) -> None:
        super().__init__(scope, construct_id)
        region, metrics, name = Stack.of(self).region, alarms.metrics, service.full_name
        service_page = service_url(region, service.ecs_cluster_name, service.service_name)
        links = f"[Service]({service_page}) · [Pipeline]({pipeline_url(region, name)})"
        cloudwatch.Dashboard(
            self,
            "Dashboard",
            dashboard_name=name,
            default_interval=_SHOWN,
            widgets=[
                [
                    cloudwatch.TextWidget(
                        markdown=f"# {name}\n{links}", width=_WHOLE_WIDTH, height=2
                    )
                ],
                [
                    cloudwatch.AlarmStatusWidget(
                        title="Alarms", alarms=list(alarms.alarms), width=_WHOLE_WIDTH, height=3
                    )
                ],
                [
                    _graph(
                        "Tasks",
                        [metrics.desired_tasks, metrics.running_tasks, metrics.pending_tasks],
                    ),
                    _graph(
                        "CPU (%): average, busiest task",
                        [metrics.cpu, metrics.cpu_of_busiest_task],
                        alarm_percent(service.cpu_target_percent),
                    ),
                    _graph(
                        "Memory (%): average, fullest task",
                        [metrics.memory, metrics.memory_of_fullest_task],
                        alarm_percent(service.memory_target_percent),
                    ),
                ],
                [
                    _graph("Deployments (2: rolling out)", [metrics.deployments]),
                    _graph("Log errors per minute", [metrics.log_errors], width=2 * _THIRD),
                ],
                [
                    cloudwatch.LogQueryWidget(
                        title="Newest errors",
                        log_group_names=[log_group.log_group_name],
                        query_lines=[
                            # Broader than ERROR_PATTERN, which raises alarms: people read these.
                            "fields @timestamp, @message",
                            "filter @message like /(?i)(error|exception|fatal|critical|traceback)/",
                            "sort @timestamp desc",
                            "limit 20",
                        ],
                        width=_WHOLE_WIDTH,
                        height=8,
                    )
                ],
            ],
        )


def _graph(
    title: str,
    metrics: list[cloudwatch.IMetric],
    alarm_above: int | None = None,
    width: int = _THIRD,
) -> cloudwatch.IWidget:
    return cloudwatch.GraphWidget(
        title=title,
        left=metrics,
        left_y_axis=cloudwatch.YAxisProps(min=0),
        left_annotations=[
            cloudwatch.HorizontalAnnotation(
                value=alarm_above, label="Alarm", color=cloudwatch.Color.RED
            )
        ]
        if alarm_above
        else None,
        width=width,
        height=6,
    )
