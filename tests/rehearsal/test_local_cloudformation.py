"""CloudFormation of the local AWS: what it refuses, what it keeps, what it tells."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from rehearsal.local_aws import Inventory, LocalAws
from tests.rehearsal.stacks import StackFailedError, Stacks

Client = Callable[[str], Any]

TOPIC = {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": "topic"}}


def test_an_unknown_resource_type_is_refused_by_name(stacks: Stacks) -> None:
    with pytest.raises(ClientError, match="AWS::Unheard::Of"):
        stacks.deploy("unknown", {"Thing": {"Type": "AWS::Unheard::Of"}})


@pytest.mark.parametrize("kind", ["Custom::AWS", "AWS::CloudFormation::CustomResource"])
def test_an_unknown_custom_resource_fails_by_name(stacks: Stacks, kind: str) -> None:
    helper = "arn:aws:lambda:eu-west-1:111122223333:function:helper"
    thing = {"Type": kind, "Properties": {"ServiceToken": helper}}
    with pytest.raises(StackFailedError, match=f"Thing: .*{kind}"):
        stacks.deploy("custom", {"Topic": TOPIC, "Thing": thing})


def test_a_failed_creation_is_rolled_back(stacks: Stacks, client: Client) -> None:
    broken = {"Type": "Custom::Broken", "Properties": {"Topic": {"Ref": "Topic"}}}
    with pytest.raises(StackFailedError):
        stacks.deploy("rolledback", {"Topic": TOPIC, "Broken": broken})
    assert client("sns").list_topics()["Topics"] == []


def test_a_parameter_keeps_its_previous_value(stacks: Stacks, client: Client) -> None:
    """As the CDK CLI deploys: a change set that says nothing about the parameter."""
    template: dict[str, Any] = {
        "Parameters": {"Name": {"Type": "String", "Default": "first"}},
        "Resources": {
            "Topic": {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": {"Ref": "Name"}}}
        },
    }
    stacks.deploy("parameters", template["Resources"], Parameters=template["Parameters"])
    template["Parameters"]["Name"]["Default"] = "second"
    template["Resources"]["Other"] = TOPIC
    cloudformation = client("cloudformation")
    cloudformation.create_change_set(
        StackName="parameters",
        ChangeSetName="change",
        TemplateBody=json.dumps(template),
        Parameters=[{"ParameterKey": "Name", "UsePreviousValue": True}],
    )
    cloudformation.execute_change_set(StackName="parameters", ChangeSetName="change")
    stacks.outcome("parameters")
    topics = {t["TopicArn"].rsplit(":", 1)[1] for t in client("sns").list_topics()["Topics"]}
    assert topics == {"first", "topic"}


def test_the_answer_comes_when_the_operation_is_over(client: Client) -> None:
    """Otherwise every deploy of the CDK CLI would wait for its next look, five seconds later."""
    cloudformation = client("cloudformation")
    # Enough resources that the creation takes longer than a request.
    addresses = {f"Address{n}": {"Type": "AWS::EC2::EIP"} for n in range(12)}
    body = json.dumps({"Resources": addresses})
    cloudformation.create_stack(StackName="prompt", TemplateBody=body)
    (stack,) = cloudformation.describe_stacks(StackName="prompt")["Stacks"]
    assert stack["StackStatus"] == "CREATE_COMPLETE"
    cloudformation.delete_stack(StackName=stack["StackId"])
    (stack,) = cloudformation.describe_stacks(StackName=stack["StackId"])["Stacks"]
    assert stack["StackStatus"] == "DELETE_COMPLETE"


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


def test_a_secret_is_known_by_its_arn(stacks: Stacks, client: Client) -> None:
    secret = {"Type": "AWS::SecretsManager::Secret", "Properties": {"Name": "a-name-with-dashes"}}
    outputs = {"Arn": {"Value": {"Ref": "Secret"}}}
    arn = stacks.deploy("secret", {"Secret": secret}, Outputs=outputs)["Arn"]
    (read,) = client("secretsmanager").list_secrets()["SecretList"]
    assert read["ARN"] == arn
    described = secret["Properties"] | {"Description": "changed"}  # type: ignore[operator]
    stacks.deploy("secret", {"Secret": secret | {"Properties": described}}, Outputs=outputs)
    assert client("secretsmanager").describe_secret(SecretId=arn)["Description"] == "changed"
    stacks.delete("secret")
    assert client("secretsmanager").list_secrets()["SecretList"] == []


def test_a_composite_alarm_follows_its_rule(stacks: Stacks, client: Client) -> None:
    alarm = {"Type": "AWS::CloudWatch::Alarm", "Properties": _alarm("cpu")}
    rule = 'ALARM("cpu")'
    composite = {
        "Type": "AWS::CloudWatch::CompositeAlarm",
        "Properties": {"AlarmName": "any", "AlarmRule": rule},
        "DependsOn": "Alarm",
    }
    arn = {"Arn": {"Value": {"Fn::GetAtt": ["Composite", "Arn"]}}}
    outputs = stacks.deploy("alarms", {"Alarm": alarm, "Composite": composite}, Outputs=arn)
    (read,) = client("cloudwatch").describe_alarms(AlarmTypes=["CompositeAlarm"])["CompositeAlarms"]
    assert (read["AlarmName"], read["AlarmRule"], read["AlarmArn"]) == ("any", rule, outputs["Arn"])


def _alarm(name: str) -> dict[str, Any]:
    return {
        "AlarmName": name,
        "Namespace": "AWS/ECS",
        "MetricName": "CPUUtilization",
        "Statistic": "Average",
        "Period": 60,
        "EvaluationPeriods": 3,
        "Threshold": 90,
        "ComparisonOperator": "GreaterThanThreshold",
    }
