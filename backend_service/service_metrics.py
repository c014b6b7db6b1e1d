"""The numbers that tell how a service is doing."""

from dataclasses import dataclass
from functools import cached_property

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch

PERIOD = Duration.minutes(1)
"""How often ECS reports. Alarms and dashboard look at the same points."""


@dataclass(frozen=True, kw_only=True)
class ServiceMetrics:
    """Metrics of one ECS service, known by its names: the service itself need not exist yet.

    CPU and memory come from ECS at no charge, task and deployment counts from Container Insights
    (which the cluster must have switched on), log errors from a metric filter of ours, called
    ``log_errors_name`` in ``log_errors_namespace``.
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
        """How many tasks run too few. A service without any task may report no running ones."""
        return cloudwatch.MathExpression(
            expression="desired - FILL(running, 0)",
            using_metrics={"desired": self.desired_tasks, "running": self.running_tasks},
            label="Missing",
            period=PERIOD,
        )

    @cached_property
    def deployments(self) -> cloudwatch.Metric:
        """How many deployments ECS is at: more than one while a rollout is on its way."""
        return self._insight("DeploymentCount")

    @property
    def log_errors_namespace(self) -> str:
        """Where the metric filter counts the errors of every service on the cluster."""
        return f"BackendService/{self.cluster_name}"

    @property
    def log_errors_name(self) -> str:
        """What the metric filter counts errors as."""
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
