"""The ECS service, which other services find through Cloud Map."""

from collections.abc import Iterator
from typing import cast

from aws_cdk import Duration, Stack
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_servicediscovery as cloudmap
from constructs import Construct, IDependable

from backend_service.alarms import ServiceAlarms
from backend_service.scaling import scale_tasks
from backend_service.task import BackendTask
from core_infra.service_platform import ServicePlatform
from settings import ServiceSettings
from settings.aws_types import VPC_RANGE


def service_arn(scope: Construct, service: ServiceSettings) -> str:
    """Return the ARN of the ECS service, made of names.

    A resource that uses it need not wait for the service.
    """
    return ecs_arn(scope, "service", f"{service.ecs_cluster_name}/{service.service_name}")


def ecs_arn(scope: Construct, resource: str, name: str) -> str:
    """Return the ARN of a resource of ECS in the account and region of the stack."""
    return Stack.of(scope).format_arn(service="ecs", resource=resource, resource_name=name)


def _callers(service: ServiceSettings, vpc_cidr: str) -> Iterator[tuple[ec2.IPeer, str]]:
    """Yield who may call the service, with the descriptions of the rules, each only once."""
    for item in service.ingress_cidrs:
        if item == VPC_RANGE:
            yield ec2.Peer.ipv4(vpc_cidr), "Callers in the VPC"
        # EC2 refuses two rules that differ in their descriptions only.
        elif item != vpc_cidr or VPC_RANGE not in service.ingress_cidrs:
            yield ec2.Peer.ipv4(item), f"Callers in {item}"
    for group in service.ingress_security_groups:
        yield ec2.Peer.security_group_id(group), f"Callers in {group}"


class DiscoverableService(Construct):
    """A Fargate service in private subnets, registered as ``<service_name>.<namespace>``.

    Creates the service; its security group, which admits everything out, and ``container_port``
    from ``ingress_cidrs`` and ``ingress_security_groups``; its Cloud Map service, with an A record
    for each task, whose health ECS reports (a DNS answer has at most eight records); and auto
    scaling between ``desired_count`` and ``max_count`` (see ``scale_tasks``). The template has no
    desired count: the service starts with one task, auto scaling raises the number, and later
    deploys do not change it. In a deployment new tasks start beside the old ones, and the number of
    healthy tasks never falls below the desired count.

    The circuit breaker rolls back a deployment whose tasks do not become healthy or do not stay
    healthy. ECS rolls it back when one of ``alarms.rollback_names`` goes off; if one of them is on
    when a deployment starts, ECS ignores them all. Exposes ``service``, ``security_group``, and
    ``scaling``, to which a policy can be added.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        service: ServiceSettings,
        platform: ServicePlatform,
        task: BackendTask,
        alarms: ServiceAlarms,
    ) -> None:
        super().__init__(scope, construct_id)
        self.security_group = ec2.SecurityGroup(
            self,
            "SecurityGroup",
            vpc=platform.vpc,
            description=f"Tasks of {service.service_name}",
            allow_all_outbound=True,
        )
        for caller, description in _callers(service, platform.vpc_cidr):
            self.security_group.add_ingress_rule(
                caller, ec2.Port.tcp(service.container_port), description
            )
        # With ECS Exec, CDK allows the task role to open SSM sessions (ssmmessages) and to describe
        # log groups on "*": these actions have no resource-level permissions.
        self.service = ecs.FargateService(
            self,
            "Service",
            cluster=platform.cluster,
            service_name=service.service_name,
            task_definition=task.definition,
            vpc_subnets=platform.task_subnets,
            security_groups=[self.security_group],
            assign_public_ip=False,
            circuit_breaker=ecs.DeploymentCircuitBreaker(enable=True, rollback=True),
            deployment_alarms=ecs.DeploymentAlarmConfig(
                alarm_names=list(alarms.rollback_names),
                behavior=ecs.AlarmBehavior.ROLLBACK_ON_ALARM,
            ),
            min_healthy_percent=100,
            max_healthy_percent=200,
            availability_zone_rebalancing=ecs.AvailabilityZoneRebalancing.ENABLED,
            enable_execute_command=service.enable_execute_command,
            propagate_tags=ecs.PropagatedTagSource.SERVICE,
            cloud_map_options=ecs.CloudMapOptions(
                cloud_map_namespace=platform.namespace,
                name=service.service_name,
                dns_record_type=cloudmap.DnsRecordType.A,
                dns_ttl=Duration.seconds(service.dns_ttl_seconds),
            ),
        )
        self._resource = cast("ecs.CfnService", self.service.node.find_child("Service"))
        # By default the circuit breaker sets its count of failures to 0 when a task becomes
        # healthy. A version that passes its first health checks and then crashes, again and again,
        # would never be rolled back. CDK's DeploymentCircuitBreaker does not have the property.
        # https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DeploymentCircuitBreaker.html
        self._resource.add_property_override(
            "DeploymentConfiguration.DeploymentCircuitBreaker.ResetOnHealthyTask", value=False
        )
        self.scaling = scale_tasks(self.service, service)

    def start_after(self, *prerequisites: IDependable) -> None:
        """Create the ECS service, and with it the first task, after ``prerequisites``.

        Its security group and its Cloud Map service do not wait for them.
        """
        self._resource.node.add_dependency(*prerequisites)
