"""The alarms of a service, which send messages and end a bad deployment, and their metrics."""

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as cloudwatch_actions
from aws_cdk import aws_logs as logs
from aws_cdk import aws_sns as sns
from constructs import Construct

from backend_service.names import ROLLBACK_ALARMS, AlarmKind, alarm_kinds, alarm_name
from settings import ServiceSettings

PERIOD = Duration.minutes(1)
"""How often ECS and Container Insights report. Alarms and dashboard use the same data points.
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/cloudwatch-metrics.html"""


class ServiceMetrics:
    """Metrics of one ECS service. They refer to it by its names, so it need not exist yet.

    ECS reports CPU and memory in percent, without charge: ``cpu`` and ``memory`` are averages of
    all tasks, ``cpu_of_busiest_task`` and ``memory_of_fullest_task`` maxima. Container Insights
    reports the numbers of tasks and ``deployments`` (more than one during a rollout); without it
    they have no data. ``missing_tasks`` is the desired minus the running tasks, where no data for
    running tasks counts as 0. ``log_errors`` is the number of log lines that report an error, which
    the metric filters of ``ServiceAlarms`` count.
    """

    def __init__(self, service: ServiceSettings) -> None:
        self._dimensions = {
            "ClusterName": service.ecs_cluster_name,
            "ServiceName": service.service_name,
        }
        self.cpu = self._ecs("AWS/ECS", "CPUUtilization", "Average")
        self.cpu_of_busiest_task = self._ecs("AWS/ECS", "CPUUtilization", "Maximum")
        self.memory = self._ecs("AWS/ECS", "MemoryUtilization", "Average")
        self.memory_of_fullest_task = self._ecs("AWS/ECS", "MemoryUtilization", "Maximum")
        insights = "ECS/ContainerInsights"
        self.desired_tasks = self._ecs(insights, "DesiredTaskCount", "Average")
        self.running_tasks = self._ecs(insights, "RunningTaskCount", "Average")
        self.pending_tasks = self._ecs(insights, "PendingTaskCount", "Average")
        self.deployments = self._ecs(insights, "DeploymentCount", "Average")
        self.missing_tasks = cloudwatch.MathExpression(
            expression="desired - FILL(running, 0)",
            using_metrics={"desired": self.desired_tasks, "running": self.running_tasks},
            label="Missing",
            period=PERIOD,
        )
        self.log_errors = cloudwatch.Metric(
            namespace=f"BackendService/{service.ecs_cluster_name}",
            metric_name=f"{service.service_name}-LogErrors",
            statistic="Sum",
            period=PERIOD,
        )

    def _ecs(self, namespace: str, name: str, statistic: str) -> cloudwatch.Metric:
        return cloudwatch.Metric(
            namespace=namespace,
            metric_name=name,
            dimensions_map=self._dimensions,
            statistic=statistic,
            period=PERIOD,
        )


def alarm_percent(target_percent: int | None) -> int | None:
    """Return the percentage of CPU or memory above which the alarm of a metric goes off.

    It is 90 %, or halfway between the target of auto scaling and 100 % if that is higher. Above it
    more tasks did not help, or the service has ``max_count`` of them already. Without a target
    nothing says which use is normal, so the metric has no alarm: None.
    """
    return None if target_percent is None else max(90, (target_percent + 100) // 2)


SUSTAINED_MINUTES = 5
"""For how many minutes in a row CPU, memory or missing tasks must be bad. New tasks are busy for a
minute or two. After the last task of a deployment is healthy, ECS watches the alarms for about this
long."""

ERROR_LINES = 5
ERROR_MINUTES = 3
"""The alarm needs this many error lines per minute in this many of ``SUSTAINED_MINUTES``. A task
that waits for its database at the start logs errors for a minute or two, which must not count."""

ERROR_LEVELS = ("error", "fatal", "critical")
"""Values of ``level`` in a structured line (one JSON object) that report an error. The pattern also
has them in capitals and with an initial capital."""

_TIME = r"\[?\d\d\d\d.\d\d.\d\d.\d\d.\d\d.\d\d\S*\s"
_OFFSET = r"[+-]\d\d\d\d\]?\s"
"""What may stand before a level in capitals: a time as most loggers write it, perhaps with its
offset from UTC and a bracket. Neither pattern matches words or the slash of a path."""

ERROR_PATTERN = "|".join(
    (
        *(
            rf"^{before}\[?{level}"
            for before in ("", _TIME, _TIME + _OFFSET)
            for level in ("ERROR", "FATAL", "CRITICAL")
        ),
        r"^[A-Za-z.]*Exception",
        "^Traceback",
        # level=error, first or after the time, as in logfmt.
        *(f"^{before}level={level}" for before in ("", r"t[a-z]*=\S+\s") for level in ERROR_LEVELS),
    )
)
"""Matches plain lines that report an error, by their beginning only. A caller of the service can
influence what stands later in a line (its path, for instance), but not the beginning. Structured
lines begin with a brace, so this pattern does not match them.

The regular expressions of CloudWatch Logs have no groups in parentheses, quotes or colons.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/regex-expressions.html"""


def _error_levels() -> logs.IFilterPattern:
    """Return the pattern for structured lines, which reads ``level`` and no other field.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/matching-terms-json-log-events.html
    """
    return logs.FilterPattern.any(
        *(
            logs.FilterPattern.string_value("$.level", "=", spelling)
            for level in ERROR_LEVELS
            for spelling in (level, level.upper(), level.capitalize())
        )
    )


_UNWATCHED = ". ECS ignores all alarms in a deployment that starts while this alarm is on"
"""https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-alarm-failure.html"""


class ServiceAlarms(Construct):
    """Alarms for CPU, memory, log errors and missing tasks.

    Creates the alarms of ``alarm_kinds``, with names by ``alarm_name``, and two metric filters that
    count the error lines of ``log_group``, plain and structured. The alarms send their changes to
    ``topic``, if there is one. Missing data raises no alarm, so without Container Insights on the
    cluster tasks are never missing.

    ECS rolls a deployment back when one of ``ROLLBACK_ALARMS`` goes off, and ignores all of them in
    a deployment that starts while one is on; the descriptions of these alarms say so. The ECS
    service refers to the alarms by name, so it must depend on this construct. Exposes ``metrics``,
    ``alarms``, and ``rollback_names``, the names of ``ROLLBACK_ALARMS``.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        service: ServiceSettings,
        log_group: logs.ILogGroup,
        topic: sns.ITopic | None,
    ) -> None:
        super().__init__(scope, construct_id)
        self.metrics = metrics = ServiceMetrics(service)
        for filter_id, pattern in (
            ("LogErrors", logs.FilterPattern.literal(f"%{ERROR_PATTERN}%")),
            ("StructuredLogErrors", _error_levels()),
        ):
            logs.MetricFilter(
                self,
                filter_id,
                log_group=log_group,
                filter_pattern=pattern,
                metric_namespace=metrics.log_errors.namespace,
                metric_name=metrics.log_errors.metric_name,
                # Without a default value, a service without errors has no metric to pay for.
            )
        # The alarms refer to the service by name. References to the alarms would make a cycle, so
        # the names are literal. https://github.com/aws/aws-cdk/issues/36308
        self._service_name = name = service.full_name
        self.rollback_names = tuple(
            alarm_name(name, kind) for kind in alarm_kinds(service) if kind in ROLLBACK_ALARMS
        )
        minutes = f"for {SUSTAINED_MINUTES} minutes"
        cpu = alarm_percent(service.cpu_target_percent)
        memory = alarm_percent(service.memory_target_percent)
        at_cpu = f"CPU of {name} above {cpu} % {minutes}"
        at_memory = f"Memory of {name} above {memory} % {minutes}: at 100 % ECS kills tasks"
        at_errors = f"{name} logs {ERROR_LINES} or more errors a minute"
        at_missing = f"Fewer tasks of {name} than wanted {minutes}"
        conditions: dict[AlarmKind, tuple[cloudwatch.IMetric, int | None, str]] = {
            AlarmKind.CPU: (metrics.cpu, cpu, at_cpu),
            AlarmKind.MEMORY: (metrics.memory, memory, at_memory),
            AlarmKind.LOG_ERRORS: (metrics.log_errors, ERROR_LINES - 1, at_errors),
            AlarmKind.MISSING_TASKS: (metrics.missing_tasks, 0, at_missing),
        }
        self.alarms = tuple(
            self._alarm(kind, metric, threshold, meaning)
            for kind, (metric, threshold, meaning) in conditions.items()
            if threshold is not None
        )
        if topic:
            action = cloudwatch_actions.SnsAction(topic)
            for alarm in self.alarms:
                alarm.add_alarm_action(action)
                alarm.add_ok_action(action)

    def _alarm(
        self, kind: AlarmKind, metric: cloudwatch.IMetric, threshold: int, meaning: str
    ) -> cloudwatch.Alarm:
        is_of_log = kind is AlarmKind.LOG_ERRORS
        return cloudwatch.Alarm(
            self,
            kind.value,
            alarm_name=alarm_name(self._service_name, kind),
            alarm_description=meaning + (_UNWATCHED if kind in ROLLBACK_ALARMS else ""),
            metric=metric,
            threshold=threshold,
            comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD,
            evaluation_periods=SUSTAINED_MINUTES,
            datapoints_to_alarm=ERROR_MINUTES if is_of_log else SUSTAINED_MINUTES,
            # There is no data if there are no errors, or no service yet.
            treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
        )
