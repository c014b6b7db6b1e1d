"""AWS::EC2::VPC: the attributes that MiniStack leaves out, and the rule of the default group."""

from typing import Any

from ministack.core.responses import get_account_id
from ministack.services import ec2

from rehearsal.local_aws.resource_types import (
    Created,
    MendedType,
    Properties,
    own_client,
    register,
)


class Vpc(MendedType):
    """A VPC that knows its address ranges, with a default group as AWS makes it."""

    name = "AWS::EC2::VPC"

    def create(self, logical_id: str, properties: Properties, stack: str) -> Created:
        vpc_id, attributes = self._engine["create"](logical_id, properties, stack)
        group_id = attributes["DefaultSecurityGroup"]
        # On AWS the members of a default group may talk to each other; MiniStack forgets that, and
        # then there would be nothing for the closing of the group to close.
        ec2._security_groups[group_id]["IpPermissions"] = [default_ingress(group_id)]
        return vpc_id, attributes | self._attributes(vpc_id)

    def update(
        self, physical_id: str, old: Properties, new: Properties, stack: str, logical_id: str
    ) -> Created:
        vpc_id, attributes = self._engine["update"](physical_id, old, new, stack, logical_id)
        return vpc_id, attributes | self._attributes(vpc_id)

    def _attributes(self, vpc_id: str) -> dict[str, Any]:
        vpc = own_client("ec2").describe_vpcs(VpcIds=[vpc_id])["Vpcs"][0]
        return {
            "CidrBlock": vpc["CidrBlock"],
            "CidrBlockAssociations": [
                association["AssociationId"] for association in vpc["CidrBlockAssociationSet"]
            ],
        }


def default_ingress(group_id: str) -> dict[str, Any]:
    """Return the one inbound rule that AWS gives a default security group."""
    return {
        "IpProtocol": "-1",
        "IpRanges": [],
        "Ipv6Ranges": [],
        "PrefixListIds": [],
        "UserIdGroupPairs": [{"GroupId": group_id, "UserId": get_account_id()}],
    }


def install() -> None:
    register(Vpc())
