"""Custom::VpcRestrictDefaultSG: closes a VPC's default group, and opens it again when removed."""

from typing import Any

from botocore.exceptions import ClientError

from rehearsal.local_aws.resource_types import (
    Created,
    Properties,
    ResourceType,
    own_client,
    register,
)


class DefaultSecurityGroupClosed(ResourceType):
    """The default group of a VPC without any rule, as long as this resource exists."""

    name = "Custom::VpcRestrictDefaultSG"
    replaced_by = ("DefaultSecurityGroupId",)

    def create(self, logical_id: str, properties: Properties, stack: str) -> Created:
        group = properties["DefaultSecurityGroupId"]
        client = own_client("ec2")
        inbound, outbound = _rules(properties)
        client.revoke_security_group_ingress(GroupId=group, IpPermissions=[inbound])
        client.revoke_security_group_egress(GroupId=group, IpPermissions=[outbound])
        return f"{group}-closed", {}

    def update(
        self, physical_id: str, old: Properties, new: Properties, stack: str, logical_id: str
    ) -> Created:
        return physical_id, {}  # the account and the helper's ARN change nothing about the group

    def delete(self, physical_id: str, properties: Properties) -> None:
        group = properties["DefaultSecurityGroupId"]
        client = own_client("ec2")
        inbound, outbound = _rules(properties)
        try:
            client.authorize_security_group_ingress(GroupId=group, IpPermissions=[inbound])
            client.authorize_security_group_egress(GroupId=group, IpPermissions=[outbound])
        except ClientError as error:
            if error.response["Error"]["Code"] != "InvalidGroup.NotFound":
                raise


def _rules(properties: Properties) -> tuple[dict[str, Any], dict[str, Any]]:
    member = {"GroupId": properties["DefaultSecurityGroupId"], "UserId": properties["Account"]}
    inbound = {"IpProtocol": "-1", "UserIdGroupPairs": [member]}
    outbound = {"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
    return inbound, outbound


def install() -> None:
    register(DefaultSecurityGroupClosed())
