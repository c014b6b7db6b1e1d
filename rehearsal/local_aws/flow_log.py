"""AWS::EC2::FlowLog."""

from rehearsal.local_aws.api_shape import tag_pairs
from rehearsal.local_aws.resource_types import (
    Created,
    Properties,
    ResourceType,
    own_client,
    register,
)


class FlowLog(ResourceType):
    """A flow log; everything but its tags needs a new one."""

    name = "AWS::EC2::FlowLog"
    replaced_by = (
        "ResourceId",
        "ResourceType",
        "TrafficType",
        "LogDestinationType",
        "LogDestination",
        "LogGroupName",
        "LogFormat",
        "DeliverLogsPermissionArn",
        "MaxAggregationInterval",
    )

    def create(self, logical_id: str, properties: Properties, stack: str) -> Created:
        request = {key: value for key, value in properties.items() if key != "Tags"}
        request["ResourceIds"] = [request.pop("ResourceId")]
        if "MaxAggregationInterval" in request:
            request["MaxAggregationInterval"] = int(request["MaxAggregationInterval"])
        client = own_client("ec2")
        answer = client.create_flow_logs(**request)
        (flow_log,) = answer["FlowLogIds"]
        if tags := tag_pairs(properties):
            client.create_tags(Resources=[flow_log], Tags=tags)
        return flow_log, {"Id": flow_log}

    def update(
        self, physical_id: str, old: Properties, new: Properties, stack: str, logical_id: str
    ) -> Created:
        # All that is left to change is the tags.
        own_client("ec2").create_tags(Resources=[physical_id], Tags=tag_pairs(new))
        return physical_id, {"Id": physical_id}

    def delete(self, physical_id: str, properties: Properties) -> None:
        own_client("ec2").delete_flow_logs(FlowLogIds=[physical_id])


def install() -> None:
    register(FlowLog())
