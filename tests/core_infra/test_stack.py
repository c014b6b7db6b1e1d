"""The outputs of the core stack, and its synthesis without knowledge about the account."""

from typing import Any

from tests.synthesis import ISOLATED, Synthesis, synthesise

CORE = "CoreInfraStack"
OUTPUTS = {
    "VpcId",
    "VpcName",
    "VpcCidr",
    "AvailabilityZones",
    "PublicSubnetIds",
    "PrivateSubnetIds",
    "EcsClusterName",
    "EcsClusterArn",
    "TaskExecutionRoleName",
    "TaskExecutionRoleArn",
    "NamespaceNames",
    "NamespaceArns",
    "NamespaceIds",
}


def outputs(synthesis: Synthesis) -> dict[str, Any]:
    """Return the values of the outputs that are not CDK's exports for the service stack."""
    found = synthesis.templates[CORE]["Outputs"]
    return {key: output["Value"] for key, output in found.items() if "Export" not in output}


def listed(value: Any) -> list[Any]:
    """Take a comma-joined list of references apart."""
    return list(value["Fn::Join"][1][::2])


def test_the_outputs_are_those_of_the_contract() -> None:
    assert set(outputs(synthesise())) == OUTPUTS


def test_a_service_can_switch_ecs_exec_off_again() -> None:
    """CloudFormation removes no export that the deployed service imports."""
    with_exec = synthesise(enable_execute_command="True").templates[CORE]["Outputs"]
    assert with_exec == synthesise().templates[CORE]["Outputs"]


def test_lists_are_joined_with_commas_in_the_same_order() -> None:
    isolated = outputs(synthesise(**ISOLATED))
    names = ISOLATED["namespaces"].split(",")
    kind = "AWS::ServiceDiscovery::PrivateDnsNamespace"
    namespaces = synthesise(**ISOLATED).resources(CORE, kind)
    ids = {value["Properties"]["Name"]: key for key, value in namespaces.items()}
    in_order = [ids[f"{name}.ecs-blueprint-infra.local"] for name in names]
    assert isolated["NamespaceNames"].split(",") == list(ids)
    assert listed(isolated["NamespaceArns"]) == [{"Fn::GetAtt": [i, "Arn"]} for i in in_order]
    assert listed(isolated["NamespaceIds"]) == [{"Fn::GetAtt": [i, "Id"]} for i in in_order]
    assert isolated["AvailabilityZones"] == ISOLATED["availability_zones"]
    assert isolated["NamespaceArns"]["Fn::Join"][1][1] == ","


def test_the_outputs_distinguish_public_and_private_subnets() -> None:
    for changes, private in (({}, "Private"), (ISOLATED, "Isolated")):
        synthesis = synthesise(**changes)
        kinds = {
            key: next(
                tag["Value"]
                for tag in subnet["Properties"]["Tags"]
                if tag["Key"] == "aws-cdk:subnet-type"
            )
            for key, subnet in synthesis.resources(CORE, "AWS::EC2::Subnet").items()
        }
        found = outputs(synthesis)
        zones = len(kinds) // 2
        assert [kinds[s["Ref"]] for s in listed(found["PublicSubnetIds"])] == ["Public"] * zones
        assert [kinds[s["Ref"]] for s in listed(found["PrivateSubnetIds"])] == [private] * zones


def test_synthesis_looks_nothing_up_in_the_account() -> None:
    for changes in ({}, ISOLATED):
        assert "missing" not in synthesise(**changes).file("manifest.json")


def test_resources_that_a_service_uses_cannot_be_deleted() -> None:
    """CloudFormation deletes no exported value that another stack imports."""
    exported = {
        str(output["Value"])
        for output in synthesise().templates[CORE]["Outputs"].values()
        if "Export" in output
    }
    for kind in (
        "AWS::EC2::VPC",
        "AWS::ECS::Cluster",
        "AWS::ServiceDiscovery::PrivateDnsNamespace",
    ):
        (resource,) = synthesise().resources(CORE, kind)
        assert any(resource in value for value in exported), kind
