"""What waits for what, and for how long."""

from typing import Any

import pytest

from deploy_time.durations import read_durations
from deploy_time.schedule import prerequisites, schedule
from tests.synthesis import TOPOLOGIES, synthesise

ROLE, POLICY, GROUP = "AWS::IAM::Role", "AWS::IAM::Policy", "AWS::Logs::LogGroup"
ALLOW_ALL = {"Statement": [], "Version": "2012-10-17"}


def policy(name: Any, **more: Any) -> dict[str, Any]:
    properties = {"PolicyName": name, "PolicyDocument": ALLOW_ALL, "Roles": ["r"]}
    return {"Type": POLICY, "Properties": properties, **more}


@pytest.mark.parametrize(
    "waiting",
    [
        policy({"Ref": "First"}),
        policy({"Fn::GetAtt": ["First", "Arn"]}),
        policy({"Fn::Join": ["", ["x-", {"Ref": "First"}]]}),
        policy({"Fn::Sub": "x-${First.Arn}"}),
        policy("x", DependsOn="First"),
        policy("x", DependsOn=["Group", "First"]),
    ],
    ids=["Ref", "GetAtt", "Join", "Sub", "DependsOn one", "DependsOn several"],
)
def test_a_resource_is_begun_when_all_that_it_names_is_complete(waiting: dict[str, Any]) -> None:
    first = {"Type": ROLE, "Properties": {"AssumeRolePolicyDocument": ALLOW_ALL}}
    group = {"Type": GROUP}
    resources = {"Then": waiting, "First": first, "Group": group}
    path = schedule({"Resources": resources}).critical_path
    assert [step.logical_id for step in path] == ["First", "Then"]
    role, policy_seconds = read_durations()[ROLE].seconds, read_durations()[POLICY].seconds
    assert [(step.start, step.end) for step in path] == [(0, role), (role, role + policy_seconds)]


@pytest.mark.parametrize("topology", TOPOLOGIES)
def test_every_type_has_a_duration(topology: str) -> None:
    for template in synthesise(**TOPOLOGIES[topology]).templates.values():
        assert len(schedule(template).steps) == len(template["Resources"])


def test_every_duration_is_of_a_type_that_there_is() -> None:
    kinds = {
        step.kind
        for changes in TOPOLOGIES.values()
        for template in synthesise(**changes).templates.values()
        for step in schedule(template).steps
    }
    assert set(read_durations()) == kinds


def test_what_has_no_source_is_called_a_guess() -> None:
    unsourced = [d.basis for d in read_durations().values() if d.source is None]
    assert [basis for basis in unsourced if not basis.startswith("guess")] == []


@pytest.mark.parametrize("topology", TOPOLOGIES)
def test_the_service_waits_for_its_image_and_for_nothing_longer(topology: str) -> None:
    synthesis = synthesise(**TOPOLOGIES[topology])
    template = synthesis.templates[synthesis.stack_name("BackendServiceStack")]
    assert [step.kind for step in schedule(template).path_to("AWS::ECS::Service")] == [
        ROLE,
        POLICY,
        "AWS::Lambda::Function",
        "Custom::CDKECRDeployment",
        "AWS::ECS::Service",
    ]


@pytest.mark.parametrize("topology", TOPOLOGIES)
def test_nothing_that_takes_long_is_left_when_the_service_is_there(topology: str) -> None:
    synthesis = synthesise(**TOPOLOGIES[topology])
    steps = schedule(synthesis.templates[synthesis.stack_name("BackendServiceStack")])
    service = steps.path_to("AWS::ECS::Service")[-1]
    assert steps.critical_path[-1].end - service.end < 10


def test_of_two_that_end_together_both_decide() -> None:
    role = {"Type": ROLE, "Properties": {"AssumeRolePolicyDocument": ALLOW_ALL}}
    waiting = policy({"Fn::Sub": "${One}${Two}"})
    steps = schedule({"Resources": {"One": role, "Two": role, "Last": waiting}})
    assert [step.logical_id for step in steps.critical_path] == ["One", "Two", "Last"]


def test_the_nat_gateway_waits_for_its_place_in_the_network_only() -> None:
    resources = synthesise().templates["CoreInfraStack"]["Resources"]
    before = prerequisites(synthesise().templates["CoreInfraStack"])
    (nat,) = (key for key, r in resources.items() if r["Type"] == "AWS::EC2::NatGateway")
    found: set[str] = set()
    waiting = {nat}
    while waiting:
        found |= waiting
        waiting = {other for key in waiting for other in before[key]} - found
    assert {resources[key]["Type"].removeprefix("AWS::EC2::") for key in found - {nat}} == {
        *("EIP", "VPC", "Subnet", "RouteTable", "SubnetRouteTableAssociation", "Route"),
        *("InternetGateway", "VPCGatewayAttachment"),
    }
