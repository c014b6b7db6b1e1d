"""The CodeBuild API: projects with all their settings."""

from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from ministack.services import codebuild

from cdk_rehearsal.ministack.replacements import replaces
from cdk_rehearsal.ministack.responses import Handler, Request, Response, json_response

_UPSTREAM = "Missing: cache, logsConfig, vpcConfig and other settings are not kept."


def create_or_update_project(original: Handler, request: Request) -> Response:
    """Keep all settings of the request."""
    response = original(request)
    if response[0] != HTTPStatus.OK:
        return response
    project = codebuild._projects[request["name"]]
    project |= request
    return json_response({"project": project})


for _function in ("_create_project", "_update_project"):
    replaces(codebuild, _function, upstream=_UPSTREAM)(create_or_update_project)


@replaces(codebuild, "_project_shape", upstream=_UPSTREAM)
def project_shape(_original: Callable[..., Any], project: dict[str, Any]) -> dict[str, Any]:
    """Return all settings."""
    return project
