"""One architecture for the task, the build and the seed."""

import pytest

from backend_service.cpu_architecture import CpuArchitecture
from settings import CpuArchitecture as CpuArchitectureSetting
from tests.synthesis import CONNECTED, synthesise

SERVICE = "BackendServiceStack"


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
    parameters = synthesis.templates[synthesis.stack_name(SERVICE)]["Parameters"]
    copied = synthesis.only(SERVICE, "Custom::CDKECRDeployment")["ImageArch"]
    assert parameters[copied["Ref"]]["Default"] == seed


def test_the_settings_know_the_same_architectures() -> None:
    assert {str(a) for a in CpuArchitectureSetting} == {str(a) for a in CpuArchitecture}
