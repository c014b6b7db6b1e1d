"""Parts of a network that are in use are not removed: EC2's DependencyViolation.

MiniStack removes most of them, through its API and through CloudFormation.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from ministack.services import ec2
from ministack.services.cloudformation import provisioners

from rehearsal.local_aws import network_usage
from rehearsal.local_aws.api_answer import Handler, Request, Response, ec2_refusal


@dataclass(frozen=True, kw_only=True)
class Rule:
    """What is not removed while it has users: by which action, as which resource type."""

    action: str
    parameter: str
    resource_type: str
    users: Callable[[str], Iterator[str]]
    message: str

    def reason(self, resource_id: str) -> str:
        """Say why the resource stays; empty when nothing uses it."""
        used = any(True for _ in self.users(resource_id))
        return self.message.format(resource_id) if used else ""

    def guard_action(self, action: Handler) -> Handler:
        def act(request: Request) -> Response:
            if reason := self.reason(ec2._p(request, self.parameter)):
                return ec2_refusal("DependencyViolation", reason)
            return action(request)

        return act

    def guard_deletion(self, delete: Callable[..., None]) -> Callable[..., None]:
        def act(physical_id: str, properties: dict[str, Any]) -> None:
            # The id of an attachment names the VPC; its gateway is in the properties.
            if reason := self.reason(properties.get("InternetGatewayId", physical_id)):
                raise ValueError(f"{reason} (Service: Ec2, Error Code: DependencyViolation)")
            delete(physical_id, properties)

        return act


_DEPENDENCIES = "The {} '{{}}' has dependencies and cannot be deleted."
RULES = (
    Rule(
        action="DeleteSubnet",
        parameter="SubnetId",
        resource_type="AWS::EC2::Subnet",
        users=network_usage.users_of_subnet,
        message=_DEPENDENCIES.format("subnet"),
    ),
    Rule(
        action="DeleteSecurityGroup",
        parameter="GroupId",
        resource_type="AWS::EC2::SecurityGroup",
        users=network_usage.users_of_group,
        message="resource {} has a dependent object",
    ),
    Rule(
        action="DeleteVpc",
        parameter="VpcId",
        resource_type="AWS::EC2::VPC",
        users=network_usage.users_of_vpc,
        message=_DEPENDENCIES.format("vpc"),
    ),
    Rule(
        action="DeleteInternetGateway",
        parameter="InternetGatewayId",
        resource_type="AWS::EC2::InternetGateway",
        users=network_usage.users_of_internet_gateway,
        message=_DEPENDENCIES.format("internetGateway"),
    ),
    Rule(
        action="DetachInternetGateway",
        parameter="InternetGatewayId",
        resource_type="AWS::EC2::VPCGatewayAttachment",
        users=network_usage.users_of_attachment,
        message="The gateway {} maps public addresses of its network; unmap them before detaching.",
    ),
)


def install() -> None:
    for rule in RULES:
        ec2._ACTION_MAP[rule.action] = rule.guard_action(ec2._ACTION_MAP[rule.action])
        handler = provisioners._RESOURCE_HANDLERS[rule.resource_type]
        handler["delete"] = rule.guard_deletion(handler["delete"])
