"""The contract between the infrastructure that services share and the services that run on it.

Of the core a service knows this, and ``logs``.
"""

from dataclasses import dataclass
from typing import Protocol

from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_iam as iam
from aws_cdk import aws_servicediscovery as cloudmap
from constructs import Construct

from core_infra.names import exec_log_group_name

__all__ = ["PlatformProvider", "ServicePlatform", "exec_log_group_name"]


@dataclass(frozen=True, kw_only=True)
class ServicePlatform:
    """What a backend service needs from the infrastructure that it runs on.

    Assumes that the namespace is a private DNS namespace of ``vpc``, that ECS tasks may assume
    ``execution_role``, and that ``vpc`` has private subnets from which the AWS APIs can be reached.
    ``vpc_cidr`` is the address block of ``vpc`` as text: rules that name a reference cannot be
    judged by tools that read templates.
    """

    vpc: ec2.IVpc
    vpc_cidr: str
    cluster: ecs.ICluster
    namespace: cloudmap.INamespace
    execution_role: iam.IRole

    @property
    def task_subnets(self) -> ec2.SubnetSelection:
        """The private subnets, whether their egress is a NAT gateway or VPC endpoints."""
        return ec2.SubnetSelection(subnets=self.vpc.private_subnets or self.vpc.isolated_subnets)

    def provide(self, scope: Construct) -> "ServicePlatform":
        """Return itself: the resources exist already, nothing is added to ``scope``."""
        del scope
        return self


class PlatformProvider(Protocol):
    """What a service stack takes: the core stack's ``ServicePlatform``, or an imported one."""

    def provide(self, scope: Construct) -> ServicePlatform:
        """Return the platform of the service stack ``scope``, in which references may be created.

        To be called once for each stack.
        """
        ...
