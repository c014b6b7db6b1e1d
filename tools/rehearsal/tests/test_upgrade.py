"""An update from the templates of an earlier revision replaces and removes nothing."""

from functools import cache
from typing import Any

import pytest

from settings.examples import REGION, TOPOLOGIES
from tools.rehearsal.upgrade.changes import ON_PURPOSE, Change, changes
from tools.rehearsal.upgrade.deployed import deployed


@cache
def changes_of(topology: str) -> list[Change]:
    before = deployed()[topology]
    return changes(before.templates, before.templates_of_today(), region=REGION)


def test_every_topology_has_been_deployed() -> None:
    assert set(deployed()) == set(TOPOLOGIES)


@pytest.mark.parametrize("topology", TOPOLOGIES)
def test_an_update_replaces_and_removes_nothing(topology: str) -> None:
    """CONTRIBUTING.md says what to do when this fails."""
    unwanted = [f"{topology}: {c}" for c in changes_of(topology) if c.name not in ON_PURPOSE]
    assert not unwanted, "\n".join(unwanted)


def test_what_is_replaced_on_purpose_is_still_replaced() -> None:
    """Else its entry would hide the next change of the same name."""
    stale = set(ON_PURPOSE)
    for topology in deployed() if stale else ():
        stale -= {change.name for change in changes_of(topology)}
    assert stale == set()


def test_the_deployed_templates_can_be_compared_as_they_stand() -> None:
    """Mappings, conditions and macros would have to be evaluated first."""
    for topology in deployed().values():
        for template in topology.templates.values():
            assert not template.keys() & {"Mappings", "Conditions", "Transform"}


VPC = {"Type": "AWS::EC2::VPC", "Properties": {"CidrBlock": "10.0.0.0/16"}}
SUBNET = {
    "Type": "AWS::EC2::Subnet",
    "Properties": {"VpcId": {"Ref": "Vpc"}, "CidrBlock": "10.0.1.0/24"},
}
SERVICE = {
    "Type": "AWS::ECS::Service",
    "Properties": {"ServiceName": "orders", "TaskDefinition": {"Ref": "Task"}},
}
TASK = {
    "Type": "AWS::ECS::TaskDefinition",
    "Properties": {"Family": "orders", "ContainerDefinitions": [{"Image": "orders:1"}]},
}
REPOSITORY = {"Type": "AWS::ECR::Repository", "DeletionPolicy": "Retain"}
IMAGE = {"Type": "Custom::Image", "Properties": {"To": {"Fn::GetAtt": ["Repository", "Uri"]}}}
TEMPLATE: dict[str, Any] = {
    "Resources": {
        "Vpc": VPC,
        "Subnet": SUBNET,
        "Service": SERVICE,
        "Task": TASK,
        "Repository": REPOSITORY,
        "Image": IMAGE,
    },
    "Outputs": {
        "VpcExport": {"Value": {"Ref": "Vpc"}, "Export": {"Name": "vpc"}},
        "ServiceName": {"Value": {"Fn::GetAtt": ["Service", "Name"]}},
    },
}


def updated(*, outputs: dict[str, Any] | None = None, **resources: Any) -> list[str]:
    """Return what an update says whose template differs in these; None: it has not got it."""
    new = {
        "Resources": TEMPLATE["Resources"] | resources,
        "Outputs": TEMPLATE["Outputs"] | (outputs or {}),
    }
    kept = {section: {k: v for k, v in of.items() if v is not None} for section, of in new.items()}
    return [f"{c.name} {c.what}" for c in changes({"S": TEMPLATE}, {"S": kept}, region=REGION)]


def changed(resource: dict[str, Any], **properties: Any) -> dict[str, Any]:
    return resource | {"Properties": resource.get("Properties", {}) | properties}


def test_the_same_template_changes_nothing() -> None:
    assert updated() == []


def test_what_can_change_in_place_may_change() -> None:
    assert updated(Service=changed(SERVICE, DesiredCount=2), Vpc=changed(VPC, Tags=[])) == []


def test_new_resources_and_outputs_are_welcome() -> None:
    assert updated(Other=VPC, outputs={"Other": {"Value": "1"}}) == []


@pytest.mark.parametrize(
    ("name", "found"), [("/aws/ecs/containerinsights/x", True), ("/ecs/x", False), (None, False)]
)
def test_a_new_log_group_that_aws_may_have_made_already_is_found(
    name: str | None, *, found: bool
) -> None:
    group = {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": name}}
    said = [f'Group.LogGroupName (AWS::Logs::LogGroup) is new: where "{name}" exists, it fails']
    assert updated(Group=group) == (said if found else [])


def test_an_output_that_is_no_export_may_change() -> None:
    assert updated(outputs={"ServiceName": {"Value": "orders"}}) == []


def test_a_removed_stack_is_found() -> None:
    assert [str(c) for c in changes({"Stack": TEMPLATE}, {}, region=REGION)] == [
        "Stack: Stack is no stack of the app any more"
    ]


def test_a_removed_resource_is_found() -> None:
    assert updated(Service=None) == ["Service (AWS::ECS::Service) is removed"]


def test_another_logical_id_is_found() -> None:
    assert updated(Service=None, Other=SERVICE) == ["Service (AWS::ECS::Service) is removed"]


def test_another_type_is_found() -> None:
    assert updated(Service=VPC) == [
        'Service.Type changes from "AWS::ECS::Service" to "AWS::EC2::VPC": replaced'
    ]


@pytest.mark.parametrize(
    ("properties", "after"),
    [({"ServiceName": "jobs"}, '"jobs"'), ({"ServiceName": None}, "nothing")],
)
def test_a_property_that_is_fixed_at_creation_is_found(
    properties: dict[str, Any], after: str
) -> None:
    assert updated(Service=changed(SERVICE, **properties)) == [
        f'Service.ServiceName (AWS::ECS::Service) changes from "orders" to {after}: replaced'
    ]


def test_a_property_that_is_fixed_in_some_cases_is_found() -> None:
    assert updated(Service=changed(SERVICE, LaunchType="FARGATE")) == [
        'Service.LaunchType (AWS::ECS::Service) changes from nothing to "FARGATE": may be replaced'
    ]


def test_a_part_of_a_property_is_found() -> None:
    (found, *_) = updated(
        Repository=changed(REPOSITORY, EncryptionConfiguration={"EncryptionType": "KMS"})
    )
    assert found.startswith("Repository.EncryptionConfiguration")


def test_what_refers_to_something_replaced_is_replaced_with_it() -> None:
    found = updated(Vpc=changed(VPC, CidrBlock="10.1.0.0/16"))
    assert found == [
        'Vpc.CidrBlock (AWS::EC2::VPC) changes from "10.0.0.0/16" to "10.1.0.0/16": replaced',
        "Subnet.VpcId (AWS::EC2::Subnet) refers to Vpc: replaced with it",
        "VpcExport.Value (an export) refers to Vpc: changes with it",
    ]


def test_a_task_definition_gets_revisions() -> None:
    assert updated(Task=changed(TASK, ContainerDefinitions=[{"Image": "orders:2"}])) == []


def test_another_family_is_found() -> None:
    assert updated(Task=changed(TASK, Family="jobs")) == [
        'Task.Family (AWS::ECS::TaskDefinition) changes from "orders" to "jobs": another one begins'
    ]


def test_any_property_of_a_custom_resource_is_found() -> None:
    """Only its function knows whether it answers with another physical id."""
    assert updated(Image=changed(IMAGE, Retries=3)) == [
        "Image.Retries (Custom::Image) changes from nothing to 3: its function may replace it"
    ]


@pytest.mark.parametrize("attribute", ["DeletionPolicy", "UpdateReplacePolicy"])
def test_another_end_is_found(attribute: str) -> None:
    (found,) = updated(Repository=REPOSITORY | {attribute: "Delete"})
    assert found.startswith(f"Repository.{attribute} (AWS::ECR::Repository) changes from ")


def test_a_removed_output_is_found() -> None:
    assert updated(outputs={"ServiceName": None}) == ["ServiceName is no output any more"]


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        (
            {"Value": {"Ref": "Vpc"}},
            'VpcExport.Export (an export) changes from {"Name": "vpc"} to nothing',
        ),
        (
            {"Value": {"Ref": "Subnet"}, "Export": {"Name": "vpc"}},
            'VpcExport.Value (an export) changes from {"Ref": "Vpc"} to {"Ref": "Subnet"}',
        ),
    ],
    ids=["its name", "its value"],
)
def test_an_export_that_others_may_import_stays(output: dict[str, Any], expected: str) -> None:
    assert updated(outputs={"VpcExport": output}) == [expected]


def test_a_type_without_a_schema_is_not_passed_over() -> None:
    unheard = {"Stack": {"Resources": {"Thing": {"Type": "AWS::Unheard::Of"}}}}
    with pytest.raises(LookupError, match="AWS::Unheard::Of"):
        changes(unheard, unheard, region=REGION)
