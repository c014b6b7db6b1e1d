"""The CloudWatch dashboard of a service."""

from collections.abc import Sequence

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_logs as logs
from constructs import Construct

from backend_service.alarms import BUSY_PERCENT, ServiceMetrics
from backend_service.names import pipeline_url, service_url

_WHOLE_WIDTH = 24  # of CloudWatch's grid
_THIRD = _WHOLE_WIDTH // 3
_SHOWN = Duration.hours(3)
_BUSY = cloudwatch.HorizontalAnnotation(
    value=BUSY_PERCENT, label="Alarm", color=cloudwatch.Color.RED
)


class Dashboard(Construct):
    """A CloudWatch dashboard that answers, from the top: is it broken, since when, and why.

    Creates the dashboard, called ``name``, of the last three hours: links to the service and to the
    pipeline ``pipeline_name`` in the console of ``region``; ``alarms``; tasks, CPU and memory;
    deployments and log errors on the same time axis, so that a cause can be seen beside its effect;
    the newest error lines of ``log_group``.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        region: str,
        name: str,
        metrics: ServiceMetrics,
        alarms: Sequence[cloudwatch.IAlarm],
        log_group: logs.ILogGroup,
        pipeline_name: str,
    ) -> None:
        super().__init__(scope, construct_id)
        service = service_url(region, metrics.cluster_name, metrics.service_name)
        links = f"[Service]({service}) · [Pipeline]({pipeline_url(region, pipeline_name)})"
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
                        title="Alarms", alarms=list(alarms), width=_WHOLE_WIDTH, height=3
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
                        _BUSY,
                    ),
                    _graph(
                        "Memory (%): average, fullest task",
                        [metrics.memory, metrics.memory_of_fullest_task],
                        _BUSY,
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
                            # Wider than ERROR_PATTERN, which alarms: here a person judges.
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
    limit: cloudwatch.HorizontalAnnotation | None = None,
    width: int = _THIRD,
) -> cloudwatch.IWidget:
    return cloudwatch.GraphWidget(
        title=title,
        left=metrics,
        left_y_axis=cloudwatch.YAxisProps(min=0),
        left_annotations=[limit] if limit else None,
        width=width,
        height=6,
    )
