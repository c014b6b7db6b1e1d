"""The topic: who may publish, over what, and who reads it."""

from typing import Any

from rehearsal.sample_settings import ACCOUNT
from tests.synthesis import CONNECTED, synthesise

SERVICE = "BackendServiceStack"


def only(kind: str) -> dict[str, Any]:
    return synthesise(**CONNECTED).only(SERVICE, kind)


def topic() -> dict[str, str]:
    (found,) = synthesise(**CONNECTED).resources(SERVICE, "AWS::SNS::Topic")
    return {"Ref": found}


def test_the_address_is_subscribed() -> None:
    assert only("AWS::SNS::Subscription") == {
        "Endpoint": "team@example.com",
        "Protocol": "email",
        "TopicArn": topic(),
    }


def test_it_is_encrypted_with_a_key_of_its_own_that_rotates() -> None:
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
    """CDK's policy takes the place of the default one, which would have let the alarms in."""
    statements = only("AWS::SNS::TopicPolicy")["PolicyDocument"]["Statement"]
    allowed = {s["Principal"]["Service"]: s for s in statements if s["Effect"] == "Allow"}
    assert allowed.keys() == {"cloudwatch.amazonaws.com", "events.amazonaws.com"}
    for statement in allowed.values():
        assert (statement["Action"], statement["Resource"]) == ("sns:Publish", topic())
    condition = allowed["cloudwatch.amazonaws.com"]["Condition"]
    assert condition == {"StringEquals": {"aws:SourceAccount": ACCOUNT}}
