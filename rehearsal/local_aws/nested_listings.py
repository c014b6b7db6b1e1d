"""The lists of what a service has only per parent, or under another name than CloudFormation's."""

import json
from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

from botocore.exceptions import ClientError

Call: TypeAlias = Callable[..., list[Any]]
"""`call(service, operation, jmespath, **parameters)`: the values from all pages."""


def routes(call: Call) -> Iterator[str]:
    for table in call("ec2", "describe_route_tables", "RouteTables[]"):
        for route in table["Routes"]:
            if route["Origin"] == "CreateRoute":
                yield f"{table['RouteTableId']}|{route['DestinationCidrBlock']}"


def gateway_attachments(call: Call) -> Iterator[str]:
    path = "InternetGateways[].Attachments[].VpcId"
    for vpc in call("ec2", "describe_internet_gateways", path):
        yield f"IGW|{vpc}"


def closed_default_groups(call: Call) -> Iterator[str]:
    for group in call("ec2", "describe_security_groups", "SecurityGroups[?GroupName=='default']"):
        if not group["IpPermissions"] and not group["IpPermissionsEgress"]:
            yield f"{group['GroupId']}-closed"


def clusters(call: Call) -> Iterator[str]:
    for arn in call("ecs", "list_clusters", "clusterArns[]"):
        yield arn.rsplit("/", 1)[-1]


def ecs_services(call: Call) -> Iterator[str]:
    for cluster in call("ecs", "list_clusters", "clusterArns[]"):
        yield from call("ecs", "list_services", "serviceArns[]", cluster=cluster)


def running_tasks(call: Call) -> Iterator[str]:
    for cluster in call("ecs", "list_clusters", "clusterArns[]"):
        yield from call("ecs", "list_tasks", "taskArns[]", cluster=cluster)


def cloud_map_instances(call: Call) -> Iterator[str]:
    for service in call("servicediscovery", "list_services", "Services[].Id"):
        yield from call("servicediscovery", "list_instances", "Instances[].Id", ServiceId=service)


def record_sets(call: Call) -> Iterator[str]:
    for zone in call("route53", "list_hosted_zones", "HostedZones[].Id"):
        operation, path = "list_resource_record_sets", "ResourceRecordSets[]"
        for record in call("route53", operation, path, HostedZoneId=zone):
            identifier = record.get("SetIdentifier", "")
            yield f"{zone}|{record['Name']}|{record['Type']}|{identifier}"


def inline_policies(call: Call) -> Iterator[str]:
    for role in call("iam", "list_roles", "Roles[].RoleName"):
        yield from call("iam", "list_role_policies", "PolicyNames[]", RoleName=role)


def function_permissions(call: Call) -> Iterator[str]:
    for function in call("lambda", "list_functions", "Functions[].FunctionName"):
        try:
            (policy,) = call("lambda", "get_policy", "[Policy]", FunctionName=function)
        except ClientError as error:
            if error.response["Error"]["Code"] != "ResourceNotFoundException":
                raise
        else:
            yield from (statement["Sid"] for statement in json.loads(policy)["Statement"])


def bucket_policies(call: Call) -> Iterator[str]:
    for bucket in call("s3", "list_buckets", "Buckets[].Name"):
        try:
            call("s3", "get_bucket_policy", "[Policy]", Bucket=bucket)
        except ClientError as error:
            if error.response["Error"]["Code"] != "NoSuchBucketPolicy":
                raise
        else:
            yield f"{bucket}-policy"


def cleaned_buckets(call: Call) -> Iterator[str]:
    for bucket in call("s3", "list_buckets", "Buckets[].Name"):
        yield f"{bucket}-objects"


def image_tags(call: Call) -> Iterator[str]:
    for repository in call("ecr", "describe_repositories", "repositories[]"):
        name, uri = repository["repositoryName"], repository["repositoryUri"]
        for tag in call("ecr", "list_images", "imageIds[].imageTag", repositoryName=name):
            yield f"docker://{uri}:{tag}"


def topic_policies(call: Call) -> Iterator[str]:
    for topic in call("sns", "list_topics", "Topics[].TopicArn"):
        (policy,) = call("sns", "get_topic_attributes", "[Attributes.Policy]", TopicArn=topic)
        statements = json.loads(policy or '{"Statement": []}')["Statement"]
        if any(statement.get("Sid") != "__default_statement_ID" for statement in statements):
            yield f"{topic}-policy"


def keys(call: Call) -> Iterator[str]:
    """List the keys; one that waits for its deletion is gone as far as a stack is concerned."""
    for key in call("kms", "list_keys", "Keys[].KeyId"):
        (state,) = call("kms", "describe_key", "[KeyMetadata.KeyState]", KeyId=key)
        if state != "PendingDeletion":
            yield key


def scalable_targets(call: Call) -> Iterator[str]:
    operation, path = "describe_scalable_targets", "ScalableTargets[]"
    for target in call("application-autoscaling", operation, path, ServiceNamespace="ecs"):
        yield f"{target['ResourceId']}|{target['ScalableDimension']}|ecs"
