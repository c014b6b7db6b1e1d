"""The service stack as a whole: its outputs, its dependencies, and values that must agree."""

import json
import re
from importlib import import_module
from typing import Any

import pytest

from tests.synthesis import CONNECTED, EXISTING, TOPOLOGIES, synthesise

SERVICE = "BackendServiceStack"
IN_FLIGHT_SECONDS = import_module(
    "ecsdemo_backend.drain"
).IN_FLIGHT_SECONDS  # of the sample service
OUTPUTS = {
    "ServiceName",
    "ServiceArn",
    "ServiceDiscoveryEndpoint",
    "ServiceSecurityGroupId",
    "TaskDefinitionFamily",
    "ImageRepositoryUri",
    "PipelineName",
    "PipelineConsoleUrl",
    "LogGroupName",
    "DashboardUrl",
}


def outputs(**changes: str) -> dict[str, Any]:
    synthesis = synthesise(**changes)
    found = synthesis.templates[synthesis.stack_name(SERVICE)]["Outputs"]
    return {key: output["Value"] for key, output in found.items()}


@pytest.mark.parametrize("topology", TOPOLOGIES)
def test_the_outputs_are_those_of_the_contract(topology: str) -> None:
    assert set(outputs(**TOPOLOGIES[topology])) == OUTPUTS


def test_callers_find_the_service_under_its_name_in_the_namespace() -> None:
    endpoint = outputs()["ServiceDiscoveryEndpoint"]
    assert endpoint == "ecsdemo-backend.default.ecs-blueprint-infra.local:3000"


def test_the_console_pages_are_those_of_the_pipeline_and_the_dashboard() -> None:
    pipeline = synthesise().only(SERVICE, "AWS::CodePipeline::Pipeline")["Name"]
    dashboard = synthesise().only(SERVICE, "AWS::CloudWatch::Dashboard")["DashboardName"]
    assert f"/pipelines/{pipeline}/view" in outputs()["PipelineConsoleUrl"]
    assert outputs()["DashboardUrl"].endswith(f"/{dashboard}")


@pytest.mark.parametrize("topology", TOPOLOGIES)
def test_no_output_is_the_representation_of_an_object(topology: str) -> None:
    for name, template in synthesise(**TOPOLOGIES[topology]).templates.items():
        text = json.dumps(template["Outputs"])
        assert not re.search(r"<[a-z_.]+ object|\$\{Token|\['|\('", text, re.IGNORECASE), name


def test_it_is_deployed_after_the_core_stack_that_it_imports_from() -> None:
    artifacts = synthesise().file("manifest.json")["artifacts"]
    assert "CoreInfraStack" in artifacts[SERVICE]["dependencies"]


def test_without_a_core_stack_it_waits_for_no_other_stack() -> None:
    artifacts = synthesise(**EXISTING).file("manifest.json")["artifacts"]
    assert artifacts[SERVICE]["dependencies"] == [f"{SERVICE}.assets"]


def test_these_resources_have_the_names_of_cluster_and_service() -> None:
    name = "ecs-blueprint-infra-ecsdemo-backend"
    for kind, key in (
        ("AWS::ECS::TaskDefinition", "Family"),
        ("AWS::CodeBuild::Project", "Name"),
        ("AWS::CodePipeline::Pipeline", "Name"),
        ("AWS::CloudWatch::Dashboard", "DashboardName"),
    ):
        assert synthesise().only(SERVICE, kind)[key] == name, kind


@pytest.mark.parametrize(
    ("changes", "task", "build_type", "build_image", "seed"),
    [
        ({}, "X86_64", "LINUX_CONTAINER", "amazonlinux-x86_64-standard", "amd64"),
        (CONNECTED, "ARM64", "ARM_CONTAINER", "amazonlinux-aarch64-standard", "arm64"),
    ],
    ids=["X86_64", "ARM64"],
)
def test_task_build_and_seed_agree(
    changes: dict[str, str], task: str, build_type: str, build_image: str, seed: str
) -> None:
    synthesis = synthesise(**changes)
    definition = synthesis.only(SERVICE, "AWS::ECS::TaskDefinition")
    environment = synthesis.only(SERVICE, "AWS::CodeBuild::Project")["Environment"]
    assert definition["RuntimePlatform"]["CpuArchitecture"] == task
    assert environment["Type"] == build_type
    assert environment["Image"].startswith(f"aws/codebuild/{build_image}:")
    assert synthesis.only(SERVICE, "Custom::FirstImage")["Architecture"] == seed


@pytest.mark.parametrize(
    ("settings", "seconds_of_calls"),
    [
        # DNS may answer with an address for a minute more, and callers cache it for its TTL:
        # https://docs.aws.amazon.com/Route53/latest/APIReference/API_ChangeResourceRecordSets.html
        ({}, 60 + 10),
        ({"dns_ttl_seconds": "40", "stop_timeout_seconds": "120"}, 60 + 40),
        # A shorter stop timeout must still cover the TTL.
        ({"dns_ttl_seconds": "100", "stop_timeout_seconds": "120"}, 100),
    ],
)
def test_a_stopping_task_serves_as_long_as_callers_know_its_address(
    settings: dict[str, str], seconds_of_calls: int
) -> None:
    synthesis = synthesise(**settings)
    (container,) = synthesis.only(SERVICE, "AWS::ECS::TaskDefinition")["ContainerDefinitions"]
    variables = {each["Name"]: each["Value"] for each in container["Environment"]}
    drain = int(variables["DRAIN_SECONDS"])
    assert seconds_of_calls < drain
    assert drain + IN_FLIGHT_SECONDS < container["StopTimeout"]
