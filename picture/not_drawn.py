"""Which resource types the picture shows, and why it leaves out the others."""

from picture.templates import Templates

DRAWN = frozenset(
    {
        "AWS::ApplicationAutoScaling::ScalableTarget",
        "AWS::ApplicationAutoScaling::ScalingPolicy",
        "AWS::CloudWatch::Alarm",
        "AWS::CloudWatch::Dashboard",
        "AWS::CodeBuild::Project",
        "AWS::CodePipeline::Pipeline",
        "AWS::CodePipeline::Webhook",
        "AWS::EC2::FlowLog",
        "AWS::EC2::InternetGateway",
        "AWS::EC2::NatGateway",
        "AWS::EC2::Route",
        "AWS::EC2::SecurityGroup",
        "AWS::EC2::Subnet",
        "AWS::EC2::VPC",
        "AWS::EC2::VPCEndpoint",
        "AWS::ECR::Repository",
        "AWS::ECS::Cluster",
        "AWS::ECS::Service",
        "AWS::ECS::TaskDefinition",
        "AWS::Events::Rule",
        "AWS::IAM::Policy",
        "AWS::IAM::Role",
        "AWS::Logs::LogGroup",
        "AWS::Logs::MetricFilter",
        "AWS::S3::Bucket",
        "AWS::SecretsManager::Secret",
        "AWS::ServiceDiscovery::PrivateDnsNamespace",
        "AWS::ServiceDiscovery::Service",
        "AWS::SNS::Subscription",
        "AWS::SNS::Topic",
    }
)
"""Types that a node, a detail or an edge is read from."""

NOT_DRAWN = {
    "AWS::CDK::Metadata": "says which constructs were used, and makes nothing",
    "AWS::CloudWatch::CompositeAlarm": "only joins alarms that are drawn",
    "AWS::EC2::EIP": "the address of the NAT gateway",
    "AWS::EC2::RouteTable": "holds the routes, which are drawn as the way out",
    "AWS::EC2::SecurityGroupIngress": "a rule of a security group, when CDK writes it apart",
    "AWS::EC2::SubnetRouteTableAssociation": "joins a subnet to its routes",
    "AWS::EC2::VPCGatewayAttachment": "joins the internet gateway to the VPC",
    "AWS::KMS::Alias": "a name of a key",
    "AWS::KMS::Key": "encrypts; moves nothing from one place to another",
    "AWS::Lambda::Function": "works while CloudFormation does, not afterwards",
    "AWS::Lambda::Permission": "a permission of a helper function",
    "AWS::Logs::QueryDefinition": "a saved query",
    "AWS::S3::BucketPolicy": "demands TLS for the bucket, which is drawn",
    "AWS::SNS::TopicPolicy": "demands TLS for the topic, which is drawn",
    "Custom::CDKECRDeployment": "copies the first image once, before the first task",
    "Custom::S3AutoDeleteObjects": "empties the bucket on destroy",
    "Custom::VpcRestrictDefaultSG": "closes the default security group",
}
"""Types that are left out, with the reason."""


class UnplacedResourceError(ValueError):
    """A template has a type that nobody has decided about."""


def check_every_type_is_decided(templates: Templates) -> None:
    """Raise if a resource type is neither drawn nor left out for a reason."""
    if undecided := sorted(templates.kinds - DRAWN - NOT_DRAWN.keys()):
        raise UnplacedResourceError(
            f"picture/not_drawn.py does not know {', '.join(undecided)}: draw it, "
            "or say there why the picture leaves it out"
        )
