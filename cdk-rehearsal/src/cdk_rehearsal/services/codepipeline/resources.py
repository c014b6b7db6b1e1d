"""CodePipeline: pipelines and webhooks in a template."""

from typing import Any

from cdk_rehearsal.ministack.resource_types import (
    Change,
    Created,
    Properties,
    ResourceType,
    api_shape,
    generated_name,
    own_client,
    resource_type,
)

# Properties of the resource that are not part of the pipeline's structure.
_NOT_STRUCTURE = ("Tags", "DisableInboundStageTransitions", "RestartExecutionOnUpdate")


@resource_type("AWS::CodePipeline::Pipeline", adds=True, replaced_by=("Name",))
class Pipeline(ResourceType):
    """A pipeline; an update makes its next version."""

    def create(self, logical_id: str, properties: Properties, stack: str) -> Created:
        structure = _structure(properties)
        structure.setdefault("name", generated_name(stack, logical_id, longest=100))
        created = own_client("codepipeline").create_pipeline(
            pipeline=structure, tags=api_shape(properties.get("Tags", []))
        )
        return structure["name"], {"Version": str(created["pipeline"]["version"])}

    def update(self, change: Change) -> Created:
        structure = _structure(change.new) | {"name": change.physical_id}
        updated = own_client("codepipeline").update_pipeline(pipeline=structure)
        return change.physical_id, {"Version": str(updated["pipeline"]["version"])}

    def delete(self, physical_id: str, properties: Properties) -> None:
        own_client("codepipeline").delete_pipeline(name=physical_id)


@resource_type("AWS::CodePipeline::Webhook", adds=True, replaced_by=("Name",))
class Webhook(ResourceType):
    """A webhook of a pipeline that exists; GitHub, which cannot be reached, is not told of it."""

    def create(self, logical_id: str, properties: Properties, stack: str) -> Created:
        name = properties.get("Name") or generated_name(stack, logical_id, longest=100)
        authentication = properties.get("AuthenticationConfiguration", {})
        webhook = own_client("codepipeline").put_webhook(
            webhook={
                "name": name,
                "targetPipeline": properties["TargetPipeline"],
                "targetAction": properties["TargetAction"],
                "filters": api_shape(properties["Filters"]),
                "authentication": properties["Authentication"],
                "authenticationConfiguration": authentication,
            }
        )["webhook"]
        return name, {"Url": webhook["url"], "Id": name}

    def update(self, change: Change) -> Created:
        named = change.new | {"Name": change.physical_id}
        return self.create(change.logical_id, named, change.stack)

    def delete(self, physical_id: str, properties: Properties) -> None:
        own_client("codepipeline").delete_webhook(name=physical_id)


def _structure(properties: Properties) -> dict[str, Any]:
    structure: dict[str, Any] = api_shape(
        {key: value for key, value in properties.items() if key not in _NOT_STRUCTURE}
    )
    for stage in structure["stages"]:
        for action in stage["actions"]:
            configuration = action.get("configuration", {})
            # A template may have `false` where the API takes only "false".
            action["configuration"] = {key: _text(value) for key, value in configuration.items()}
    if "artifactStores" in structure:
        structure["artifactStores"] = {
            store["region"]: store["artifactStore"] for store in structure["artifactStores"]
        }
    return structure


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
