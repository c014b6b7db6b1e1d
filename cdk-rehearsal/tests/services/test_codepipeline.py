"""CodePipeline of the local AWS: pipeline and webhook, read back through the API."""

from collections.abc import Callable
from typing import Any

import pytest

from support.functions import role
from support.pipeline_template import TOKEN, pipeline_resources
from support.stacks import StackFailedError, Stacks

Client = Callable[[str], Any]


@pytest.mark.usefixtures("token")
def test_the_pipeline_reads_back_without_its_secret(stacks: Stacks, client: Client) -> None:
    stacks.deploy("delivery", pipeline_resources())
    pipeline = client("codepipeline").get_pipeline(name="delivery")["pipeline"]
    assert [stage["name"] for stage in pipeline["stages"]] == ["Source", "Build"]
    (source,) = pipeline["stages"][0]["actions"]
    assert source["configuration"] == {
        "Owner": "octo",
        "Repo": "repo",
        "Branch": "main",
        "OAuthToken": "****",
        "PollForSourceChanges": "false",
    }
    assert pipeline["artifactStore"] == {"type": "S3", "location": "artifacts"}
    state = client("codepipeline").get_pipeline_state(name="delivery")
    assert [stage["stageName"] for stage in state["stageStates"]] == ["Source", "Build"]
    assert TOKEN not in str(pipeline) + str(client("codepipeline").list_webhooks())


@pytest.mark.usefixtures("token")
def test_an_update_makes_a_new_version_and_a_deletion_removes_the_webhook(
    stacks: Stacks, client: Client
) -> None:
    stacks.deploy("delivery", pipeline_resources())
    stacks.deploy("delivery", pipeline_resources(branch="next"))
    pipeline = client("codepipeline").get_pipeline(name="delivery")["pipeline"]
    assert pipeline["version"] == 2
    assert pipeline["stages"][0]["actions"][0]["configuration"]["Branch"] == "next"
    (webhook,) = client("codepipeline").list_webhooks()["webhooks"]
    definition = webhook["definition"]
    assert (definition["name"], definition["targetPipeline"]) == ("on-push", "delivery")
    assert definition["authenticationConfiguration"] == {"SecretToken": "****"}
    assert definition["filters"][0]["matchEquals"] == "refs/heads/next"
    # Asterisks in an update keep the token.
    updated = client("codepipeline").update_pipeline(pipeline=pipeline)["pipeline"]
    assert updated["stages"][0]["actions"][0]["configuration"]["OAuthToken"] == "****"
    stacks.delete("delivery")
    assert client("codepipeline").list_webhooks()["webhooks"] == []
    assert client("codepipeline").list_pipelines()["pipelines"] == []


@pytest.mark.usefixtures("token")
def test_a_pipeline_needs_a_role_that_trusts_codepipeline(stacks: Stacks) -> None:
    wrong = pipeline_resources() | {"PipelineRole": role("ecs-tasks.amazonaws.com")}
    with pytest.raises(StackFailedError, match="not authorized to perform AssumeRole"):
        stacks.deploy("delivery", wrong)
