"""The ECS service, found by other services through Cloud Map."""

from collections.abc import Sequence
from typing import cast

from aws_cdk import Duration
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_servicediscovery as cloudmap
from constructs import Construct, IDependable

from core_infra.service_platform import ServicePlatform

CPU_TARGET_PERCENT = 60
MEMORY_TARGET_PERCENT = 70
"""Ours: what is left above must last until a new task serves, which takes minutes. Memory gets less
room, because it seldom grows as fast as the load."""


class DiscoverableService(Construct):
    """A Fargate service in private subnets, registered as ``<service_name>.<namespace>``.

    Creates the service, its security group (``port`` over TCP from the VPC, everything out), its
    Cloud Map service (an A record per task with ``dns_ttl``, health reported by ECS) and its auto
    scaling on CPU and memory between ``min_tasks`` and ``max_tasks``. The template leaves the
    desired count to auto scaling: the service starts with one task, and no later deploy undoes a
    scaling. Deployments roll: new tasks start beside the old ones, and never fewer than the desired
    count are healthy.

    A deployment whose tasks do not become healthy, or do not stay so, is rolled back by the circuit
    breaker, one during which an alarm of ``rollback_alarm_names`` goes off by ECS; the alarms must
    exist when the service is created. If one of them is in alarm when a deployment starts, ECS
    looks at none. Exposes ``service`` and ``security_group``.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        platform: ServicePlatform,
        service_name: str,
        task_definition: ecs.FargateTaskDefinition,
        port: int,
        min_tasks: int,
        max_tasks: int,
        dns_ttl: Duration,
        enable_execute_command: bool,
        rollback_alarm_names: Sequence[str] = (),
    ) -> None:
        super().__init__(scope, construct_id)
        self.security_group = ec2.SecurityGroup(
            self,
            "SecurityGroup",
            vpc=platform.vpc,
            description=f"Tasks of {service_name}",
            allow_all_outbound=True,
        )
        self.security_group.add_ingress_rule(
            ec2.Peer.ipv4(platform.vpc_cidr), ec2.Port.tcp(port), "Callers in the VPC"
        )
        # With ECS Exec, CDK lets the task role open SSM sessions (ssmmessages) and describe log
        # groups on "*": these actions have no resource-level permissions.
        self.service = ecs.FargateService(
            self,
            "Service",
            cluster=platform.cluster,
            service_name=service_name,
            task_definition=task_definition,
            vpc_subnets=platform.task_subnets,
            security_groups=[self.security_group],
            assign_public_ip=False,
            circuit_breaker=ecs.DeploymentCircuitBreaker(enable=True, rollback=True),
            deployment_alarms=_rolling_back(rollback_alarm_names),
            min_healthy_percent=100,
            max_healthy_percent=200,
            availability_zone_rebalancing=ecs.AvailabilityZoneRebalancing.ENABLED,
            enable_execute_command=enable_execute_command,
            propagate_tags=ecs.PropagatedTagSource.SERVICE,
            cloud_map_options=ecs.CloudMapOptions(
                cloud_map_namespace=platform.namespace,
                name=service_name,
                dns_record_type=cloudmap.DnsRecordType.A,
                dns_ttl=dns_ttl,
            ),
        )
        _count_every_failure(self.service)
        scaling = self.service.auto_scale_task_count(min_capacity=min_tasks, max_capacity=max_tasks)
        scaling.scale_on_cpu_utilization("Cpu", target_utilization_percent=CPU_TARGET_PERCENT)
        scaling.scale_on_memory_utilization(
            "Memory", target_utilization_percent=MEMORY_TARGET_PERCENT
        )

    def start_after(self, *prerequisites: IDependable) -> None:
        """Create the ECS service, and with it the first task, after ``prerequisites``.

        Its security group and its Cloud Map service do not wait for them.
        """
        self.service.node.find_child("Service").node.add_dependency(*prerequisites)


def _count_every_failure(service: ecs.FargateService) -> None:
    """Let the circuit breaker count also the tasks that were healthy once and then crashed.

    By default a task that becomes healthy sets the count back to 0, so a version that passes its
    first health checks and then crashes, again and again, would never be rolled back. CDK's own
    ``DeploymentCircuitBreaker`` does not have the property.
    https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DeploymentCircuitBreaker.html
    """
    resource = cast("ecs.CfnService", service.node.find_child("Service"))
    resource.add_property_override(
        "DeploymentConfiguration.DeploymentCircuitBreaker.ResetOnHealthyTask", value=False
    )


def _rolling_back(alarm_names: Sequence[str]) -> ecs.DeploymentAlarmConfig | None:
    if not alarm_names:
        return None
    return ecs.DeploymentAlarmConfig(
        alarm_names=list(alarm_names), behavior=ecs.AlarmBehavior.ROLLBACK_ON_ALARM
    )
