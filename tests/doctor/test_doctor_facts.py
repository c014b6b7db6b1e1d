"""What the doctor knows by heart is what the app really does. No AWS is asked."""

from collections.abc import Mapping

import pytest

from core_infra.names import start_task_services
from doctor.checks import bootstrap, taken_name, way_out
from doctor.fargate_zones import has_fargate
from rehearsal.sample_settings import REGION, sample_env
from settings import Settings, load_deployment
from tests.synthesis import TOPOLOGIES, Synthesis, synthesise

# The properties that name a resource for the whole account and region.
NAMES = {
    "AWS::CloudWatch::Dashboard": "DashboardName",
    "AWS::CodeBuild::Project": "Name",
    "AWS::CodePipeline::Pipeline": "Name",
    "AWS::ECR::Repository": "RepositoryName",
    "AWS::ECS::Cluster": "ClusterName",
    "AWS::Logs::LogGroup": "LogGroupName",
}


def named(synthesis: Synthesis) -> set[tuple[str, str, str]]:
    return {
        (resource["Type"], resource["Properties"][key], stack)
        for stack, template in synthesis.templates.items()
        for resource in template["Resources"].values()
        if (key := NAMES.get(resource["Type"])) in resource.get("Properties", {})
    }


@pytest.mark.parametrize("changes", TOPOLOGIES.values(), ids=TOPOLOGIES.keys())
def test_every_name_of_the_templates_is_looked_for(
    changes: Mapping[str, str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("names") / ".env"
    path.write_text(sample_env(**changes), encoding="utf-8")
    (settings,) = load_deployment(str(path))
    assert isinstance(settings, Settings)
    known = {(name.kind, name.name, name.stack) for name in taken_name.names_of(settings)}
    assert known == named(synthesise(**changes))


def test_the_bootstrap_version_is_the_one_that_assemblies_ask_for() -> None:
    artifacts = synthesise().file("manifest.json")["artifacts"].values()
    stacks = [a["properties"] for a in artifacts if a["type"] == "aws:cloudformation:stack"]
    assert {s["requiresBootstrapStackVersion"] for s in stacks} == {bootstrap.NEEDED_VERSION}
    parameters = {s["bootstrapStackVersionSsmParameter"] for s in stacks}
    assert parameters == {bootstrap.VERSION_PARAMETER}


def test_the_endpoints_are_those_that_the_core_stack_makes() -> None:
    assert start_task_services(REGION) == way_out.START_TASK_SERVICES


@pytest.mark.parametrize(
    ("region", "zone", "served"),
    [
        ("us-east-1", "use1-az1", True),
        ("us-east-1", "use1-az3", False),
        ("us-west-1", "usw1-az1", True),
        ("us-west-1", "usw1-az2", False),
        ("ap-northeast-1", "apne1-az3", False),
        ("eu-west-1", "euw1-az3", True),
    ],
)
def test_zones_of_fargate(region: str, zone: str, served: bool) -> None:
    assert has_fargate(region, zone) is served
