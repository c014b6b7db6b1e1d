"""The templates of one deployment: what in them refers to what, and which types are drawn."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from settings import ExistingPlatformSettings


@dataclass(frozen=True)
class Resource:
    """One resource of a template."""

    stack: str
    logical_id: str
    kind: str
    properties: Mapping[str, Any]

    @property
    def tags(self) -> dict[str, str]:
        """Its tags."""
        return {tag["Key"]: tag["Value"] for tag in self.properties.get("Tags", ())}


class Templates:
    """Finds resources by type, and by reference, also through exports of another stack.

    ``existing`` is the platform that a service is put on if no core stack is among them: of what is
    imported, the templates say no more than ids.
    """

    def __init__(
        self,
        by_stack: Mapping[str, Mapping[str, Any]],
        existing: ExistingPlatformSettings | None = None,
    ) -> None:
        self.existing = existing
        self._resources = {
            (stack, logical_id): Resource(
                stack, logical_id, resource["Type"], resource.get("Properties", {})
            )
            for stack, template in by_stack.items()
            for logical_id, resource in template["Resources"].items()
        }
        self._exports = {
            output["Export"]["Name"]: (stack, output["Value"])
            for stack, template in by_stack.items()
            for output in template.get("Outputs", {}).values()
            if "Export" in output
        }

    @property
    def kinds(self) -> set[str]:
        """The types of all resources."""
        return {resource.kind for resource in self._resources.values()}

    def of(self, *kinds: str) -> list[Resource]:
        """Return the resources of the types, in the order of the templates."""
        return [resource for resource in self._resources.values() if resource.kind in kinds]

    def stack_with(self, kind: str) -> str:
        """Return the name of the stack that holds the resources of a type."""
        (stack,) = {resource.stack for resource in self.of(kind)}
        return stack

    def referred(self, source: Resource, value: Any) -> list[Resource]:
        """Return the resources that a value among the properties of ``source`` refers to."""
        found = {(r.stack, r.logical_id): r for r in self._walk(source.stack, value)}
        return list(found.values())

    def refers(self, source: Resource, value: Any, target: Resource) -> bool:
        """Return whether a value among the properties of ``source`` refers to ``target``."""
        return target in self.referred(source, value)

    def _walk(self, stack: str, value: Any) -> Iterator[Resource]:
        match value:
            case {"Fn::ImportValue": str(name)} if name in self._exports:
                yield from self._walk(*self._exports[name])
            case {"Ref": str(logical_id)} | {"Fn::GetAtt": [str(logical_id), *_]}:
                if (stack, logical_id) in self._resources:
                    yield self._resources[stack, logical_id]
            case Mapping():
                for part in value.values():
                    yield from self._walk(stack, part)
            case list():
                for part in value:
                    yield from self._walk(stack, part)


def with_its_core(
    by_stack: Mapping[str, Mapping[str, Any]], service_stack: str
) -> dict[str, Mapping[str, Any]]:
    """Return, of the stacks of one app, that of a service and those whose exports it imports."""
    said = json.dumps(by_stack[service_stack])
    return {
        stack: template
        for stack, template in by_stack.items()
        if stack == service_stack
        or any(
            json.dumps({"Fn::ImportValue": output["Export"]["Name"]}) in said
            for output in template.get("Outputs", {}).values()
            if "Export" in output
        )
    }


def plain(value: Any) -> str:
    """Return the literal text in a value that may be joined from tokens."""
    match value:
        case {"Fn::Join": [str(separator), list(parts)]}:
            return separator.join(plain(part) for part in parts)
        case str() | int() | float():
            return str(value)
        case _:
            return ""


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
    "AWS::EC2::EIP": "the address of the NAT gateway",
    "AWS::EC2::RouteTable": "holds the routes, which are drawn as the egress",
    "AWS::EC2::SubnetRouteTableAssociation": "joins a subnet to its routes",
    "AWS::EC2::VPCGatewayAttachment": "joins the internet gateway to the VPC",
    "AWS::KMS::Key": "encrypts; moves nothing from one place to another",
    "AWS::Lambda::Function": "works while CloudFormation does, not afterwards",
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
            f"tools/diagram/templates.py does not know {', '.join(undecided)}: draw it, "
            "or say there why the diagram leaves it out"
        )
