"""CodeBuild in CloudFormation: projects, which MiniStack's API keeps in part."""

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
from cdk_rehearsal.ministack.responses import Request


@resource_type("AWS::CodeBuild::Project", replaced_by=("Name",))
class BuildProject(ResourceType):
    """A project; an update keeps its name."""

    def create(self, logical_id: str, properties: Properties, stack: str) -> Created:
        request = _request(properties)
        request.setdefault("name", generated_name(stack, logical_id, longest=255))
        project = own_client("codebuild").create_project(**request)["project"]
        return project["name"], {"Arn": project["arn"]}

    def update(self, change: Change) -> Created:
        request = _request(change.new) | {"name": change.physical_id}
        project = own_client("codebuild").update_project(**request)["project"]
        return change.physical_id, {"Arn": project["arn"]}

    def delete(self, physical_id: str, properties: Properties) -> None:
        own_client("codebuild").delete_project(name=physical_id)


def _request(properties: Properties) -> Request:
    request: Request = api_shape(properties)
    # The only property whose spelling in the API differs in more than the first letter.
    if "buildSpec" in request["source"]:
        request["source"]["buildspec"] = request["source"].pop("buildSpec")
    return request
