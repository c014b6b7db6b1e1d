"""AWS::EC2::SecurityGroupIngress and AWS::EC2::SecurityGroupEgress: rules beside their group."""

from typing import Any

from botocore.exceptions import ClientError

from rehearsal.local_aws.resource_types import (
    Created,
    Properties,
    ResourceType,
    own_client,
    register,
)

_GONE = ("InvalidGroup.NotFound", "InvalidPermission.NotFound")


class _Rule(ResourceType):
    replaced_by = (
        "GroupId",
        "IpProtocol",
        "FromPort",
        "ToPort",
        "CidrIp",
        "CidrIpv6",
        "SourceSecurityGroupId",
        "DestinationSecurityGroupId",
        "SourcePrefixListId",
        "DestinationPrefixListId",
        "Description",
    )
    authorize: str
    revoke: str

    def create(self, logical_id: str, properties: Properties, stack: str) -> Created:
        answer = getattr(own_client("ec2"), self.authorize)(
            GroupId=properties["GroupId"], IpPermissions=[_permission(properties)]
        )
        (rule,) = answer["SecurityGroupRules"]
        return rule["SecurityGroupRuleId"], {"Id": rule["SecurityGroupRuleId"]}

    def delete(self, physical_id: str, properties: Properties) -> None:
        try:
            getattr(own_client("ec2"), self.revoke)(
                GroupId=properties["GroupId"], IpPermissions=[_permission(properties)]
            )
        except ClientError as error:
            if error.response["Error"]["Code"] not in _GONE:
                raise


class SecurityGroupIngress(_Rule):
    """An inbound rule."""

    name = "AWS::EC2::SecurityGroupIngress"
    authorize = "authorize_security_group_ingress"
    revoke = "revoke_security_group_ingress"


class SecurityGroupEgress(_Rule):
    """An outbound rule."""

    name = "AWS::EC2::SecurityGroupEgress"
    authorize = "authorize_security_group_egress"
    revoke = "revoke_security_group_egress"


def _permission(properties: Properties) -> dict[str, Any]:
    permission: dict[str, Any] = {"IpProtocol": str(properties["IpProtocol"])}
    for port in ("FromPort", "ToPort"):
        if port in properties:
            permission[port] = int(properties[port])
    peers = (
        ("CidrIp", "IpRanges", "CidrIp"),
        ("CidrIpv6", "Ipv6Ranges", "CidrIpv6"),
        ("SourceSecurityGroupId", "UserIdGroupPairs", "GroupId"),
        ("DestinationSecurityGroupId", "UserIdGroupPairs", "GroupId"),
        ("SourcePrefixListId", "PrefixListIds", "PrefixListId"),
        ("DestinationPrefixListId", "PrefixListIds", "PrefixListId"),
    )
    described = {"Description": properties["Description"]} if "Description" in properties else {}
    for peer, member, key in peers:
        if peer in properties:
            permission[member] = [{key: properties[peer], **described}]
    return permission


def install() -> None:
    register(SecurityGroupIngress())
    register(SecurityGroupEgress())
