"""CodeBuild: projects with all their settings, in a template and through the API."""

import json
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from botocore.exceptions import ClientError
from ministack.services import codebuild

from cdk_rehearsal.ministack.replacements import replaces
from cdk_rehearsal.ministack.resource_types import (
    Change,
    Created,
    Properties,
    ResourceType,
    api_shape,
    generated_name,
    own_client,
    replaces_type,
)
from cdk_rehearsal.ministack.responses import Handler, Request, Response

_DROPPED = (
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


@replaces_type(
    "AWS::CodeBuild::Project",
    replaced_by=("Name",),
    upstream="Missing: most properties of the type, and their spelling in the API.",
)
class BuildProject(ResourceType):
    """A project that keeps all its settings."""

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
        # The only property whose spelling in the API differs in more than the first letter.
        if "buildSpec" in source:
            source["buildspec"] = source.pop("buildSpec")
    return request


_UPSTREAM = (
    "Missing: cache, logsConfig, vpcConfig and other settings of a project are neither kept nor"
    " given back."
)


def create_or_update_project(original: Handler, request: Request) -> Response:
    """Keep the settings that MiniStack drops."""
    status, headers, body = original(request)
    if status < HTTPStatus.BAD_REQUEST:
        project = codebuild._projects[json.loads(body)["project"]["name"]]
        project |= {key: request[key] for key in _DROPPED if key in request}
        body = json.dumps({"project": codebuild._project_shape(project)}).encode()
    return status, headers, body


for _function in ("_create_project", "_update_project"):
    replaces(codebuild, _function, upstream=_UPSTREAM)(create_or_update_project)


@replaces(codebuild, "_project_shape", upstream=_UPSTREAM)
def project_shape(
    original: Callable[[dict[str, Any]], dict[str, Any]], project: dict[str, Any]
) -> dict[str, Any]:
    """Return the settings that MiniStack drops."""
    return original(project) | {key: project[key] for key in _DROPPED if key in project}
