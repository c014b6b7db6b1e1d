"""The alarms of a service: which call somebody, and which end a bad deployment too."""

from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as cloudwatch_actions
from aws_cdk import aws_logs as logs
from aws_cdk import aws_sns as sns
from constructs import Construct

from backend_service.service_metrics import ServiceMetrics

BUSY_PERCENT = 90
"""Far above the targets of auto scaling (60 and 70): more tasks did not help, or none are left."""

SUSTAINED_MINUTES = 5
"""How long CPU, memory or missing tasks must be bad, without a good minute between. New tasks are
busy for a minute or two; and ECS watches a deployment for about as long after its last task."""

ERROR_LINES = 5
ERROR_MINUTES = 3
"""So many error lines in each of three of five minutes. What a task logs while it waits for its
database falls into one or two."""

ERROR_PATTERN = "|".join(
    (
        *("ERROR", "FATAL", "CRITICAL", "Exception", "Traceback"),
        # The level of a structured line: level=error, "level":"error", "level": "error".
        *(f"level.{{1,4}}{level}" for level in ("error", "fatal", "critical")),
    )
)
"""Lines that report an error. CloudWatch Logs knows no groups in parentheses and no quotes here.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/regex-expressions.html"""

ERROR_LINE = logs.FilterPattern.literal(f"%{ERROR_PATTERN}%")


class ServiceAlarms(Construct):
    """CPU, memory, log errors and missing tasks; tells ``topic`` (if any) of alarm and recovery.

    Alarms and service know each other by name only, so the service has to be told to wait for this
    construct. Exposes ``alarms``, and ``rollback_names``: the alarms whose metric says that the
    new version is bad. That tasks are missing does not say so (the circuit breaker counts the
    tasks that fail); a zone or an image registry may be at fault.
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
        logs.MetricFilter(
            self,
            "LogErrors",
            log_group=log_group,
            filter_pattern=ERROR_LINE,
            metric_namespace=metrics.log_errors_namespace,
            metric_name=metrics.log_errors_name,
            # No default value: a service without errors has no metric, and pays for none.
        )
        # Literal names, so that neither refers to the other: alarms refer to the service by name,
        # the service to the alarms. https://github.com/aws/aws-cdk/issues/36308
        cpu, memory, errors = (f"{name}-{what}" for what in ("cpu", "memory", "log-errors"))
        self.rollback_names = (cpu, memory, errors)
        self.alarms = (
            self._alarm(
                "Cpu",
                name=cpu,
                metric=metrics.cpu,
                threshold=BUSY_PERCENT,
                description=f"CPU of {name} above {BUSY_PERCENT} % for {SUSTAINED_MINUTES} minutes",
            ),
            self._alarm(
                "Memory",
                name=memory,
                metric=metrics.memory,
                threshold=BUSY_PERCENT,
                description=f"Memory of {name} above {BUSY_PERCENT} % for {SUSTAINED_MINUTES} "
                "minutes: at 100 % ECS kills tasks",
            ),
            self._alarm(
                "Errors",
                name=errors,
                metric=metrics.log_errors,
                threshold=ERROR_LINES - 1,
                minutes=ERROR_MINUTES,
                description=f"{name} logs {ERROR_LINES} or more errors a minute",
            ),
            self._alarm(
                "MissingTasks",
                name=f"{name}-missing-tasks",
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
            alarm_description=description,
            metric=metric,
            threshold=threshold,
            comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD,
            evaluation_periods=SUSTAINED_MINUTES,
            datapoints_to_alarm=minutes,
            # No errors, or no service yet: nothing is reported, and nothing is wrong.
            treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
        )
