"""EC2 in CloudFormation: VPC, Elastic IP, NAT gateway and flow log."""

from typing import Any, ClassVar

from ministack.services import ec2

from cdk_rehearsal.ministack.resource_types import (
    ALL_BUT_TAGS,
    Change,
    Created,
    PatchedType,
    Properties,
    ResourceType,
    own_client,
    resource_type,
)


@resource_type("AWS::EC2::VPC")
class Vpc(PatchedType):
    """A VPC with its address range as an attribute, and a default group like that of AWS."""

    def create(self, logical_id: str, properties: Properties, stack: str) -> Created:
        vpc_id, attributes = super().create(logical_id, properties, stack)
        group_id = attributes["DefaultSecurityGroup"]
        # AWS gives the default group this inbound rule. The CDK removes it, so it must exist.
        own_client("ec2").authorize_security_group_ingress(
            GroupId=group_id,
            IpPermissions=[{"IpProtocol": "-1", "UserIdGroupPairs": [{"GroupId": group_id}]}],
        )
        return vpc_id, attributes

    def complete(self, physical_id: str, properties: Properties) -> dict[str, Any]:
        return {"CidrBlock": ec2._vpcs[physical_id]["CidrBlock"]}


class _OnlyTagsChange(ResourceType):
    """A type of which a change of anything except its tags makes a new resource."""

    attribute: ClassVar[str]

    def update(self, change: Change) -> Created:
        _tag(change.physical_id, change.new)
        return change.physical_id, {self.attribute: change.physical_id}


@resource_type("AWS::EC2::EIP", adds=True, replaced_by=ALL_BUT_TAGS)
class ElasticIp(ResourceType):
    """An Elastic IP; as in CloudFormation, its physical id is the address itself."""

    def create(self, logical_id: str, properties: Properties, stack: str) -> Created:
        address = own_client("ec2").allocate_address(Domain=properties.get("Domain", "vpc"))
        allocation = address["AllocationId"]
        _tag(allocation, properties)
        attributes = {"AllocationId": allocation, "PublicIp": address["PublicIp"]}
        return address["PublicIp"], attributes

    def update(self, change: Change) -> Created:
        allocation = _allocation(change.physical_id)
        _tag(allocation, change.new)
        return change.physical_id, {"AllocationId": allocation, "PublicIp": change.physical_id}

    def delete(self, physical_id: str, properties: Properties) -> None:
        if allocation := _allocation(physical_id):
            own_client("ec2").release_address(AllocationId=allocation)


def _allocation(public_ip: str) -> str:
    """Return the allocation of an address; empty if the address was released."""
    addresses = own_client("ec2").describe_addresses()["Addresses"]
    return next((a["AllocationId"] for a in addresses if a["PublicIp"] == public_ip), "")


@resource_type("AWS::EC2::NatGateway", adds=True, replaced_by=ALL_BUT_TAGS)
class NatGateway(_OnlyTagsChange):
    """A NAT gateway."""

    attribute = "NatGatewayId"

    def create(self, logical_id: str, properties: Properties, stack: str) -> Created:
        if properties["SubnetId"] not in ec2._subnets:
            raise ValueError(f"The subnet ID '{properties['SubnetId']}' does not exist")
        request = {key: value for key, value in properties.items() if key != "Tags"}
        nat_id = own_client("ec2").create_nat_gateway(**request)["NatGateway"]["NatGatewayId"]
        _tag(nat_id, properties)
        return nat_id, {"NatGatewayId": nat_id}

    def delete(self, physical_id: str, properties: Properties) -> None:
        own_client("ec2").delete_nat_gateway(NatGatewayId=physical_id)


@resource_type("AWS::EC2::FlowLog", adds=True, replaced_by=ALL_BUT_TAGS)
class FlowLog(_OnlyTagsChange):
    """A flow log."""

    attribute = "Id"

    def create(self, logical_id: str, properties: Properties, stack: str) -> Created:
        request = {key: value for key, value in properties.items() if key != "Tags"}
        request["ResourceIds"] = [request.pop("ResourceId")]
        (flow_log,) = own_client("ec2").create_flow_logs(**request)["FlowLogIds"]
        _tag(flow_log, properties)
        return flow_log, {"Id": flow_log}

    def delete(self, physical_id: str, properties: Properties) -> None:
        own_client("ec2").delete_flow_logs(FlowLogIds=[physical_id])


def _tag(resource: str, properties: Properties) -> None:
    if tags := properties.get("Tags"):
        own_client("ec2").create_tags(Resources=[resource], Tags=tags)
