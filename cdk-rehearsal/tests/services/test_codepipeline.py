"""CodePipeline of the local AWS: pipeline and webhook, read back through the API."""

from collections.abc import Callable
from typing import Any

import pytest

from support.functions import role
from support.pipeline_template import TOKEN, pipeline_resources
from support.stacks import StackFailedError, Stacks

Client = Callable[[str], Any]


@pytest.mark.usefixtures("token")
def test_pipeline_and_webhook_read_back_without_their_secrets(
    stacks: Stacks, client: Client
) -> None:
    codepipeline = client("codepipeline")
    stacks.deploy("delivery", pipeline_resources(branch="first"))
    stacks.deploy("delivery", pipeline_resources())
    pipeline = codepipeline.get_pipeline(name="delivery")["pipeline"]
    assert pipeline["version"] == 2
    assert pipeline["artifactStore"] == {"type": "S3", "location": "artifacts"}
    (source,) = pipeline["stages"][0]["actions"]
    assert source["configuration"] == {
        "Owner": "octo",
        "Repo": "repo",
        "Branch": "main",
        "OAuthToken": "****",
        "PollForSourceChanges": "false",
    }
    state = codepipeline.get_pipeline_state(name="delivery")
    assert [stage["stageName"] for stage in state["stageStates"]] == ["Source", "Build"]
    (webhook,) = codepipeline.list_webhooks()["webhooks"]
    definition = webhook["definition"]
    assert (definition["name"], definition["targetPipeline"]) == ("on-push", "delivery")
    assert definition["filters"][0]["matchEquals"] == "refs/heads/main"
    # Asterisks in an update keep the token.
    updated = codepipeline.update_pipeline(pipeline=pipeline)["pipeline"]
    assert updated["stages"][0]["actions"][0]["configuration"]["OAuthToken"] == "****"
    assert TOKEN not in f"{pipeline} {updated} {webhook}"
    stacks.delete("delivery")
    assert codepipeline.list_webhooks()["webhooks"] == []
    assert codepipeline.list_pipelines()["pipelines"] == []


@pytest.mark.usefixtures("token")
def test_a_pipeline_needs_a_role_that_trusts_codepipeline(stacks: Stacks) -> None:
    wrong = pipeline_resources() | {"PipelineRole": role("ecs-tasks.amazonaws.com")}
    with pytest.raises(StackFailedError, match="not authorized to perform AssumeRole"):
        stacks.deploy("delivery", wrong)
