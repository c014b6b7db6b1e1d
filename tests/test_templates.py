"""Whole templates, in every topology."""

import json
import re
import tarfile
from pathlib import Path
from typing import Any

import aws_cdk
import pytest
from cfnlint.helpers import REGIONS
from cfnlint.schema import PROVIDER_SCHEMA_MANAGER
from syrupy.assertion import SnapshotAssertion
from syrupy.extensions.json import JSONSnapshotExtension

from settings.aws_types import WITHOUT_BUILDS, WITHOUT_WEBHOOKS
from settings.examples import REGION
from tests.repository import ROOT
from tests.synthesis import TOPOLOGIES, synthesise, synthesise_together
from tests.template_lint import findings, violations

TEMPLATES = [
    ("default", "CoreInfraStack"),
    ("default", "BackendServiceStack"),
    ("existing", "BackendServiceStack"),
    ("isolated", "CoreInfraStack"),
    ("isolated", "BackendServiceStack"),
    ("connected", "shopBackendServiceStack"),
    ("promoted", "BackendServiceStack"),
]
"""One template for each kind: the core of "connected" differs from the default in its name only."""

# Flags that differ from CDK's recommendation, with the reason.
DEVIATIONS = {
    # CloudFormation must refuse to delete a VPC that services use (decision 6).
    "@aws-cdk/core:defaultCrossStackReferences": "strong",
    # The CLI would report a failed look-up even after it has succeeded (decision 6).
    "@aws-cdk/core:annotationsInValidationReport": False,
    # Statistics about the use of constructs, for AWS; they make the template larger.
    "@aws-cdk/core:enableAdditionalMetadataCollection": False,
}

# A team may add these to cdk.json (docs/operations.md).
OF_THE_ACCOUNT = {"@aws-cdk/core:bootstrapQualifier", "@aws-cdk/core:permissionsBoundary"}


@pytest.mark.parametrize(("topology", "stack"), TEMPLATES)
def test_the_template_is_the_one_that_was_reviewed(
    topology: str, stack: str, snapshot: SnapshotAssertion
) -> None:
    """``make snapshots`` accepts the current templates after an intended change."""
    template = synthesise(**TOPOLOGIES[topology]).templates[stack]
    # Hashes of assets change with every release of CDK, not only with the stack.
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
    """All topologies are in one app, because CDK loads the rules slowly."""
    own_names = ("stack_prefix", "ecs_cluster_name", "service_name", "ecr_repository_name")
    together = synthesise_together(
        *({**changes, **dict.fromkeys(own_names, name)} for name, changes in TOPOLOGIES.items()),
        template_rules=True,
    )
    assert violations(together.assembly.directory) == []


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


@pytest.mark.parametrize(
    ("key", "kind"), [("keep_logs", "AWS::Logs::LogGroup"), ("keep_images", "AWS::ECR::Repository")]
)
def test_logs_or_images_stay_if_asked_but_not_after_a_creation_that_failed(
    key: str, kind: str
) -> None:
    synthesis = synthesise(**{key: "True"})
    resources = [r for t in synthesis.templates.values() for r in t["Resources"].values()]
    kept = [r for r in resources if r.get("DeletionPolicy") == "RetainExceptOnCreate"]
    assert kept
    assert kept == [r for r in resources if r["Type"] == kind]
    assert {r["UpdateReplacePolicy"] for r in kept} == {"Retain"}
    # Without this, ECR would refuse to delete the repository of a stack whose creation fails.
    assert all(r["Properties"].get("EmptyOnDelete", True) for r in kept)


def test_the_settings_know_each_region_that_lacks_a_type_of_the_templates() -> None:
    kinds = {
        resource["Type"]
        for changes in TOPOLOGIES.values()
        for template in synthesise(**changes).templates.values()
        for resource in template["Resources"].values()
        if resource["Type"].startswith("AWS::")
    }
    found = {
        region: kinds - set(PROVIDER_SCHEMA_MANAGER.get_resource_types(region))
        for region in REGIONS
    }
    build, webhook = "AWS::CodeBuild::Project", "AWS::CodePipeline::Webhook"
    assert {region: lacking for region, lacking in found.items() if lacking} == {
        region: {build, webhook} if region in WITHOUT_BUILDS else {webhook}
        for region in WITHOUT_BUILDS | WITHOUT_WEBHOOKS
    }


def test_every_feature_flag_has_the_recommended_value_or_a_reason() -> None:
    context = json.loads((ROOT / "cdk.json").read_text(encoding="utf-8"))["context"]
    flags = {key: value for key, value in context.items() if key not in OF_THE_ACCOUNT}
    assert flags == recommended_flags() | DEVIATIONS


def recommended_flags() -> dict[str, Any]:
    """Return the flags that the installed CDK recommends for a new app."""
    (archive,) = (Path(aws_cdk.__file__).parent / "_jsii").glob("aws-cdk-lib@*.tgz")
    with tarfile.open(archive) as files:
        # The file comes early in the archive; getmember() would read all of it.
        entry = next(e for e in files if e.name == "package/recommended-feature-flags.json")
        member = files.extractfile(entry)
        assert member
        flags: dict[str, Any] = json.load(member)
    return flags
