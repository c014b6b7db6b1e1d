"""The templates as a whole, in every topology."""

import json
import re
import tarfile
from collections import Counter
from pathlib import Path
from typing import Any

import aws_cdk
import pytest
from syrupy.assertion import SnapshotAssertion
from syrupy.extensions.json import JSONSnapshotExtension

import backend_service.names
import core_infra.names
from settings.examples import REGION
from tests.repository import ROOT
from tests.synthesis import TOPOLOGIES, synthesise, synthesise_together
from tests.template_lint import findings, violations

TEMPLATES = [
    (topology, stack)
    for topology, stacks in {
        "default": ("CoreInfraStack", "BackendServiceStack"),
        "existing": ("BackendServiceStack",),
        "isolated": ("CoreInfraStack", "BackendServiceStack"),
        "connected": ("shopCoreInfraStack", "shopBackendServiceStack"),
    }.items()
    for stack in stacks
]
# One of ours, and those with which CDK and cdk-ecr-deployment implement custom resources.
FUNCTIONS = {
    "CoreInfraStack": {"CustomVpcRestrictDefaultSG"},
    "BackendServiceStack": {
        "CustomS3AutoDeleteObjects",
        "CustomCDKECRDeployment",
        "ReleaseFunction",
    },
}
# The properties that name a resource for the whole account and region.
NAMES = {
    "AWS::CloudWatch::Alarm": "AlarmName",
    "AWS::CloudWatch::Dashboard": "DashboardName",
    "AWS::CodeBuild::Project": "Name",
    "AWS::CodePipeline::Pipeline": "Name",
    "AWS::ECR::Repository": "RepositoryName",
    "AWS::ECS::Cluster": "ClusterName",
    "AWS::Logs::LogGroup": "LogGroupName",
}
# Flags with another value than CDK recommends.
DEVIATIONS = {
    # A VPC in use must not be deletable under the services: docs/decisions.
    "@aws-cdk/core:defaultCrossStackReferences": "strong",
    # The CLI would go on reporting a failed look-up after it has succeeded: docs/decisions.
    "@aws-cdk/core:annotationsInValidationReport": False,
    # Tells AWS how constructs are used; costs template size and is nobody's business.
    "@aws-cdk/core:enableAdditionalMetadataCollection": False,
}


def test_each_topology_makes_the_stacks_that_are_listed_here() -> None:
    made = {
        (t, stack) for t, changes in TOPOLOGIES.items() for stack in synthesise(**changes).templates
    }
    assert made == set(TEMPLATES)


@pytest.mark.parametrize(("topology", "stack"), TEMPLATES)
def test_the_template_is_the_one_that_was_reviewed(
    topology: str, stack: str, snapshot: SnapshotAssertion
) -> None:
    """After a change that is meant, ``make snapshots`` accepts the template as it is now."""
    template = synthesise(**TOPOLOGIES[topology]).templates[stack]
    # Hashes of assets change with every release of CDK and say nothing about the stack.
    masked = re.sub(r"\b[0-9a-f]{64}\b", "ASSET-HASH", json.dumps(template))
    assert json.loads(masked) == snapshot.use_extension(JSONSnapshotExtension)


@pytest.mark.parametrize(("topology", "stack"), TEMPLATES)
def test_cfn_lint_finds_nothing_of_ours(topology: str, stack: str) -> None:
    assert findings(synthesise(**TOPOLOGIES[topology]).templates[stack], REGION) == []


@pytest.mark.parametrize("topology", TOPOLOGIES)
def test_cdk_warns_of_nothing(topology: str) -> None:
    for stack in synthesise(**TOPOLOGIES[topology]).assembly.stacks:
        assert [message.entry for message in stack.messages] == []


def test_the_rules_of_cdk_are_kept() -> None:
    """In one app: to load the rules takes a process longer than to synthesise every topology."""
    own_names = ("stack_prefix", "ecs_cluster_name", "service_name", "ecr_repository_name")
    together = synthesise_together(
        *({**changes, **dict.fromkeys(own_names, name)} for name, changes in TOPOLOGIES.items()),
        template_rules=True,
    )
    assert len(together.templates) == len(TEMPLATES)
    assert violations(together.assembly.directory) == []


def test_the_default_topology_has_these_resources() -> None:
    counts = {
        stack: dict(Counter(r["Type"] for r in template["Resources"].values()))
        for stack, template in synthesise().templates.items()
    }
    assert counts == {
        "CoreInfraStack": {
            "AWS::EC2::EIP": 1,
            "AWS::EC2::FlowLog": 1,
            "AWS::EC2::InternetGateway": 1,
            "AWS::EC2::NatGateway": 1,
            "AWS::EC2::Route": 6,
            "AWS::EC2::RouteTable": 6,
            "AWS::EC2::Subnet": 6,
            "AWS::EC2::SubnetRouteTableAssociation": 6,
            "AWS::EC2::VPC": 1,
            "AWS::EC2::VPCEndpoint": 1,
            "AWS::EC2::VPCGatewayAttachment": 1,
            "AWS::ECS::Cluster": 1,
            "AWS::IAM::Policy": 1,
            "AWS::IAM::Role": 3,
            "AWS::Lambda::Function": 1,
            "AWS::Logs::LogGroup": 3,
            "AWS::ServiceDiscovery::PrivateDnsNamespace": 1,
            "Custom::VpcRestrictDefaultSG": 1,
        },
        "BackendServiceStack": {
            "AWS::ApplicationAutoScaling::ScalableTarget": 1,
            "AWS::ApplicationAutoScaling::ScalingPolicy": 2,
            "AWS::CloudWatch::Alarm": 4,
            "AWS::CloudWatch::Dashboard": 1,
            "AWS::CodeBuild::Project": 1,
            "AWS::CodePipeline::Pipeline": 1,
            "AWS::CodePipeline::Webhook": 1,
            "AWS::EC2::SecurityGroup": 1,
            "AWS::ECR::Repository": 2,
            "AWS::ECS::Service": 1,
            "AWS::ECS::TaskDefinition": 1,
            "AWS::IAM::Policy": 9,
            "AWS::IAM::Role": 10,
            "AWS::Lambda::Function": 3,
            "AWS::Logs::LogGroup": 5,
            "AWS::Logs::MetricFilter": 2,
            "AWS::S3::Bucket": 1,
            "AWS::S3::BucketPolicy": 1,
            "AWS::SecretsManager::Secret": 1,
            "AWS::ServiceDiscovery::Service": 1,
            "Custom::CDKECRDeployment": 1,
            "Custom::S3AutoDeleteObjects": 1,
        },
    }


@pytest.mark.parametrize(("topology", "stack"), TEMPLATES)
def test_the_only_functions_are_helpers_of_cdk_and_the_one_that_releases(
    topology: str, stack: str
) -> None:
    functions = synthesise(**TOPOLOGIES[topology]).resources(stack, "AWS::Lambda::Function")
    expected = FUNCTIONS[stack.removeprefix("shop")]
    assert len(functions) == len(expected)
    assert all(any(key.startswith(helper) for key in functions) for helper in expected)


@pytest.mark.parametrize(("topology", "stack"), TEMPLATES)
def test_each_function_writes_to_a_log_group_of_the_stack(topology: str, stack: str) -> None:
    synthesis = synthesise(**TOPOLOGIES[topology])
    log_groups = synthesis.resources(stack, "AWS::Logs::LogGroup")
    for function in synthesis.resources(stack, "AWS::Lambda::Function").values():
        assert function["Properties"]["LoggingConfig"]["LogGroup"]["Ref"] in log_groups


@pytest.mark.parametrize(("topology", "stack"), TEMPLATES)
def test_every_log_has_a_retention_and_is_deleted_with_the_stack(topology: str, stack: str) -> None:
    log_groups = synthesise(**TOPOLOGIES[topology]).resources(stack, "AWS::Logs::LogGroup")
    assert log_groups
    for key, log_group in log_groups.items():
        assert log_group["Properties"]["RetentionInDays"] == 30, key
        assert log_group["DeletionPolicy"] == "Delete", key


@pytest.mark.parametrize(("topology", "stack"), TEMPLATES)
def test_nothing_is_kept_when_the_stack_is_deleted(topology: str, stack: str) -> None:
    template = synthesise(**TOPOLOGIES[topology]).templates[stack]
    kept = [key for key, r in template["Resources"].items() if r.get("DeletionPolicy") == "Retain"]
    assert kept == []


@pytest.mark.parametrize(("topology", "stack"), TEMPLATES)
def test_names_that_can_be_taken_are_those_that_the_product_tells_its_tools(
    topology: str, stack: str
) -> None:
    resources = synthesise(**TOPOLOGIES[topology]).templates[stack]["Resources"].values()
    given = {
        (resource["Type"], resource["Properties"][key])
        for resource in resources
        if (key := NAMES.get(resource["Type"])) in resource.get("Properties", {})
    }
    cluster, service = "ecs-blueprint-infra", "ecsdemo-backend"
    if stack.endswith("CoreInfraStack"):
        told = core_infra.names.unique_names(cluster)
    else:
        told = backend_service.names.unique_names(
            cluster_name=cluster, service_name=service, repository_name=service
        )
    assert set(told) == given


def test_every_feature_flag_has_the_recommended_value_or_a_reason() -> None:
    context = json.loads((ROOT / "cdk.json").read_text(encoding="utf-8"))["context"]
    assert context == recommended_flags() | DEVIATIONS


def recommended_flags() -> dict[str, Any]:
    """Return the flags that the installed CDK recommends for a new app."""
    (archive,) = (Path(aws_cdk.__file__).parent / "_jsii").glob("aws-cdk-lib@*.tgz")
    with tarfile.open(archive) as files:
        # Found early in the archive; a full index would take as long as a synthesis.
        entry = next(e for e in files if e.name == "package/recommended-feature-flags.json")
        member = files.extractfile(entry)
        assert member
        flags: dict[str, Any] = json.load(member)
    return flags
