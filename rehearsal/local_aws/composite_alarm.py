"""AWS::CloudWatch::CompositeAlarm."""

from typing import Any

from rehearsal.local_aws.resource_types import (
    Created,
    Properties,
    ResourceType,
    generated_name,
    own_client,
    register,
)


class CompositeAlarm(ResourceType):
    """An alarm over alarms."""

    name = "AWS::CloudWatch::CompositeAlarm"
    replaced_by = ("AlarmName",)

    def create(self, logical_id: str, properties: Properties, stack: str) -> Created:
        request: dict[str, Any] = dict(properties)
        request.setdefault("AlarmName", generated_name(stack, logical_id, longest=255))
        client = own_client("cloudwatch")
        client.put_composite_alarm(**request)
        (alarm,) = client.describe_alarms(
            AlarmNames=[request["AlarmName"]], AlarmTypes=["CompositeAlarm"]
        )["CompositeAlarms"]
        return alarm["AlarmName"], {"Arn": alarm["AlarmArn"]}

    def update(
        self, physical_id: str, old: Properties, new: Properties, stack: str, logical_id: str
    ) -> Created:
        return self.create(logical_id, new | {"AlarmName": physical_id}, stack)

    def delete(self, physical_id: str, properties: Properties) -> None:
        own_client("cloudwatch").delete_alarms(AlarmNames=[physical_id])


def install() -> None:
    register(CompositeAlarm())
