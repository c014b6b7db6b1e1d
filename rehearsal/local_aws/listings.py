"""Where each resource type is found again: its service's list, in CloudFormation's ids."""

from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

from rehearsal.local_aws import nested_listings as nested
from rehearsal.local_aws.nested_listings import Call

Listing: TypeAlias = Callable[[Call], Iterator[str]]

_ECS = {"ServiceNamespace": "ecs"}
# (service, operation, JMESPath of the ids, parameters)
_PLAIN: dict[str, tuple[str, str, str, dict[str, Any]]] = {
    "AWS::EC2::VPC": ("ec2", "describe_vpcs", "Vpcs[].VpcId", {}),
    "AWS::EC2::Subnet": ("ec2", "describe_subnets", "Subnets[].SubnetId", {}),
    "AWS::EC2::RouteTable": ("ec2", "describe_route_tables", "RouteTables[].RouteTableId", {}),
    "AWS::EC2::SubnetRouteTableAssociation": (
        "ec2",
        "describe_route_tables",
        "RouteTables[].Associations[].RouteTableAssociationId",
        {},
    ),
    "AWS::EC2::InternetGateway": (
        "ec2",
        "describe_internet_gateways",
        "InternetGateways[].InternetGatewayId",
        {},
    ),
    "AWS::EC2::EIP": ("ec2", "describe_addresses", "Addresses[].PublicIp", {}),
    "AWS::EC2::NatGateway": (
        "ec2",
        "describe_nat_gateways",
        "NatGateways[?State!='deleted'].NatGatewayId",
        {},
    ),
    "AWS::EC2::SecurityGroup": ("ec2", "describe_security_groups", "SecurityGroups[].GroupId", {}),
    "AWS::EC2::SecurityGroupIngress": (
        "ec2",
        "describe_security_group_rules",
        "SecurityGroupRules[?!IsEgress].SecurityGroupRuleId",
        {},
    ),
    "AWS::EC2::SecurityGroupEgress": (
        "ec2",
        "describe_security_group_rules",
        "SecurityGroupRules[?IsEgress].SecurityGroupRuleId",
        {},
    ),
    "AWS::EC2::VPCEndpoint": ("ec2", "describe_vpc_endpoints", "VpcEndpoints[].VpcEndpointId", {}),
    "AWS::EC2::FlowLog": ("ec2", "describe_flow_logs", "FlowLogs[].FlowLogId", {}),
    "AWS::EC2::NetworkInterface": (
        "ec2",
        "describe_network_interfaces",
        "NetworkInterfaces[].NetworkInterfaceId",
        {},
    ),
    "AWS::ECS::TaskDefinition": ("ecs", "list_task_definitions", "taskDefinitionArns[]", {}),
    "AWS::ServiceDiscovery::PrivateDnsNamespace": (
        "servicediscovery",
        "list_namespaces",
        "Namespaces[].Id",
        {},
    ),
    "AWS::ServiceDiscovery::Service": ("servicediscovery", "list_services", "Services[].Id", {}),
    "AWS::Route53::HostedZone": ("route53", "list_hosted_zones", "HostedZones[].Id", {}),
    "AWS::IAM::Role": ("iam", "list_roles", "Roles[].RoleName", {}),
    "AWS::IAM::ManagedPolicy": ("iam", "list_policies", "Policies[].Arn", {"Scope": "Local"}),
    "AWS::Logs::LogGroup": ("logs", "describe_log_groups", "logGroups[].logGroupName", {}),
    "AWS::Logs::MetricFilter": (
        "logs",
        "describe_metric_filters",
        "metricFilters[].filterName",
        {},
    ),
    "AWS::ECR::Repository": (
        "ecr",
        "describe_repositories",
        "repositories[].repositoryName",
        {},
    ),
    "AWS::S3::Bucket": ("s3", "list_buckets", "Buckets[].Name", {}),
    "AWS::CodeBuild::Project": ("codebuild", "list_projects", "projects[]", {}),
    "AWS::CodePipeline::Pipeline": ("codepipeline", "list_pipelines", "pipelines[].name", {}),
    "AWS::CodePipeline::Webhook": (
        "codepipeline",
        "list_webhooks",
        "webhooks[].definition.name",
        {},
    ),
    "AWS::ApplicationAutoScaling::ScalingPolicy": (
        "application-autoscaling",
        "describe_scaling_policies",
        "ScalingPolicies[].PolicyARN",
        _ECS,
    ),
    "AWS::SNS::Topic": ("sns", "list_topics", "Topics[].TopicArn", {}),
    "AWS::SNS::Subscription": ("sns", "list_subscriptions", "Subscriptions[].SubscriptionArn", {}),
    "AWS::Events::Rule": ("events", "list_rules", "Rules[].Name", {}),
    "AWS::CloudWatch::Alarm": ("cloudwatch", "describe_alarms", "MetricAlarms[].AlarmName", {}),
    "AWS::CloudWatch::CompositeAlarm": (
        "cloudwatch",
        "describe_alarms",
        "CompositeAlarms[].AlarmName",
        {"AlarmTypes": ["CompositeAlarm"]},
    ),
    "AWS::CloudWatch::Dashboard": (
        "cloudwatch",
        "list_dashboards",
        "DashboardEntries[].DashboardName",
        {},
    ),
    "AWS::Lambda::Function": ("lambda", "list_functions", "Functions[].FunctionName", {}),
    "AWS::SSM::Parameter": ("ssm", "describe_parameters", "Parameters[].Name", {}),
    "AWS::SecretsManager::Secret": ("secretsmanager", "list_secrets", "SecretList[].ARN", {}),
    "AWS::CloudFormation::Stack": (
        "cloudformation",
        "list_stacks",
        "StackSummaries[?StackStatus!='DELETE_COMPLETE'].StackName",
        {},
    ),
    "export of a stack": ("cloudformation", "list_exports", "Exports[].Name", {}),
}


def _plain(service: str, operation: str, path: str, parameters: dict[str, Any]) -> Listing:
    return lambda call: iter(call(service, operation, path, **parameters))


LISTINGS: dict[str, Listing] = {kind: _plain(*entry) for kind, entry in _PLAIN.items()} | {
    "AWS::EC2::Route": nested.routes,
    "AWS::EC2::VPCGatewayAttachment": nested.gateway_attachments,
    "AWS::ECS::Cluster": nested.clusters,
    "AWS::ECS::Service": nested.ecs_services,
    "AWS::IAM::Policy": nested.inline_policies,
    "AWS::Lambda::Permission": nested.function_permissions,
    "AWS::S3::BucketPolicy": nested.bucket_policies,
    "AWS::SNS::TopicPolicy": nested.topic_policies,
    "AWS::KMS::Key": nested.keys,
    "AWS::ApplicationAutoScaling::ScalableTarget": nested.scalable_targets,
    "Custom::CDKECRDeployment": nested.image_tags,
    "Custom::S3AutoDeleteObjects": nested.cleaned_buckets,
    "Custom::VpcRestrictDefaultSG": nested.closed_default_groups,
    "AWS::ServiceDiscovery::Instance": nested.cloud_map_instances,
    "running ECS task": nested.running_tasks,
    "record set of a hosted zone": nested.record_sets,
}
