"""Auto scaling of the number of tasks."""

from typing import Any, cast

from aws_cdk import CfnResource
from aws_cdk import aws_applicationautoscaling as autoscaling
from aws_cdk import aws_ecs as ecs

from settings import ServiceSettings


def scale_tasks(ecs_service: ecs.FargateService, service: ServiceSettings) -> ecs.ScalableTaskCount:
    """Keep the number of tasks between ``desired_count`` and ``max_count``.

    Creates a scalable target, which is returned, and one target tracking policy each for
    ``cpu_target_percent``, ``memory_target_percent`` and ``scaling_queue_arn``, if it is set. One
    policy is enough to add tasks; tasks are removed when all policies agree.
    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-autoscaling-targettracking.html
    """
    scaling = ecs_service.auto_scale_task_count(
        min_capacity=service.desired_count, max_capacity=service.max_count
    )
    if percent := service.cpu_target_percent:
        scaling.scale_on_cpu_utilization("Cpu", target_utilization_percent=percent)
    if percent := service.memory_target_percent:
        scaling.scale_on_memory_utilization("Memory", target_utilization_percent=percent)
    if arn := service.scaling_queue_arn:
        target = cast("autoscaling.ScalableTarget", scaling.node.find_child("Target"))
        # CDK's constructs for policies accept no expression (CDK issue 20659).
        CfnResource(
            target,
            "Queue",
            type="AWS::ApplicationAutoScaling::ScalingPolicy",
            properties={
                "PolicyName": f"{service.full_name}-queue",
                "PolicyType": "TargetTrackingScaling",
                "ScalingTargetId": target.scalable_target_id,
                "TargetTrackingScalingPolicyConfiguration": {
                    "CustomizedMetricSpecification": {"Metrics": _messages_per_task(arn, service)},
                    "TargetValue": service.messages_per_task,
                },
            },
        )
    return scaling


def _messages_per_task(queue_arn: str, service: ServiceSettings) -> list[dict[str, Any]]:
    """Return queries for the messages that wait for each running task.

    ECS reports CPU once a minute for each task, so the number of these reports is the number of
    tasks. Its own metric of that number exists only with Container Insights.
    https://docs.aws.amazon.com/autoscaling/application/userguide/application-auto-scaling-target-tracking-metric-math.html
    """
    queue = {"QueueName": queue_arn.rpartition(":")[2]}
    own = {"ClusterName": service.ecs_cluster_name, "ServiceName": service.service_name}
    return [
        {"Id": "result", "Expression": "messages / tasks", "ReturnData": True},
        _query("messages", "AWS/SQS", "ApproximateNumberOfMessagesVisible", "Maximum", queue),
        _query("tasks", "AWS/ECS", "CPUUtilization", "SampleCount", own),
    ]


def _query(
    query_id: str, namespace: str, metric: str, statistic: str, dimensions: dict[str, str]
) -> dict[str, Any]:
    named = [{"Name": name, "Value": value} for name, value in dimensions.items()]
    of_metric = {"Namespace": namespace, "MetricName": metric, "Dimensions": named}
    stat = {"Metric": of_metric, "Stat": statistic}
    return {"Id": query_id, "MetricStat": stat, "ReturnData": False}
