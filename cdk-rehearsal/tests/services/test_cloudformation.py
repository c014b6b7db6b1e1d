"""CloudFormation of the local AWS: refused types, parameters, the end of operations, exports."""

import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from support.stacks import StackFailedError, Stacks

Client = Callable[[str], Any]

LONGEST_HOLD_SECONDS = 4  # of `cdk_rehearsal.services.cloudformation.api`, which needs MiniStack
TOPIC = {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": "topic"}}


def test_an_unknown_resource_type_is_refused(stacks: Stacks) -> None:
    with pytest.raises(ClientError, match="AWS::Unheard::Of"):
        stacks.deploy("unknown", {"Thing": {"Type": "AWS::Unheard::Of"}})


def test_a_custom_resource_without_its_function_fails(stacks: Stacks) -> None:
    function = "arn:aws:lambda:eu-west-1:111122223333:function:none"
    thing = {"Type": "Custom::Thing", "Properties": {"ServiceToken": function}}
    with pytest.raises(StackFailedError, match=r"Thing: .*Custom::Thing"):
        stacks.deploy("custom", {"Topic": TOPIC, "Thing": thing})


def test_a_parameter_keeps_its_previous_value(stacks: Stacks, client: Client) -> None:
    """The CDK CLI deploys with a change set that keeps the value of the parameter."""
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


def test_a_request_that_begins_an_operation_is_answered_when_it_is_over(client: Client) -> None:
    """Otherwise every deploy of the CDK CLI would take five seconds more, until its next look."""
    cloudformation = client("cloudformation")
    # Enough resources that the creation takes longer than a request.
    addresses = {f"Address{n}": {"Type": "AWS::EC2::EIP"} for n in range(12)}
    begun = time.monotonic()
    cloudformation.create_stack(
        StackName="prompt", TemplateBody=json.dumps({"Resources": addresses})
    )
    answered = time.monotonic()

    def status() -> str:
        return str(cloudformation.describe_stacks(StackName="prompt")["Stacks"][0]["StackStatus"])

    # On a slow machine the operation may take longer than the answer waits.
    assert status() == "CREATE_COMPLETE" or answered > begun + LONGEST_HOLD_SECONDS
    while status() == "CREATE_IN_PROGRESS":
        time.sleep(0.1)
    cloudformation.delete_stack(StackName="prompt")


def _topic(name: str) -> dict[str, Any]:
    return {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": name}}


EXPORT = {"Topic": {"Value": {"Ref": "Topic"}, "Export": {"Name": "the-topic"}}}


IMPORTING = {
    "Subscription": {
        "Type": "AWS::SNS::Subscription",
        "Properties": {
            "TopicArn": {"Fn::ImportValue": "the-topic"},
            "Protocol": "email",
            "Endpoint": "a@example.com",
        },
    }
}


class Topics:
    """A core stack that exports a topic, and a service stack that imports it."""

    def __init__(self, stacks: Stacks, client: Client) -> None:
        self._sns, self._cloudformation = client("sns"), client("cloudformation")
        self.resources = {"Topic": _topic("first"), "Other": _topic("other")}
        stacks.deploy("core", self.resources, Outputs=EXPORT)
        stacks.deploy("user", IMPORTING)

    def names(self) -> list[str]:
        topics = self._sns.list_topics()["Topics"]
        return sorted(topic["TopicArn"].rsplit(":", 1)[1] for topic in topics)

    def exports(self) -> list[str]:
        return [export["Name"] for export in self._cloudformation.list_exports()["Exports"]]

    def core(self) -> dict[str, Any]:
        answer = self._cloudformation.describe_stacks(StackName="core")
        stack: dict[str, Any] = answer["Stacks"][0]
        return stack

    def expect_untouched(self) -> None:
        assert self.names() == ["first", "other"]
        assert self.exports() == ["the-topic"]
        assert self.core()["Outputs"][0]["OutputValue"].endswith(":first")


@pytest.fixture
def topics(stacks: Stacks, client: Client) -> Topics:
    return Topics(stacks, client)


def test_a_change_set_that_only_changes_an_output_can_be_executed(
    stacks: Stacks, client: Client
) -> None:
    stacks.deploy("outputs", {"Topic": TOPIC}, Outputs={"Topic": {"Value": {"Ref": "Topic"}}})
    cloudformation = client("cloudformation")

    def propose(name: str) -> str:
        cloudformation.create_change_set(
            StackName="outputs",
            ChangeSetName=name,
            TemplateBody=json.dumps({"Resources": {"Topic": TOPIC}, "Outputs": EXPORT}),
        )
        made = cloudformation.describe_change_set(StackName="outputs", ChangeSetName=name)
        assert not made["Changes"]
        return str(made["Status"])

    assert propose("export") == "CREATE_COMPLETE"
    cloudformation.execute_change_set(StackName="outputs", ChangeSetName="export")
    stacks.outcome("outputs")
    assert [e["Name"] for e in cloudformation.list_exports()["Exports"]] == ["the-topic"]
    assert propose("again") == "FAILED", "nothing changes any more"


@pytest.mark.parametrize(
    ("resources", "outputs", "reason"),
    [
        ({"Other": _topic("other")}, {}, "Cannot delete export the-topic as it is in use by user"),
        (
            {"Topic": _topic("second"), "New": _topic("new")},
            EXPORT,
            "Cannot update export the-topic as it is in use by user",
        ),
    ],
    ids=["removed", "changed"],
)
def test_an_update_of_an_imported_export_is_rolled_back(
    stacks: Stacks, topics: Topics, resources: Any, outputs: Any, reason: str
) -> None:
    with pytest.raises(StackFailedError, match=reason):
        stacks.deploy("core", resources, Outputs=outputs)
    assert topics.core()["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    topics.expect_untouched()


def test_two_stacks_cannot_have_the_same_export(stacks: Stacks, topics: Topics) -> None:
    with pytest.raises(StackFailedError, match="already exported by stack core"):
        stacks.deploy("thief", {"Topic": _topic("third")}, Outputs=EXPORT)
    topics.expect_untouched()


def test_the_deletion_of_a_stack_whose_export_is_imported_is_canceled(
    topics: Topics, stacks: Stacks, client: Client
) -> None:
    client("cloudformation").delete_stack(StackName="core")
    assert topics.core()["StackStatus"] == "CREATE_COMPLETE"
    events = client("cloudformation").describe_stack_events(StackName="core")["StackEvents"]
    reasons = [event.get("ResourceStatusReason", "") for event in events]
    canceled = "Delete canceled. Cannot delete export the-topic as it is in use by user."
    assert canceled in reasons
    topics.expect_untouched()
    # An export that no stack imports any more can be removed.
    stacks.delete("user")
    stacks.deploy("core", topics.resources)
    assert topics.exports() == []
    stacks.delete("core")
