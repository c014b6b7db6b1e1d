"""The environment variables of a build."""

from collections.abc import Mapping
from typing import Any


def build_environment(
    project: Mapping[str, Any], *, commit: str, number: int, initiator: str, source_version: str
) -> dict[str, str]:
    """Return what a CodeBuild project defines, and what CodeBuild adds to it.

    ``project`` is as the API returns it; ``number`` counts the builds of the project. The
    credentials of the project's role and the PATH of its image are not among them.
    """
    name, arn = project["name"], project["arn"]
    region, builds = arn.split(":")[3], arn.replace(":project/", ":build/").rpartition("/")[0]
    identity = f"{name}:rehearsal-{number}"
    return {
        variable["name"]: _value(variable)
        for variable in project["environment"].get("environmentVariables", [])
    } | {
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
        "CODEBUILD_BUILD_ARN": f"{builds}/{identity}",
        "CODEBUILD_BUILD_ID": identity,
        "CODEBUILD_BUILD_IMAGE": project["environment"]["image"],
        "CODEBUILD_BUILD_NUMBER": str(number),
        "CODEBUILD_INITIATOR": initiator,
        "CODEBUILD_RESOLVED_SOURCE_VERSION": commit,
        "CODEBUILD_SOURCE_VERSION": source_version,
    }


def _value(variable: Mapping[str, str]) -> str:
    if variable.get("type", "PLAINTEXT") != "PLAINTEXT":
        raise ValueError(f"{variable['name']}: type {variable['type']} is not played")
    return variable["value"]
