"""E-mail notifications: the topic, its publishers, and the events that reach it."""

from typing import Any

import pytest

from backend_service.notifications import Notifications
from settings.examples import ACCOUNT
from tests.synthesis import CONNECTED, empty_stack, properties_of, settings_of, synthesise

SERVICE = "BackendServiceStack"
NAME = "ecs-blueprint-infra-ecsdemo-backend"
FOR_NOTIFICATIONS = (
    "AWS::SNS::Topic",
    "AWS::SNS::TopicPolicy",
    "AWS::SNS::Subscription",
    "AWS::KMS::Key",
)


def rules() -> dict[str, dict[str, Any]]:
    """Return the rules that publish, by the service that they listen to."""
    found = synthesise(**CONNECTED).resources(SERVICE, "AWS::Events::Rule").values()
    sources = {
        each["Properties"]["EventPattern"]["source"][0]: each["Properties"] for each in found
    }
    return {source: rule for source, rule in sources.items() if source != "aws.ecs"}


def test_one_event_is_a_failed_or_stopped_delivery_of_this_pipeline() -> None:
    pipeline = synthesise(**CONNECTED).only(SERVICE, "AWS::CodePipeline::Pipeline")
    assert rules()["aws.codepipeline"]["EventPattern"] == {
        "source": ["aws.codepipeline"],
        "detail-type": ["CodePipeline Pipeline Execution State Change"],
        "detail": {"pipeline": [pipeline["Name"]], "state": ["FAILED", "STOPPED"]},
    }


def test_one_event_is_a_scan_of_a_build_with_critical_or_high_findings() -> None:
    pushed_to = synthesise(**CONNECTED).only(SERVICE, "AWS::CodeBuild::Project")["Environment"]
    (uri,) = (v["Value"] for v in pushed_to["EnvironmentVariables"] if v["Name"] == "REPO_URL")
    key = uri["Fn::Join"][1][-1]["Ref"]
    repositories = synthesise(**CONNECTED).resources(SERVICE, "AWS::ECR::Repository")
    repository = repositories[key]["Properties"]
    assert repository["ImageScanningConfiguration"] == {"ScanOnPush": True}
    assert rules()["aws.ecr"]["EventPattern"]["detail"] == {
        "repository-name": [repository["RepositoryName"]],
        "scan-status": ["COMPLETE"],
        "finding-severity-counts": {
            "$or": [{"CRITICAL": [{"numeric": [">", 0]}]}, {"HIGH": [{"numeric": [">", 0]}]}]
        },
    }


def test_sns_takes_the_display_name_of_the_longest_service_name() -> None:
    stack = empty_stack()
    service = settings_of(ecs_cluster_name="c" * 49, service_name="s" * 50).service
    Notifications(stack, "Notifications", service=service, email="team@example.com")
    name = properties_of(stack, "AWS::SNS::Topic")["DisplayName"]
    assert name == f"Notifications of {'c' * 49}-{'s' * 50}"[:100]


def test_each_of_the_two_events_sends_a_sentence_with_the_name_to_the_topic() -> None:
    assert rules().keys() == {"aws.codepipeline", "aws.ecr"}
    for rule in rules().values():
        (target,) = rule["Targets"]
        assert target["Arn"] == topic()
        message = target["InputTransformer"]["InputTemplate"]
        assert message.startswith('"')
        assert "ecsdemo-backend" in message


def test_the_message_of_a_failed_delivery_links_to_the_pipeline() -> None:
    (target,) = rules()["aws.codepipeline"]["Targets"]
    assert f"/pipelines/{NAME}/view" in target["InputTransformer"]["InputTemplate"]


@pytest.mark.parametrize("kind", FOR_NOTIFICATIONS)
def test_these_resources_exist_only_with_an_address(kind: str) -> None:
    assert synthesise().resources(SERVICE, kind) == {}
    assert synthesise(**CONNECTED).resources(SERVICE, kind)


def only(kind: str) -> dict[str, Any]:
    return synthesise(**CONNECTED).only(SERVICE, kind)


def topic() -> dict[str, str]:
    (found,) = synthesise(**CONNECTED).resources(SERVICE, "AWS::SNS::Topic")
    return {"Ref": found}


def test_the_address_is_subscribed_to_the_topic() -> None:
    assert only("AWS::SNS::Subscription") == {
        "Endpoint": "team@example.com",
        "Protocol": "email",
        "TopicArn": topic(),
    }


def test_the_topic_is_encrypted_with_a_key_of_its_own_that_rotates() -> None:
    ((key_id, key),) = synthesise(**CONNECTED).resources(SERVICE, "AWS::KMS::Key").items()
    assert only("AWS::SNS::Topic")["KmsMasterKeyId"] == {"Fn::GetAtt": [key_id, "Arn"]}
    assert key["Properties"]["EnableKeyRotation"] is True
    assert key["DeletionPolicy"] == "Delete"
    assert key["Properties"]["PendingWindowInDays"] == 7


def test_the_key_lets_the_two_publishers_encrypt() -> None:
    statements = only("AWS::KMS::Key")["KeyPolicy"]["Statement"]
    (owner,) = (s for s in statements if "AWS" in s["Principal"])
    (publishers,) = (s for s in statements if "Service" in s["Principal"])
    assert owner["Principal"] == {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}
    assert publishers["Principal"]["Service"] == [
        "cloudwatch.amazonaws.com",
        "events.amazonaws.com",
    ]
    assert publishers["Action"] == ["kms:Decrypt", "kms:GenerateDataKey*"]


def test_messages_without_tls_are_denied() -> None:
    statements = only("AWS::SNS::TopicPolicy")["PolicyDocument"]["Statement"]
    (denied,) = (s for s in statements if s["Effect"] == "Deny")
    assert denied["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_only_alarms_of_the_account_and_events_may_publish() -> None:
    """The default policy admits the alarms; CDK's policy replaces it."""
    statements = only("AWS::SNS::TopicPolicy")["PolicyDocument"]["Statement"]
    allowed = {s["Principal"]["Service"]: s for s in statements if s["Effect"] == "Allow"}
    assert allowed.keys() == {"cloudwatch.amazonaws.com", "events.amazonaws.com"}
    for statement in allowed.values():
        assert (statement["Action"], statement["Resource"]) == ("sns:Publish", topic())
    condition = allowed["cloudwatch.amazonaws.com"]["Condition"]
    assert condition == {"StringEquals": {"aws:SourceAccount": ACCOUNT}}
    assert "Condition" not in allowed["events.amazonaws.com"]  # EventBridge supports none
