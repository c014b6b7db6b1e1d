"""AWS::CodeBuild::Project, and the settings of a project that MiniStack's CodeBuild forgets."""

import json
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from botocore.exceptions import ClientError
from ministack.services import codebuild

from rehearsal.local_aws.api_shape import api_shape
from rehearsal.local_aws.resource_types import (
    Created,
    Properties,
    ResourceType,
    generated_name,
    own_client,
    register,
)

Request = dict[str, Any]
Response = tuple[int, dict[str, str], bytes]

_FORGOTTEN = (
    "cache",
    "logsConfig",
    "vpcConfig",
    "queuedTimeoutInMinutes",
    "concurrentBuildLimit",
    "fileSystemLocations",
    "secondaryArtifacts",
    "secondarySources",
    "autoRetryLimit",
)
_project_shape = codebuild._project_shape


class BuildProject(ResourceType):
    """A project with all its settings."""

    name = "AWS::CodeBuild::Project"
    replaced_by = ("Name",)

    def create(self, logical_id: str, properties: Properties, stack: str) -> Created:
        request = _request(properties)
        request.setdefault("name", generated_name(stack, logical_id, longest=255))
        project = own_client("codebuild").create_project(**request)["project"]
        return project["name"], {"Arn": project["arn"]}

    def update(
        self, physical_id: str, old: Properties, new: Properties, stack: str, logical_id: str
    ) -> Created:
        request = _request(new) | {"name": physical_id}
        project = own_client("codebuild").update_project(**request)["project"]
        return physical_id, {"Arn": project["arn"]}

    def delete(self, physical_id: str, properties: Properties) -> None:
        try:
            own_client("codebuild").delete_project(name=physical_id)
        except ClientError as error:
            if error.response["Error"]["Code"] != "ResourceNotFoundException":
                raise


def _request(properties: Properties) -> Request:
    request: Request = api_shape(properties)
    for number in ("timeoutInMinutes", "queuedTimeoutInMinutes", "concurrentBuildLimit"):
        if number in request:
            request[number] = int(request[number])
    for source in [request["source"], *request.get("secondarySources", [])]:
        # The one member whose spellings differ in more than the first letter.
        if "buildSpec" in source:
            source["buildspec"] = source.pop("buildSpec")
    return request


def _remembering(action: Callable[[Request], Response]) -> Callable[[Request], Response]:
    def act(request: Request) -> Response:
        status, headers, body = action(request)
        if status < HTTPStatus.BAD_REQUEST:
            project = codebuild._projects[json.loads(body)["project"]["name"]]
            project |= {key: request[key] for key in _FORGOTTEN if key in request}
            body = json.dumps({"project": codebuild._project_shape(project)}).encode()
        return status, headers, body

    return act


def _full_shape(project: dict[str, Any]) -> dict[str, Any]:
    kept = {key: project[key] for key in _FORGOTTEN if key in project}
    shape: dict[str, Any] = _project_shape(project)
    return shape | kept


def install() -> None:
    register(BuildProject())
    codebuild._project_shape = _full_shape
    codebuild._create_project = _remembering(codebuild._create_project)
    codebuild._update_project = _remembering(codebuild._update_project)
