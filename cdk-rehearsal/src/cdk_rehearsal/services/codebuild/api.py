"""The CodeBuild API: projects with all their settings."""

import json
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from ministack.services import codebuild

from cdk_rehearsal.ministack.replacements import replaces
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
_UPSTREAM = "Missing: cache, logsConfig, vpcConfig and other settings are not kept."


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
