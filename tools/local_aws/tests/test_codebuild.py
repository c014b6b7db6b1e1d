"""CodeBuild of the local AWS: a project of a template, read back through the API."""

from collections.abc import Callable
from typing import Any

import pytest

from tools.local_aws.tests.pipeline_template import pipeline_resources
from tools.local_aws.tests.stacks import Stacks

Client = Callable[[str], Any]


@pytest.mark.usefixtures("token")
def test_the_build_project_reads_back_whole(stacks: Stacks, client: Client) -> None:
    stacks.deploy("delivery", pipeline_resources())
    codebuild = client("codebuild")
    names = codebuild.list_projects()["projects"]
    (project,) = codebuild.batch_get_projects(names=names)["projects"]
    assert project["artifacts"] == {"type": "CODEPIPELINE"}
    assert project["source"]["buildspec"] == "buildspec.yml"
    assert project["cache"] == {"type": "LOCAL", "modes": ["LOCAL_DOCKER_LAYER_CACHE"]}
    assert project["logsConfig"]["cloudWatchLogs"]["groupName"] == "build"
    assert project["timeoutInMinutes"] == 30
    (variable,) = project["environment"]["environmentVariables"]
    assert (variable["name"], variable["value"]) == ("BRANCH", "main")
    stacks.deploy("delivery", pipeline_resources(branch="next"))
    (project,) = codebuild.batch_get_projects(names=names)["projects"]
    assert project["environment"]["environmentVariables"][0]["value"] == "next"
