"""The CodePipeline API of the local AWS: pipelines and webhooks."""

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

Client = Callable[[str], Any]


def action(category: str, owner: str, provider: str, **configuration: str) -> dict[str, Any]:
    kind = {"category": category, "owner": owner, "provider": provider, "version": "1"}
    return {"name": provider, "actionTypeId": kind, "configuration": configuration}


def pipeline(role_arn: str) -> dict[str, Any]:
    source = action("Source", "ThirdParty", "GitHub", Branch="main", OAuthToken="secret")
    build = action("Build", "AWS", "CodeBuild", ProjectName="build")
    return {
        "name": "delivery",
        "roleArn": role_arn,
        "artifactStore": {"type": "S3", "location": "artifacts"},
        "stages": [
            {"name": "Source", "actions": [source]},
            {"name": "Build", "actions": [build]},
        ],
    }


WEBHOOK = {
    "name": "on-push",
    "targetPipeline": "delivery",
    "targetAction": "GitHub",
    "filters": [{"jsonPath": "$.ref", "matchEquals": "refs/heads/main"}],
    "authentication": "UNAUTHENTICATED",
    "authenticationConfiguration": {},
}


def test_a_pipeline_with_a_webhook_is_kept(client: Client, role: Callable[..., str]) -> None:
    codepipeline = client("codepipeline")
    with pytest.raises(ClientError, match="PipelineNotFoundException"):
        codepipeline.put_webhook(webhook=WEBHOOK)
    trusted = role({"Service": "codepipeline.amazonaws.com"})
    codepipeline.create_pipeline(pipeline=pipeline(trusted))
    codepipeline.put_webhook(webhook=WEBHOOK)
    (webhook,) = codepipeline.list_webhooks()["webhooks"]
    assert webhook["definition"]["filters"] == WEBHOOK["filters"]
    read = codepipeline.get_pipeline(name="delivery")["pipeline"]
    (source,) = read["stages"][0]["actions"]
    assert source["configuration"] == {"Branch": "main", "OAuthToken": "****"}
    updated = codepipeline.update_pipeline(pipeline=read)["pipeline"]
    assert updated["version"] == 2
    state = codepipeline.get_pipeline_state(name="delivery")
    assert [stage["stageName"] for stage in state["stageStates"]] == ["Source", "Build"]
    codepipeline.delete_webhook(name="on-push")
    codepipeline.delete_pipeline(name="delivery")
