"""The source stage: by a token, and by a connection."""

import json
from typing import Any

import pytest

from tests.synthesis import CONNECTED, CONNECTION, synthesise

SERVICE = "BackendServiceStack"
PIPELINE = "AWS::CodePipeline::Pipeline"


def source_action(changes: dict[str, str]) -> dict[str, Any]:
    stage = synthesise(**changes).only(SERVICE, PIPELINE)["Stages"][0]
    (action,) = stage["Actions"]
    assert (stage["Name"], action["ActionTypeId"]["Category"]) == ("Source", "Source")
    return dict(action)


def test_the_token_stays_in_secrets_manager() -> None:
    configuration = source_action({})["Configuration"]
    assert configuration == {
        "Owner": "acme",
        "Repo": "ecs-backend-service-blueprint",
        "Branch": "main",
        "OAuthToken": "{{resolve:secretsmanager:ecs-github-token:SecretString:::}}",
        "PollForSourceChanges": False,
    }


def test_a_webhook_starts_the_pipeline_at_a_push_to_the_branch() -> None:
    (pipeline,) = synthesise().resources(SERVICE, PIPELINE)
    webhook = synthesise().only(SERVICE, "AWS::CodePipeline::Webhook")
    assert webhook["TargetPipeline"] == {"Ref": pipeline}
    assert webhook["TargetAction"] == source_action({})["Name"]
    assert webhook["RegisterWithThirdParty"] is True
    assert webhook["Filters"] == [{"JsonPath": "$.ref", "MatchEquals": "refs/heads/{Branch}"}]


def test_the_webhook_is_signed_with_a_secret_of_its_own_and_not_with_the_token() -> None:
    ((secret_id, secret),) = synthesise().resources(SERVICE, "AWS::SecretsManager::Secret").items()
    webhook = synthesise().only(SERVICE, "AWS::CodePipeline::Webhook")
    assert webhook["Authentication"] == "GITHUB_HMAC"
    assert webhook["AuthenticationConfiguration"]["SecretToken"]["Fn::Join"][1] == [
        "{{resolve:secretsmanager:",
        {"Ref": secret_id},
        ":SecretString:::}}",
    ]
    assert "GenerateSecretString" in secret["Properties"]
    assert "ecs-github-token" not in json.dumps(webhook)


def test_the_signing_secret_is_deleted_with_the_stack() -> None:
    (secret,) = synthesise().resources(SERVICE, "AWS::SecretsManager::Secret").values()
    assert secret["DeletionPolicy"] == "Delete"


def test_a_connection_needs_neither_token_nor_webhook() -> None:
    connected = synthesise(**CONNECTED)
    connected.service.resource_count_is("AWS::CodePipeline::Webhook", 0)
    connected.service.resource_count_is("AWS::SecretsManager::Secret", 0)
    assert "secretsmanager" not in json.dumps(connected.only(SERVICE, PIPELINE))


def test_a_connection_reads_the_branch_without_starting_at_every_push() -> None:
    action = source_action(CONNECTED)
    assert action["ActionTypeId"]["Provider"] == "CodeStarSourceConnection"
    assert action["Configuration"] == {
        "ConnectionArn": CONNECTION,
        "FullRepositoryId": "acme/ecs-backend-service-blueprint",
        "BranchName": "main",
        "DetectChanges": False,
    }


@pytest.mark.parametrize(
    ("folder_path", "pattern"),
    [("./application-code/ecsdemo-backend/.", "application-code/ecsdemo-backend/**"), (".", "**")],
)
def test_a_push_starts_the_pipeline_only_if_it_changes_the_folder(
    folder_path: str, pattern: str
) -> None:
    synthesis = synthesise(**CONNECTED, folder_path=folder_path)
    (trigger,) = synthesis.only(SERVICE, PIPELINE)["Triggers"]
    assert trigger["ProviderType"] == "CodeStarSourceConnection"
    assert trigger["GitConfiguration"]["SourceActionName"] == source_action(CONNECTED)["Name"]
    assert trigger["GitConfiguration"]["Push"] == [
        {
            "Branches": {"Includes": ["main"]},
            "FilePaths": {"Includes": [pattern]},
        }
    ]


def test_the_pipeline_waits_for_the_right_to_use_the_connection() -> None:
    connected = synthesise(**CONNECTED)
    role = source_action(CONNECTED)["RoleArn"]["Fn::GetAtt"][0]
    policies = connected.resources(SERVICE, "AWS::IAM::Policy")
    of_source = {k for k, p in policies.items() if p["Properties"]["Roles"] == [{"Ref": role}]}
    (pipeline,) = connected.resources(SERVICE, "AWS::CodePipeline::Pipeline").values()
    assert of_source
    assert of_source < set(pipeline["DependsOn"])
