"""Finds every resource of a stack through the API of its service, and what a deletion left."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, TypeAlias

import jmespath
from botocore.exceptions import ClientError

from cdk_rehearsal.access import Access

Snapshot: TypeAlias = Mapping[str, frozenset[str]]
"""By resource type, the ids that its service lists."""
Call: TypeAlias = Callable[..., list[Any]]
"""`call(service, operation, jmespath, **parameters)` returns the values from all pages."""
Listing: TypeAlias = Callable[[Call], Iterator[str]]
"""Lists the resources of one type, by the ids that CloudFormation gives them."""

# Resources that no service has.
_NOTHING_TO_FIND = frozenset({"AWS::CDK::Metadata", "AWS::CloudFormation::CustomResource"})
# The physical id of these leads nowhere, also on AWS; the template has their name.
_NAMED_BY = {"AWS::IAM::Policy": "PolicyName"}


_STACK = "AWS::CloudFormation::Stack"


def is_listed(kind: str) -> bool:
    """Say whether the inventory can look for resources of a type, or need not."""
    return kind in _LISTINGS or kind in _NOTHING_TO_FIND or _is_of_a_function(kind)


class Inventory:
    """Asks every service of a local AWS, through the same APIs that a user has.

    Compare two snapshots to see what an operation added or left behind::

        before = inventory.snapshot()
        ...
        assert inventory.added_since(before) == {}
    """

    def __init__(self, access: Access) -> None:
        self._access = access

    def snapshot(self) -> Snapshot:
        """Return the identifiers of everything that exists, by kind."""
        return {kind: self._listed(kind) for kind in _LISTINGS}

    def added_since(self, before: Snapshot) -> dict[str, list[str]]:
        """Return, by type, the resources that the earlier snapshot does not have."""
        now = self.snapshot()
        added = {kind: sorted(now[kind] - before[kind]) for kind in now}
        return {kind: ids for kind, ids in added.items() if ids}

    def missing(self, stacks: Iterable[str], *, listed_only: bool = False) -> list[str]:
        """Return the resources of the stacks that their service does not list, one a line.

        A resource of a type that the inventory cannot find counts as missing, unless
        ``listed_only``. Stacks that are nested in the stacks count, too. The templates must be
        JSON, as those of the CDK are.
        """
        names = list(stacks)
        lists: dict[str, frozenset[str]] = {}
        lost = []
        for stack in names:
            path = "StackResourceSummaries[]"
            for resource in self._call(
                "cloudformation", "list_stack_resources", path, StackName=stack
            ):
                kind, logical = resource["ResourceType"], resource["LogicalResourceId"]
                physical = resource["PhysicalResourceId"]
                if kind in _NAMED_BY:
                    physical = self._property(stack, logical, _NAMED_BY[kind])
                if kind == _STACK:
                    physical = physical.split("/")[1]  # the listing has names, not ARNs
                    names.append(physical)
                name = f"{stack}/{logical} ({kind} {physical})"
                if kind not in _LISTINGS:
                    if is_listed(kind) or listed_only:
                        continue
                    lost.append(f"{name}: the inventory does not know this type")
                    continue
                if kind not in lists:
                    lists[kind] = self._listed(kind)
                if physical not in lists[kind]:
                    lost.append(f"{name}: not found by its service")
        return lost

    def _property(self, stack: str, logical_id: str, name: str) -> str:
        (template,) = self._call(
            "cloudformation", "get_template", "[TemplateBody]", StackName=stack
        )
        return str(template["Resources"][logical_id]["Properties"][name])

    def _listed(self, kind: str) -> frozenset[str]:
        return frozenset(_LISTINGS[kind](self._call))

    def _call(self, service: str, operation: str, path: str, **parameters: Any) -> list[Any]:
        client = self._access.client(service)
        if client.can_paginate(operation):
            pages = client.get_paginator(operation).paginate(**parameters)
        else:
            pages = [getattr(client, operation)(**parameters)]
        return [value for page in pages for value in jmespath.search(path, page) or []]


# By type: service, operation, and JMESPath of CloudFormation's ids in the answer.
_PLAIN = {
    "AWS::EC2::VPC": "ec2 describe_vpcs Vpcs[].VpcId",
    "AWS::EC2::Subnet": "ec2 describe_subnets Subnets[].SubnetId",
    "AWS::EC2::RouteTable": "ec2 describe_route_tables RouteTables[].RouteTableId",
    "AWS::EC2::SubnetRouteTableAssociation": "ec2 describe_route_tables"
    " RouteTables[].Associations[].RouteTableAssociationId",
    "AWS::EC2::InternetGateway": "ec2 describe_internet_gateways"
    " InternetGateways[].InternetGatewayId",
    "AWS::EC2::EIP": "ec2 describe_addresses Addresses[].PublicIp",
    "AWS::EC2::NatGateway": "ec2 describe_nat_gateways NatGateways[?State!='deleted'].NatGatewayId",
    "AWS::EC2::SecurityGroup": "ec2 describe_security_groups SecurityGroups[].GroupId",
    "AWS::EC2::SecurityGroupIngress": "ec2 describe_security_group_rules"
    " SecurityGroupRules[?!IsEgress].SecurityGroupRuleId",
    "AWS::EC2::SecurityGroupEgress": "ec2 describe_security_group_rules"
    " SecurityGroupRules[?IsEgress].SecurityGroupRuleId",
    "AWS::EC2::VPCEndpoint": "ec2 describe_vpc_endpoints VpcEndpoints[].VpcEndpointId",
    "AWS::EC2::FlowLog": "ec2 describe_flow_logs FlowLogs[].FlowLogId",
    "AWS::EC2::NetworkInterface": "ec2 describe_network_interfaces"
    " NetworkInterfaces[].NetworkInterfaceId",
    "AWS::ECS::TaskDefinition": "ecs list_task_definitions taskDefinitionArns[]",
    "AWS::ServiceDiscovery::PrivateDnsNamespace": "servicediscovery list_namespaces"
    " Namespaces[].Id",
    "AWS::ServiceDiscovery::Service": "servicediscovery list_services Services[].Id",
    "AWS::Route53::HostedZone": "route53 list_hosted_zones HostedZones[].Id",
    "AWS::IAM::Role": "iam list_roles Roles[].RoleName",
    "AWS::Logs::LogGroup": "logs describe_log_groups logGroups[].logGroupName",
    "AWS::Logs::MetricFilter": "logs describe_metric_filters metricFilters[].filterName",
    "AWS::ECR::Repository": "ecr describe_repositories repositories[].repositoryName",
    "AWS::S3::Bucket": "s3 list_buckets Buckets[].Name",
    "AWS::CodeBuild::Project": "codebuild list_projects projects[]",
    "AWS::CodePipeline::Pipeline": "codepipeline list_pipelines pipelines[].name",
    "AWS::CodePipeline::Webhook": "codepipeline list_webhooks webhooks[].definition.name",
    "AWS::SNS::Topic": "sns list_topics Topics[].TopicArn",
    "AWS::SNS::Subscription": "sns list_subscriptions Subscriptions[].SubscriptionArn",
    "AWS::Events::Rule": "events list_rules Rules[].Name",
    "AWS::CloudWatch::Alarm": "cloudwatch describe_alarms MetricAlarms[].AlarmName",
    "AWS::CloudWatch::Dashboard": "cloudwatch list_dashboards DashboardEntries[].DashboardName",
    "AWS::Lambda::Function": "lambda list_functions Functions[].FunctionName",
    "AWS::SQS::Queue": "sqs list_queues QueueUrls[]",
    "AWS::DynamoDB::Table": "dynamodb list_tables TableNames[]",
    "AWS::ElasticLoadBalancingV2::LoadBalancer": "elbv2 describe_load_balancers"
    " LoadBalancers[].LoadBalancerArn",
    "AWS::ElasticLoadBalancingV2::TargetGroup": "elbv2 describe_target_groups"
    " TargetGroups[].TargetGroupArn",
    "AWS::SSM::Parameter": "ssm describe_parameters Parameters[].Name",
    "AWS::SecretsManager::Secret": "secretsmanager list_secrets SecretList[].ARN",
    _STACK: "cloudformation list_stacks StackSummaries[?StackStatus!='DELETE_COMPLETE'].StackName",
    "export of a stack": "cloudformation list_exports Exports[].Name",
}


# Resources that a service lists only for each parent, or by other ids than CloudFormation's.


def _routes(call: Call) -> Iterator[str]:
    for table in call("ec2", "describe_route_tables", "RouteTables[]"):
        for route in table["Routes"]:
            if route["Origin"] == "CreateRoute":
                yield f"{table['RouteTableId']}|{route['DestinationCidrBlock']}"


def _gateway_attachments(call: Call) -> Iterator[str]:
    path = "InternetGateways[].Attachments[].VpcId"
    for vpc in call("ec2", "describe_internet_gateways", path):
        yield f"IGW|{vpc}"


def _is_of_a_function(kind: str) -> bool:
    """Say whether it is a custom resource, of which only its function knows what it has made."""
    return kind.startswith("Custom::") and kind not in _LISTINGS


def _clusters(call: Call) -> Iterator[str]:
    for arn in call("ecs", "list_clusters", "clusterArns[]"):
        yield arn.rsplit("/", 1)[-1]


def _ecs_services(call: Call) -> Iterator[str]:
    for cluster in call("ecs", "list_clusters", "clusterArns[]"):
        yield from call("ecs", "list_services", "serviceArns[]", cluster=cluster)


def _running_tasks(call: Call) -> Iterator[str]:
    for cluster in call("ecs", "list_clusters", "clusterArns[]"):
        yield from call("ecs", "list_tasks", "taskArns[]", cluster=cluster)


def _cloud_map_instances(call: Call) -> Iterator[str]:
    for service in call("servicediscovery", "list_services", "Services[].Id"):
        yield from call("servicediscovery", "list_instances", "Instances[].Id", ServiceId=service)


def _record_sets(call: Call) -> Iterator[str]:
    for zone in call("route53", "list_hosted_zones", "HostedZones[].Id"):
        operation, path = "list_resource_record_sets", "ResourceRecordSets[]"
        for record in call("route53", operation, path, HostedZoneId=zone):
            identifier = record.get("SetIdentifier", "")
            yield f"{zone}|{record['Name']}|{record['Type']}|{identifier}"


def _load_balancer_listeners(call: Call) -> Iterator[str]:
    for balancer in call("elbv2", "describe_load_balancers", "LoadBalancers[].LoadBalancerArn"):
        path = "Listeners[].ListenerArn"
        yield from call("elbv2", "describe_listeners", path, LoadBalancerArn=balancer)


def _inline_policies(call: Call) -> Iterator[str]:
    for role in call("iam", "list_roles", "Roles[].RoleName"):
        yield from call("iam", "list_role_policies", "PolicyNames[]", RoleName=role)


def _function_permissions(call: Call) -> Iterator[str]:
    for function in call("lambda", "list_functions", "Functions[].FunctionName"):
        try:
            (policy,) = call("lambda", "get_policy", "[Policy]", FunctionName=function)
        except ClientError as error:
            if error.response["Error"]["Code"] != "ResourceNotFoundException":
                raise
        else:
            yield from (statement["Sid"] for statement in json.loads(policy)["Statement"])


def _bucket_policies(call: Call) -> Iterator[str]:
    for bucket in call("s3", "list_buckets", "Buckets[].Name"):
        try:
            call("s3", "get_bucket_policy", "[Policy]", Bucket=bucket)
        except ClientError as error:
            if error.response["Error"]["Code"] != "NoSuchBucketPolicy":
                raise
        else:
            yield f"{bucket}-policy"


def _image_tags(call: Call) -> Iterator[str]:
    for repository in call("ecr", "describe_repositories", "repositories[]"):
        name, uri = repository["repositoryName"], repository["repositoryUri"]
        for tag in call("ecr", "list_images", "imageIds[].imageTag", repositoryName=name):
            yield f"docker://{uri}:{tag}"


def _topic_policies(call: Call) -> Iterator[str]:
    for topic in call("sns", "list_topics", "Topics[].TopicArn"):
        (policy,) = call("sns", "get_topic_attributes", "[Attributes.Policy]", TopicArn=topic)
        statements = json.loads(policy or '{"Statement": []}')["Statement"]
        if any(statement.get("Sid") != "__default_statement_ID" for statement in statements):
            yield f"{topic}-policy"


def _keys(call: Call) -> Iterator[str]:
    """List the keys but those that wait for their deletion, which the stack has deleted."""
    for key in call("kms", "list_keys", "Keys[].KeyId"):
        (state,) = call("kms", "describe_key", "[KeyMetadata.KeyState]", KeyId=key)
        if state != "PendingDeletion":
            yield key


def _scalable_targets(call: Call) -> Iterator[str]:
    operation, path = "describe_scalable_targets", "ScalableTargets[]"
    for target in call("application-autoscaling", operation, path, ServiceNamespace="ecs"):
        yield f"{target['ResourceId']}|{target['ScalableDimension']}|ecs"


def _scaling_policies(call: Call) -> Iterator[str]:
    operation, path = "describe_scaling_policies", "ScalingPolicies[].PolicyARN"
    yield from call("application-autoscaling", operation, path, ServiceNamespace="ecs")


def _own_managed_policies(call: Call) -> Iterator[str]:
    yield from call("iam", "list_policies", "Policies[].Arn", Scope="Local")


def _plain(entry: str) -> Listing:
    return lambda call: iter(call(*entry.split()))


_LISTINGS: dict[str, Listing] = {kind: _plain(entry) for kind, entry in _PLAIN.items()} | {
    "AWS::EC2::Route": _routes,
    "AWS::EC2::VPCGatewayAttachment": _gateway_attachments,
    "AWS::ECS::Cluster": _clusters,
    "AWS::ECS::Service": _ecs_services,
    "AWS::ElasticLoadBalancingV2::Listener": _load_balancer_listeners,
    "AWS::IAM::Policy": _inline_policies,
    "AWS::Lambda::Permission": _function_permissions,
    "AWS::S3::BucketPolicy": _bucket_policies,
    "AWS::SNS::TopicPolicy": _topic_policies,
    "AWS::KMS::Key": _keys,
    "AWS::ApplicationAutoScaling::ScalableTarget": _scalable_targets,
    "AWS::ApplicationAutoScaling::ScalingPolicy": _scaling_policies,
    "AWS::IAM::ManagedPolicy": _own_managed_policies,
    "Custom::CDKECRDeployment": _image_tags,
    "AWS::ServiceDiscovery::Instance": _cloud_map_instances,
    "running ECS task": _running_tasks,
    "record set of a hosted zone": _record_sets,
}
