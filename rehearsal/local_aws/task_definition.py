"""AWS::ECS::TaskDefinition, registered through the API, so that every property can be read back."""

from typing import Any

from rehearsal.local_aws.api_shape import api_shape
from rehearsal.local_aws.resource_types import (
    Created,
    Properties,
    ResourceType,
    generated_name,
    own_client,
    register,
)


class TaskDefinition(ResourceType):
    """A revision of a task definition; every change but to its tags makes the next revision."""

    name = "AWS::ECS::TaskDefinition"

    def create(self, logical_id: str, properties: Properties, stack: str) -> Created:
        request: dict[str, Any] = api_shape(properties)
        request.setdefault("family", generated_name(stack, logical_id, longest=255))
        definition = own_client("ecs").register_task_definition(**request)["taskDefinition"]
        arn = definition["taskDefinitionArn"]
        return arn, {"TaskDefinitionArn": arn}

    def update(
        self, physical_id: str, old: Properties, new: Properties, stack: str, logical_id: str
    ) -> Created:
        if _without_tags(old) != _without_tags(new):
            # A revision never changes; the engine deregisters the old one when all is done.
            return self.create(logical_id, new, stack)
        own_client("ecs").tag_resource(resourceArn=physical_id, tags=api_shape(new.get("Tags", [])))
        return physical_id, {"TaskDefinitionArn": physical_id}

    def delete(self, physical_id: str, properties: Properties) -> None:
        own_client("ecs").deregister_task_definition(taskDefinition=physical_id)


def _without_tags(properties: Properties) -> Properties:
    return {key: value for key, value in properties.items() if key != "Tags"}


def install() -> None:
    register(TaskDefinition())
