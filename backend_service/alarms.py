"""The alarms of a service, which notify and which end a bad deployment, and their metrics."""

from dataclasses import dataclass
from functools import cached_property

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as cloudwatch_actions
from aws_cdk import aws_logs as logs
from aws_cdk import aws_sns as sns
from constructs import Construct

from backend_service.names import ROLLBACK_ALARMS, AlarmKind, alarm_name

PERIOD = Duration.minutes(1)
"""How often ECS and Container Insights report. Alarms and dashboard look at the same points.
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/cloudwatch-metrics.html"""


@dataclass(frozen=True, kw_only=True)
class ServiceMetrics:
    """Metrics of one ECS service, known by its names: the service itself need not exist yet.

    CPU and memory come from ECS at no charge, task and deployment counts from Container Insights
    (without it on the cluster they have no data), log errors from the metric filter of
    ``ServiceAlarms``, called ``log_errors_name`` in ``log_errors_namespace``.
    """

    cluster_name: str
    service_name: str

    @cached_property
    def cpu(self) -> cloudwatch.Metric:
        """Percentage of the tasks' CPU that is in use."""
        return self._ecs("AWS/ECS", "CPUUtilization", "Average")

    @cached_property
    def cpu_of_busiest_task(self) -> cloudwatch.Metric:
        """Percentage of its CPU that the busiest task uses."""
        return self._ecs("AWS/ECS", "CPUUtilization", "Maximum")

    @cached_property
    def memory(self) -> cloudwatch.Metric:
        """Percentage of the tasks' memory that is in use."""
        return self._ecs("AWS/ECS", "MemoryUtilization", "Average")

    @cached_property
    def memory_of_fullest_task(self) -> cloudwatch.Metric:
        """Percentage of its memory that the fullest task uses."""
        return self._ecs("AWS/ECS", "MemoryUtilization", "Maximum")

    @cached_property
    def desired_tasks(self) -> cloudwatch.Metric:
        """How many tasks auto scaling wants."""
        return self._insight("DesiredTaskCount")

    @cached_property
    def running_tasks(self) -> cloudwatch.Metric:
        """How many tasks run."""
        return self._insight("RunningTaskCount")

    @cached_property
    def pending_tasks(self) -> cloudwatch.Metric:
        """How many tasks are starting."""
        return self._insight("PendingTaskCount")

    @cached_property
    def missing_tasks(self) -> cloudwatch.MathExpression:
        """How many fewer tasks run than are wanted. A service without any may report no running."""
        return cloudwatch.MathExpression(
            expression="desired - FILL(running, 0)",
            using_metrics={"desired": self.desired_tasks, "running": self.running_tasks},
            label="Missing",
            period=PERIOD,
        )

    @cached_property
    def deployments(self) -> cloudwatch.Metric:
        """How many deployments ECS works on: more than one while a rollout is under way."""
        return self._insight("DeploymentCount")

    @property
    def log_errors_namespace(self) -> str:
        """The namespace in which the errors of every service on the cluster are counted."""
        return f"BackendService/{self.cluster_name}"

    @property
    def log_errors_name(self) -> str:
        """The name of the metric in which the service's errors are counted."""
        return f"{self.service_name}-LogErrors"

    @cached_property
    def log_errors(self) -> cloudwatch.Metric:
        """How many lines of the service's log report an error."""
        return cloudwatch.Metric(
            namespace=self.log_errors_namespace,
            metric_name=self.log_errors_name,
            statistic="Sum",
            period=PERIOD,
        )

    def _insight(self, name: str) -> cloudwatch.Metric:
        return self._ecs("ECS/ContainerInsights", name, "Average")

    def _ecs(self, namespace: str, name: str, statistic: str) -> cloudwatch.Metric:
        return cloudwatch.Metric(
            namespace=namespace,
            metric_name=name,
            dimensions_map={"ClusterName": self.cluster_name, "ServiceName": self.service_name},
            statistic=statistic,
            period=PERIOD,
        )


BUSY_PERCENT = 90
"""Far above the targets of auto scaling (``CPU_TARGET_PERCENT`` and ``MEMORY_TARGET_PERCENT`` in
service.py): more tasks did not help, or none are left."""

SUSTAINED_MINUTES = 5
"""How long CPU, memory or missing tasks must be bad, without a good minute between. Ours: new tasks
are busy for a minute or two, and ECS watches a deployment for about as long after its last task."""

ERROR_LINES = 5
ERROR_MINUTES = 3
"""So many error lines in a minute, in so many of ``SUSTAINED_MINUTES``. Ours: what a task logs
while it waits for its database falls into a minute or two."""

ERROR_LEVELS = ("error", "fatal", "critical")
"""Values of ``level`` in a structured line (one JSON object) that report an error, in lower case,
in capitals, or with a capital."""

_TIME = r"\[?\d\d\d\d.\d\d.\d\d.\d\d.\d\d.\d\d\S*\s"
"""What may stand before a level in capitals: a time as most loggers write it, ..."""

_OFFSET = r"[+-]\d\d\d\d\]?\s"
"""... perhaps with its offset from UTC, and a bracket. No words, and no slash of a path."""

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
"""Plain lines that report an error: at their beginning, which is not for a caller to choose. What
one asks for stands later in a line, and a structured line begins with a brace.

CloudWatch Logs knows no groups in parentheses, no quotes and no colon here.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/regex-expressions.html"""


def _error_levels() -> logs.IFilterPattern:
    """Return the pattern for structured lines: it looks at ``level`` and at nothing else of them.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/matching-terms-json-log-events.html
    """
    return logs.FilterPattern.any(
        *(
            logs.FilterPattern.string_value("$.level", "=", spelt)
            for level in ERROR_LEVELS
            for spelt in (level, level.upper(), level.capitalize())
        )
    )


_UNWATCHED = ". In a deployment that begins while this is on, ECS watches no alarm"
"""https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-alarm-failure.html"""


class ServiceAlarms(Construct):
    """CPU, memory, log errors and missing tasks; tells ``topic`` (if any) of alarm and recovery.

    Creates an alarm for each, called as ``alarm_name`` says for the service's full name ``name``,
    and the metric filters that count the error lines of ``log_group``, plain and
    structured. Missing data is no alarm: on a cluster without Container Insights tasks are never
    missing.

    Alarms and service know each other by name only, so the service has to be told to wait for this
    construct. Exposes ``alarms``, and ``rollback_names``: those of ``ROLLBACK_ALARMS``. Whoever is
    told that one of these is on is also told what it means for a deployment that begins now.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        name: str,
        metrics: ServiceMetrics,
        log_group: logs.ILogGroup,
        topic: sns.ITopic | None,
    ) -> None:
        super().__init__(scope, construct_id)
        for filter_id, pattern in (
            ("LogErrors", logs.FilterPattern.literal(f"%{ERROR_PATTERN}%")),
            ("StructuredLogErrors", _error_levels()),
        ):
            logs.MetricFilter(
                self,
                filter_id,
                log_group=log_group,
                filter_pattern=pattern,
                metric_namespace=metrics.log_errors_namespace,
                metric_name=metrics.log_errors_name,
                # No default value: a service without errors has no metric, and pays for none.
            )
        # Literal names, so that neither refers to the other: alarms refer to the service by name,
        # the service to the alarms. https://github.com/aws/aws-cdk/issues/36308
        self.rollback_names = tuple(alarm_name(name, kind) for kind in ROLLBACK_ALARMS)
        self.alarms = (
            self._alarm(
                "Cpu",
                name=alarm_name(name, AlarmKind.CPU),
                metric=metrics.cpu,
                threshold=BUSY_PERCENT,
                description=f"CPU of {name} above {BUSY_PERCENT} % for {SUSTAINED_MINUTES} minutes",
            ),
            self._alarm(
                "Memory",
                name=alarm_name(name, AlarmKind.MEMORY),
                metric=metrics.memory,
                threshold=BUSY_PERCENT,
                description=f"Memory of {name} above {BUSY_PERCENT} % for {SUSTAINED_MINUTES} "
                "minutes: at 100 % ECS kills tasks",
            ),
            self._alarm(
                "Errors",
                name=alarm_name(name, AlarmKind.LOG_ERRORS),
                metric=metrics.log_errors,
                threshold=ERROR_LINES - 1,
                minutes=ERROR_MINUTES,
                description=f"{name} logs {ERROR_LINES} or more errors a minute",
            ),
            self._alarm(
                "MissingTasks",
                name=alarm_name(name, AlarmKind.MISSING_TASKS),
                metric=metrics.missing_tasks,
                threshold=0,
                description=f"Fewer tasks of {name} than wanted for {SUSTAINED_MINUTES} minutes",
            ),
        )
        if topic:
            action = cloudwatch_actions.SnsAction(topic)
            for alarm in self.alarms:
                alarm.add_alarm_action(action)
                alarm.add_ok_action(action)

    def _alarm(
        self,
        construct_id: str,
        *,
        name: str,
        metric: cloudwatch.IMetric,
        threshold: float,
        description: str,
        minutes: int = SUSTAINED_MINUTES,
    ) -> cloudwatch.Alarm:
        return cloudwatch.Alarm(
            self,
            construct_id,
            alarm_name=name,
            alarm_description=description + (_UNWATCHED if name in self.rollback_names else ""),
            metric=metric,
            threshold=threshold,
            comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD,
            evaluation_periods=SUSTAINED_MINUTES,
            datapoints_to_alarm=minutes,
            # No errors, or no service yet: nothing is reported, and nothing is wrong.
            treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
        )
