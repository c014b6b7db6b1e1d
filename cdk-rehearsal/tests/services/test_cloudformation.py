"""CloudFormation of the local AWS: exports that another stack imports, and values of secrets."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from cdk_rehearsal import LocalAws
from support.stacks import StackFailedError, Stacks

Client = Callable[[str], Any]


def topic(name: str) -> dict[str, Any]:
    return {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": name}}


CORE = {"Topic": topic("first"), "Other": topic("other")}
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
IN_USE = "the-topic as it is in use by user"


@pytest.fixture
def topics(stacks: Stacks, client: Client) -> Callable[[], set[str]]:
    """Return the names of all topics, with a stack that exports one and a stack that imports it."""
    stacks.deploy("core", CORE, Outputs=EXPORT)
    stacks.deploy("user", IMPORTING)

    def names() -> set[str]:
        return {t["TopicArn"].rsplit(":", 1)[1] for t in client("sns").list_topics()["Topics"]}

    return names


def test_a_change_set_that_only_changes_an_output_can_be_executed(
    stacks: Stacks, client: Client
) -> None:
    stacks.deploy(
        "outputs", {"Topic": topic("shown")}, Outputs={"Topic": {"Value": {"Ref": "Topic"}}}
    )
    cloudformation = client("cloudformation")

    def propose(name: str) -> str:
        cloudformation.create_change_set(
            StackName="outputs",
            ChangeSetName=name,
            TemplateBody=json.dumps({"Resources": {"Topic": topic("shown")}, "Outputs": EXPORT}),
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
    ("stack", "resources", "outputs", "reason"),
    [
        ("core", {"Other": topic("other")}, {}, f"Cannot delete export {IN_USE}"),
        ("core", {"Topic": topic("second")}, EXPORT, f"Cannot update export {IN_USE}"),
        ("thief", {"Topic": topic("third")}, EXPORT, "already exported by stack core"),
    ],
)
def test_an_export_is_not_removed_or_changed_in_use_and_not_taken_over(
    stacks: Stacks,
    topics: Callable[[], set[str]],
    stack: str,
    resources: Any,
    outputs: Any,
    reason: str,
) -> None:
    with pytest.raises(StackFailedError, match=reason):
        stacks.deploy(stack, resources, Outputs=outputs)
    assert topics() == {"first", "other"}


def test_a_stack_whose_export_is_imported_is_not_deleted(
    topics: Callable[[], set[str]], stacks: Stacks, client: Client
) -> None:
    cloudformation = client("cloudformation")
    with pytest.raises(ClientError, match="the-topic is imported by stack user"):
        cloudformation.delete_stack(StackName="core")
    assert topics() == {"first", "other"}
    # An export that no stack imports any more can be removed.
    stacks.delete("user")
    stacks.deploy("core", CORE)
    assert cloudformation.list_exports()["Exports"] == []


def test_the_value_of_a_secret_is_known_to_the_resource_that_refers_to_it_and_to_nobody_else(
    stacks: Stacks, client: Client, local_aws: LocalAws
) -> None:
    value = "correct-horse-battery-staple"
    client("secretsmanager").create_secret(Name="shop/token", SecretString=value)
    refers = {"DisplayName": "{{resolve:secretsmanager:shop/token}}"}
    deployed = {"Topic": {"Type": "AWS::SNS::Topic", "Properties": refers}}
    outputs = stacks.deploy("told", deployed, Outputs={"Topic": {"Value": {"Ref": "Topic"}}})
    attributes = client("sns").get_topic_attributes(TopicArn=outputs["Topic"])["Attributes"]
    assert attributes["DisplayName"] == value
    cloudformation = client("cloudformation")
    described = [
        cloudformation.describe_stacks(StackName="told"),
        cloudformation.describe_stack_events(StackName="told"),
        cloudformation.get_template(StackName="told", TemplateStage="Processed"),
        local_aws.log(),
    ]
    assert "shop/token" in str(described)
    assert value not in str(described)
