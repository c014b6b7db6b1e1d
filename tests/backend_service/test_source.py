"""The two ways in to GitHub."""

import json
from typing import Any

import pytest
from aws_cdk import aws_codepipeline as codepipeline
from aws_cdk import aws_codepipeline_actions as actions

from backend_service.source import Branch, ConnectionSource
from tests.synthesis import CONNECTED, CONNECTION, empty_stack, properties_of, synthesise

SERVICE = "BackendServiceStack"
PIPELINE = "AWS::CodePipeline::Pipeline"
BRANCH = Branch(owner="acme", repository="shop", name="release", folder_path="services/cart")


def source_action(changes: dict[str, str]) -> dict[str, Any]:
    stage = synthesise(**changes).only(SERVICE, PIPELINE)["Stages"][0]
    (action,) = stage["Actions"]
    assert (stage["Name"], action["ActionTypeId"]["Category"]) == ("Source", "Source")
    return dict(action)


def push_filter(branch: Branch) -> dict[str, Any]:
    """Return the filter of the trigger of a pipeline that reads the branch by a connection."""
    stack = empty_stack()
    pipeline = codepipeline.Pipeline(stack, "Pipeline", pipeline_type=codepipeline.PipelineType.V2)
    source = ConnectionSource(branch=branch, connection_arn=CONNECTION)
    source.add_to(pipeline, codepipeline.Artifact())
    approval = actions.ManualApprovalAction(action_name="Approve")
    pipeline.add_stage(stage_name="Approve", actions=[approval])
    (trigger,) = properties_of(stack, PIPELINE)["Triggers"]
    (push,) = trigger["GitConfiguration"]["Push"]
    return dict(push)


def test_a_connection_wins_over_a_token() -> None:
    action = source_action(CONNECTED)
    assert action["ActionTypeId"]["Provider"] == "CodeStarSourceConnection"
    assert "OAuthToken" not in action["Configuration"]


def test_without_a_connection_the_token_is_used() -> None:
    assert source_action({})["ActionTypeId"]["Provider"] == "GitHub"


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


def test_a_push_starts_the_pipeline_only_if_it_changes_the_folder() -> None:
    (trigger,) = synthesise(**CONNECTED).only(SERVICE, PIPELINE)["Triggers"]
    assert trigger["ProviderType"] == "CodeStarSourceConnection"
    assert trigger["GitConfiguration"]["SourceActionName"] == source_action(CONNECTED)["Name"]
    assert trigger["GitConfiguration"]["Push"] == [
        {
            "Branches": {"Includes": ["main"]},
            "FilePaths": {"Includes": ["application-code/ecsdemo-backend/**"]},
        }
    ]


@pytest.mark.parametrize(
    ("folder_path", "pattern"), [("services/cart", "services/cart/**"), (".", "**")]
)
def test_the_folder_may_be_the_whole_repository(folder_path: str, pattern: str) -> None:
    branch = Branch(owner="acme", repository="shop", name="main", folder_path=folder_path)
    assert push_filter(branch)["FilePaths"] == {"Includes": [pattern]}


@pytest.mark.parametrize("service", ["codeconnections", "codestar-connections"])
def test_the_connection_may_be_used_by_the_name_of_its_service(service: str) -> None:
    """It had another name until 2024, and the action has to match the ARN."""
    arn = CONNECTION.replace("codeconnections", service)
    changes = {**CONNECTED, "connection_arn": arn}
    statements = synthesise(**changes).granted(SERVICE, source_action(changes)["RoleArn"])
    assert [s["Action"] for s in statements if s["Resource"] == arn] == [f"{service}:UseConnection"]


def test_the_pipeline_is_there_after_the_right_to_use_the_connection() -> None:
    connected = synthesise(**CONNECTED)
    role = source_action(CONNECTED)["RoleArn"]["Fn::GetAtt"][0]
    policies = connected.resources(SERVICE, "AWS::IAM::Policy")
    of_source = {k for k, p in policies.items() if p["Properties"]["Roles"] == [{"Ref": role}]}
    (pipeline,) = connected.resources(SERVICE, "AWS::CodePipeline::Pipeline").values()
    assert of_source
    assert of_source < set(pipeline["DependsOn"])
