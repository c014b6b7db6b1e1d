"""Cluster and namespace that are there already, and the service's name in them."""

from dataclasses import dataclass

from botocore.exceptions import ClientError

from settings import ExistingPlatformSettings
from tools.doctor.aws import code_of
from tools.doctor.check import Context, Result, not_checked, ok, problem
from tools.doctor.network import vpcs_of

_NO_NAMESPACE = frozenset({"NamespaceNotFound", "NoSuchHostedZone"})


@dataclass(frozen=True)
class ExistingCluster:
    """Whether the cluster takes services."""

    platform: ExistingPlatformSettings
    what = "existing cluster"

    def examine(self, context: Context) -> Result:
        """Look for it, and for a service of that name that is not ours."""
        name = self.platform.ecs_cluster_name
        ecs = context.aws.client("ecs")
        clusters = ecs.describe_clusters(clusters=[name])["clusters"]
        if not clusters or clusters[0]["status"] != "ACTIVE":
            return problem(f"there is no active cluster {name}", "correct ecs_cluster_name")
        service = context.settings.service.service_name
        stack = context.settings.service_stack_name
        found = ecs.describe_services(cluster=name, services=[service])["services"]
        arns = {entry["serviceArn"] for entry in found if entry["status"] != "INACTIVE"}
        if arns - context.aws.stack_resources(stack).get("AWS::ECS::Service", frozenset()):
            return problem(
                f"{name} has a service {service}, which is not in {stack}",
                "choose another service_name",
            )
        return ok(name)


@dataclass(frozen=True)
class ExistingNamespace:
    """Whether it is the private namespace of that name, and resolves in the VPC."""

    platform: ExistingPlatformSettings
    what = "existing namespace"

    def examine(self, context: Context) -> Result:
        """Look for it, and for the VPC among those of its hosted zone."""
        try:
            return self._examine(context)
        except ClientError as error:
            if code_of(error) not in _NO_NAMESPACE:
                raise
            namespace_id = self.platform.namespace_id
            return problem(f"there is no namespace {namespace_id}", "correct namespace_id")

    def _examine(self, context: Context) -> Result:
        namespace_id, name = self.platform.namespace_id, self.platform.namespace_name
        client = context.aws.client("servicediscovery")
        namespace = client.get_namespace(Id=namespace_id)["Namespace"]
        if namespace["Name"] != name:
            return problem(
                f"{namespace_id} is named {namespace['Name']}",
                "correct namespace_name or namespace_id",
            )
        if namespace["Type"] != "DNS_PRIVATE":
            return problem(f"{name} is {namespace['Type']}", "choose a private DNS namespace")
        vpcs = vpcs_of(context.aws, self.platform)
        if len(vpcs) != 1:
            return not_checked("needs the VPC")
        zone = namespace["Properties"]["DnsProperties"]["HostedZoneId"]
        linked = context.aws.client("route53").get_hosted_zone(Id=zone).get("VPCs", [])
        if vpcs[0]["VpcId"] not in {vpc["VPCId"] for vpc in linked}:
            return problem(
                f"{name} does not resolve in {vpcs[0]['VpcId']}", "choose a namespace of that VPC"
            )
        return ok(name)


@dataclass(frozen=True)
class NameInNamespace:
    """Whether another service is found under the name already."""

    platform: ExistingPlatformSettings
    what = "name in the namespace"

    def examine(self, context: Context) -> Result:
        """Look through the services of the namespace."""
        name = context.settings.service.service_name
        stack = context.settings.service_stack_name
        namespace = {"Name": "NAMESPACE_ID", "Values": [self.platform.namespace_id]}
        pages = context.aws.client("servicediscovery").get_paginator("list_services")
        found = pages.paginate(Filters=[{**namespace, "Condition": "EQ"}]).build_full_result()
        taken = [service["Id"] for service in found.get("Services", []) if service["Name"] == name]
        if not taken:
            return ok(f"{name} is free")
        ours = context.aws.stack_resources(stack).get("AWS::ServiceDiscovery::Service", ())
        if taken[0] in ours:
            return ok(f"{name} is ours")
        return problem(
            f"{name} is taken by {taken[0]}, which is not in {stack}", "choose another service_name"
        )
