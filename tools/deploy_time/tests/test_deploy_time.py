"""What waits for what, in small graphs and in the stacks, and that the document says so."""

from typing import Any

import pytest

from settings.examples import TOPOLOGIES
from tools.deploy_time.__main__ import tables
from tools.deploy_time.graph import CreationGraph
from tools.example_templates import example_templates
from tools.generated_part import GeneratedPart

ROLE, POLICY, GROUP = "AWS::IAM::Role", "AWS::IAM::Policy", "AWS::Logs::LogGroup"
ALLOW_ALL = {"Statement": [], "Version": "2012-10-17"}
A_ROLE = {"Type": ROLE, "Properties": {"AssumeRolePolicyDocument": ALLOW_ALL}}


def policy(name: Any, **more: Any) -> dict[str, Any]:
    properties = {"PolicyName": name, "PolicyDocument": ALLOW_ALL, "Roles": ["r"]}
    return {"Type": POLICY, "Properties": properties, **more}


def graph_of(**resources: Any) -> CreationGraph:
    return CreationGraph({"Resources": resources})


def graph_of_stack(topology: str, ending: str) -> CreationGraph:
    by_stack = example_templates(**TOPOLOGIES[topology])
    (template,) = (t for stack, t in by_stack.items() if stack.endswith(ending))
    return CreationGraph(template)


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
    graph = graph_of(Then=waiting, First=A_ROLE, Group={"Type": GROUP})
    assert graph.steps == {"First": 1, "Group": 1, "Then": 2}
    assert "First" in graph.before("Then")
    assert graph.after("First") == {"Then"}


def test_the_longest_chain_decides_and_of_two_as_long_ones_both() -> None:
    graph = graph_of(
        One=A_ROLE,
        Two=A_ROLE,
        Aside=A_ROLE,
        Between=policy({"Fn::Sub": "${One}${Two}"}),
        Last=policy({"Fn::Sub": "${Between}${Aside}"}),
    )
    assert graph.length == 3
    assert graph.longest_chains() == {"One", "Two", "Between", "Last"}
    assert graph.longest_chains("Aside") == {"Aside"}
    assert graph.before("Last") == {"One", "Two", "Between", "Aside"}


@pytest.mark.parametrize("topology", TOPOLOGIES)
def test_the_service_waits_for_its_image_and_for_nothing_longer(topology: str) -> None:
    graph = graph_of_stack(topology, "BackendServiceStack")
    chain = graph.longest_chains(graph.only("AWS::ECS::Service"))
    steps = sorted((graph.steps[each], graph.kinds[each]) for each in chain)
    assert [kind for _, kind in steps] == [
        "AWS::ECR::Repository",
        ROLE,
        GROUP,
        POLICY,
        "AWS::Lambda::Function",
        "Custom::CDKECRDeployment",
        "AWS::ECS::Service",
    ]


@pytest.mark.parametrize("topology", TOPOLOGIES)
def test_only_auto_scaling_and_the_pipeline_wait_for_the_service(topology: str) -> None:
    graph = graph_of_stack(topology, "BackendServiceStack")
    waiting = {graph.kinds[each] for each in graph.after(graph.only("AWS::ECS::Service"))}
    assert waiting <= {
        "AWS::ApplicationAutoScaling::ScalableTarget",
        "AWS::ApplicationAutoScaling::ScalingPolicy",
        "AWS::CodePipeline::Pipeline",
        "AWS::CodePipeline::Webhook",
    }


def test_the_nat_gateway_waits_for_its_place_in_the_network_only() -> None:
    graph = graph_of_stack("default", "CoreInfraStack")
    before = graph.before(graph.only("AWS::EC2::NatGateway"))
    assert {graph.kinds[each].removeprefix("AWS::EC2::") for each in before} == {
        *("EIP", "VPC", "Subnet", "RouteTable", "SubnetRouteTableAssociation", "Route"),
        *("InternetGateway", "VPCGatewayAttachment"),
    }


def test_the_document_says_what_the_templates_say() -> None:
    written = {name: GeneratedPart("deploy-time.md", name).read() for name in tables()}
    remedy = "run `make deploy-time` and commit docs/deploy-time.md"
    assert written == tables(), remedy
