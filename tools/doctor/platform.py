"""Cluster, namespace and execution role that exist, and the service's name in the first two."""

from settings import ExistingPlatformSettings, Settings
from tools.doctor.aws import Aws, reply_or_none
from tools.doctor.check import Result, not_checked, ok, problem
from tools.doctor.network import vpcs_of

_ECS = "ecs-tasks.amazonaws.com"


def existing_cluster(platform: ExistingPlatformSettings, settings: Settings, aws: Aws) -> Result:
    """Say whether the cluster is active and has no service of that name from elsewhere."""
    name = platform.ecs_cluster_name
    ecs = aws.client("ecs")
    clusters = ecs.describe_clusters(clusters=[name])["clusters"]
    if not clusters or clusters[0]["status"] != "ACTIVE":
        return problem(f"there is no active cluster {name}", "correct ecs_cluster_name")
    service, stack = settings.service.service_name, settings.service_stack_name
    found = ecs.describe_services(cluster=name, services=[service])["services"]
    arns = {entry["serviceArn"] for entry in found if entry["status"] != "INACTIVE"}
    if arns - aws.stack_resources(stack).get("AWS::ECS::Service", frozenset()):
        return problem(
            f"{name} has a service {service}, which is not in {stack}",
            "choose another service_name",
        )
    return ok(name)


def existing_namespace(platform: ExistingPlatformSettings, _: Settings, aws: Aws) -> Result:
    """Say whether it is a private namespace of that name, which resolves in the VPC."""
    namespace_id, name = platform.namespace_id, platform.namespace_name
    get = aws.client("servicediscovery").get_namespace
    found = reply_or_none(get, "NamespaceNotFound", Id=namespace_id)
    if found is None:
        return problem(f"there is no namespace {namespace_id}", "correct namespace_id")
    namespace = found["Namespace"]
    if namespace["Name"] != name:
        return problem(
            f"{namespace_id} is named {namespace['Name']}", "correct namespace_name or namespace_id"
        )
    if namespace["Type"] != "DNS_PRIVATE":
        return problem(f"{name} is {namespace['Type']}", "choose a private DNS namespace")
    vpcs = vpcs_of(platform, aws)
    if len(vpcs) != 1:
        return not_checked("the VPC must be found first")
    vpc_id = vpcs[0]["VpcId"]
    zone = namespace["Properties"]["DnsProperties"]["HostedZoneId"]
    linked = aws.client("route53").get_hosted_zone(Id=zone)["VPCs"]
    if vpc_id not in {vpc["VPCId"] for vpc in linked}:
        return problem(f"{name} does not resolve in {vpc_id}", "choose a namespace of that VPC")
    return ok(name)


def name_in_namespace(platform: ExistingPlatformSettings, settings: Settings, aws: Aws) -> Result:
    """Say whether another service of the namespace has the name already."""
    name, stack = settings.service.service_name, settings.service_stack_name
    namespace = {"Name": "NAMESPACE_ID", "Values": [platform.namespace_id]}
    pages = aws.client("servicediscovery").get_paginator("list_services")
    found = pages.paginate(Filters=[{**namespace, "Condition": "EQ"}]).build_full_result()
    taken = {service["Id"] for service in found.get("Services", []) if service["Name"] == name}
    if not taken:
        return ok(f"{name} is free")
    if taken <= aws.stack_resources(stack).get("AWS::ServiceDiscovery::Service", frozenset()):
        return ok(f"{name} is in {stack}")
    return problem(
        f"{name} is taken by {min(taken)}, which is not in {stack}", "choose another service_name"
    )


def existing_execution_role(arn: str, _: Settings, aws: Aws) -> Result:
    """Say whether the role exists and trusts ECS; the stack adds the permissions."""
    name = arn.rpartition("/")[2]
    found = reply_or_none(aws.client("iam").get_role, "NoSuchEntity", RoleName=name)
    if found is None:
        return problem(f"there is no role {name}", "correct ecs_task_execution_role_arn")
    if _ECS not in str(found["Role"]["AssumeRolePolicyDocument"]):
        return problem(
            f"{name} does not trust {_ECS}", "add it to the trust policy, or choose another role"
        )
    return ok(name)
