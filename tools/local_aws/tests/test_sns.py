"""SNS of the local AWS: the policy of a topic."""

import json
from collections.abc import Callable
from typing import Any

from tools.local_aws import Inventory, LocalAws
from tools.local_aws.tests.stacks import Stacks

Client = Callable[[str], Any]

TOPIC = {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": "topic"}}


def test_a_topic_policy_can_be_found_again(
    stacks: Stacks, client: Client, local_aws: LocalAws
) -> None:
    statement = {
        "Sid": "events",
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": "sns:Publish",
        "Resource": {"Ref": "Topic"},
    }
    document = {"Version": "2012-10-17", "Statement": [statement]}
    policy = {
        "Type": "AWS::SNS::TopicPolicy",
        "Properties": {"Topics": [{"Ref": "Topic"}], "PolicyDocument": document},
    }
    stacks.deploy("topicpolicy", {"Topic": TOPIC, "Policy": policy})
    (topic,) = client("sns").list_topics()["Topics"]
    attributes = client("sns").get_topic_attributes(TopicArn=topic["TopicArn"])["Attributes"]
    (read,) = json.loads(attributes["Policy"])["Statement"]
    assert read == statement | {"Resource": topic["TopicArn"]}
    assert Inventory(local_aws.access).missing(["topicpolicy"]) == []
