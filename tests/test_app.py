"""The app as the CDK CLI starts it, and the stacks that it chooses."""

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from app import make_app, print_error
from settings.examples import ACCOUNT, REGION, example_deployment, sample_env
from tests.app_runs import call_app, start_app
from tests.repository import ROOT
from tests.synthesis import (
    CONNECTED,
    EXISTING,
    ISOLATED,
    SECRET,
    Synthesis,
    synthesise,
    synthesise_together,
)

KINDS_WITH_TAGS = (
    *("AWS::EC2::VPC", "AWS::EC2::Subnet", "AWS::EC2::SecurityGroup", "AWS::ECS::Cluster"),
    *("AWS::ECS::Service", "AWS::ECS::TaskDefinition", "AWS::ECR::Repository", "AWS::S3::Bucket"),
    *("AWS::IAM::Role", "AWS::Logs::LogGroup", "AWS::KMS::Key", "AWS::SNS::Topic"),
    *("AWS::CodeBuild::Project", "AWS::CodePipeline::Pipeline", "AWS::CloudWatch::Alarm"),
)


def test_a_filled_in_sample_env_is_synthesised_without_credentials(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(sample_env(), encoding="utf-8")
    run = start_app(tmp_path)
    assert (run.status, run.stdout, run.stderr) == (0, "", "")
    assert run.stacks == {"CoreInfraStack", "BackendServiceStack"}
    assert run.places == []


def test_with_jsii_host_stack_traces_the_cli_knows_which_line_made_a_resource(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".env").write_text(sample_env(**EXISTING), encoding="utf-8")
    monkeypatch.setenv("JSII_HOST_STACK_TRACES", "1")
    run = call_app(tmp_path)
    assert (run.status, run.stderr) == (0, "")
    assert any("/backend_service/pipeline.py:" in frame for frame in run.places)


def test_broken_settings_are_reported_before_any_stack_is_made(tmp_path: Path) -> None:
    broken = sample_env(task_cpu="300", account_number="<ACCOUNT_NUMBER>", aws_region="mars-1")
    (tmp_path / ".env").write_text(broken, encoding="utf-8")
    run = call_app(tmp_path)
    assert run.status == 1
    assert run.stdout == ""
    for key in ("task_cpu", "account_number", "aws_region"):
        assert key in run.stderr
    assert list(run.assembly.iterdir()) == []


def test_a_full_disk_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "unraisablehook", sys.unraisablehook)
    print_error(RuntimeError, RuntimeError("ENOSPC: no space left on device, write"), None)
    assert capsys.readouterr().err.startswith("error: a disk is full (cdk.out, ")


def test_the_message_of_a_failed_look_up_does_not_outlive_the_next_synthesis(
    tmp_path: Path,
) -> None:
    """The CLI would also report a validation report that an earlier synthesis has written."""
    (tmp_path / ".env").write_text(sample_env(**EXISTING), encoding="utf-8")
    vpc = f"vpc-provider:account={ACCOUNT}:filter.tag:Name={EXISTING['vpc_name']}:region={REGION}"
    failed = {"$providerError": "no credentials", "$dontSaveContext": True}
    run = call_app(tmp_path, context={f"{vpc}:returnAsymmetricSubnets=true": failed})
    assert (run.status, run.stdout, run.stderr) == (0, "", "")
    metadata = (run.assembly / "BackendServiceStack.metadata.json").read_text(encoding="utf-8")
    assert [note["data"] for notes in json.loads(metadata).values() for note in notes].count(
        "no credentials"
    )
    assert not (run.assembly / "validation-report.json").exists()


def test_the_context_chooses_another_settings_file(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(sample_env(), encoding="utf-8")
    run = call_app(tmp_path, context={"env_file": "staging.env"})
    assert run.status == 1
    assert "staging.env" in run.stderr
    assert "Traceback" not in run.stderr
    assert list(run.assembly.iterdir()) == []


@pytest.mark.parametrize("given", ["", [".env"], True])
def test_the_default_never_replaces_a_value_of_the_context(given: Any, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(sample_env(), encoding="utf-8")
    run = call_app(tmp_path, context={"env_file": given})
    assert (run.status, run.stdout) == (1, "")
    assert run.stderr.startswith("error: 1 problem in ")
    assert run.stderr.endswith("Nothing was deployed or written.\n")
    assert run.stderr.count("\n") == 3


def test_settings_files_of_the_context_are_named(tmp_path: Path) -> None:
    """The CLI hands over the last of two ``-c env_file=``: the user sees which one it was."""
    name = "\x1b[31mred.env"
    (tmp_path / name).write_text(sample_env(), encoding="utf-8")
    run = call_app(tmp_path, context={"env_file": name})
    assert (run.status, run.stdout) == (0, "")
    assert run.stderr == "Settings: \\x1b[31mred.env\n"


def test_ctrl_c_ends_the_app_without_output(tmp_path: Path) -> None:
    (tmp_path / "aws_cdk.py").write_text(
        "import time; print('importing', flush=True); time.sleep(60)"
    )
    with subprocess.Popen(
        [sys.executable, str(ROOT / "app.py")],
        cwd=tmp_path,
        env={"PYTHONPATH": str(tmp_path), "PYTHONSAFEPATH": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as cli:
        assert cli.stdout
        assert cli.stdout.readline() == "importing\n"
        cli.send_signal(signal.SIGINT)
        assert cli.communicate(timeout=10) == ("", "")
    assert cli.returncode == -signal.SIGINT, "ended by the signal: to a shell, 130"


@pytest.mark.parametrize(
    ("changes", "stacks"),
    [
        ({}, {"CoreInfraStack", "BackendServiceStack"}),
        (ISOLATED, {"CoreInfraStack", "BackendServiceStack"}),
        (EXISTING, {"BackendServiceStack"}),
        (CONNECTED, {"shopCoreInfraStack", "shopBackendServiceStack"}),
    ],
    ids=["core", "core without NAT", "existing platform", "prefix"],
)
def test_the_settings_choose_the_stacks(changes: dict[str, str], stacks: set[str]) -> None:
    assert set(synthesise(**changes).templates) == stacks


@pytest.mark.parametrize("changes", [{}, EXISTING], ids=["core", "existing platform"])
def test_every_stack_is_for_the_account_and_region_of_the_settings(
    changes: dict[str, str],
) -> None:
    for stack in synthesise(**changes).assembly.stacks:
        assert (stack.environment.account, stack.environment.region) == (
            "123456789012",
            "eu-west-1",
        )


def test_log_retention_of_the_settings_reaches_both_stacks() -> None:
    synthesis = synthesise(log_retention_days="7")
    for stack in ("CoreInfraStack", "BackendServiceStack"):
        for log_group in synthesis.resources(stack, "AWS::Logs::LogGroup").values():
            assert log_group["Properties"]["RetentionInDays"] == 7


def test_tags_are_on_every_resource_that_has_tags_in_cdk_and_on_the_stacks() -> None:
    tags = {"team": "orders", "cost-center": "4711"}
    synthesis = synthesise(**CONNECTED, tags="team=orders,cost-center=4711")
    for stack in synthesis.assembly.stacks:
        assert stack.tags == tags
        template = stack.template["Resources"]
        for kind in KINDS_WITH_TAGS:
            for key, resource in template.items():
                # CDK has no tags for the roles of its helper functions.
                if resource["Type"] == kind and not key.startswith("Custom"):
                    found = resource["Properties"]["Tags"]
                    assert {t["Key"]: t["Value"] for t in found}.items() >= tags.items(), key
    assert synthesis.only("BackendServiceStack", "AWS::ECS::Service")["PropagateTags"] == "SERVICE"


def test_cdks_context_keys_set_a_permissions_boundary_and_a_qualifier(tmp_path: Path) -> None:
    context = {
        "@aws-cdk/core:permissionsBoundary": {"name": "team-boundary"},
        "@aws-cdk/core:bootstrapQualifier": "orders",
    }
    app = make_app(example_deployment({**CONNECTED}), tmp_path, context=context)
    boundary = f"arn:aws:iam::{ACCOUNT}:policy/team-boundary"
    for stack in app.synth().stacks:
        roles = [r for r in stack.template["Resources"].values() if r["Type"] == "AWS::IAM::Role"]
        assert roles
        assert {role["Properties"].get("PermissionsBoundary") for role in roles} == {boundary}
        for bootstrapped in (stack.assume_role_arn, stack.cloud_formation_execution_role_arn):
            assert ":role/cdk-orders-" in str(bootstrapped)
        assert str(stack.stack_template_asset_object_url).startswith("s3://cdk-orders-assets-")


@pytest.fixture(scope="module")
def two_services() -> Synthesis:
    """A core stack without NAT gateway, and a second service that shares it."""
    return synthesise_together(
        {"enable_nat_gw": "False"},
        {
            "deploy_core_stack": "False",
            "stack_prefix": "cart",
            "service_name": "cart",
            "ecr_repository_name": "cart",
            "container_secrets": f"DB_PASSWORD={SECRET}",
        },
    )


def test_several_services_share_one_core_stack(two_services: Synthesis) -> None:
    stacks = {"CoreInfraStack", "BackendServiceStack", "cartBackendServiceStack"}
    artifacts = two_services.file("manifest.json")["artifacts"]
    assert set(two_services.templates) == stacks
    assert "CoreInfraStack" in artifacts["cartBackendServiceStack"]["dependencies"]


def test_nothing_in_the_core_grows_with_the_number_of_services() -> None:
    """IAM limits the policies of a role."""
    names = ["", "orders", "cart"]
    fleet = synthesise_together(
        *(
            {
                "deploy_core_stack": "False",
                "stack_prefix": name,
                "service_name": name,
                "ecr_repository_name": name,
            }
            if name
            else {}
            for name in names
        )
    )
    assert fleet.core.to_json()["Resources"] == synthesise().core.to_json()["Resources"]
    for name in names:
        stack = f"{name}BackendServiceStack"
        definition = fleet.only(stack, "AWS::ECS::TaskDefinition")
        roles = [definition["TaskRoleArn"], definition["ExecutionRoleArn"]]
        passed = [
            statement["Resource"]
            for policy in fleet.resources(stack, "AWS::IAM::Policy").values()
            for statement in policy["Properties"]["PolicyDocument"]["Statement"]
            if statement["Action"] == "iam:PassRole"
        ]
        assert passed == [roles]
        assert all(role["Fn::GetAtt"][0] in fleet.templates[stack]["Resources"] for role in roles)


def test_the_core_stack_has_the_endpoints_that_any_of_the_services_needs(
    two_services: Synthesis,
) -> None:
    endpoints = two_services.resources("CoreInfraStack", "AWS::EC2::VPCEndpoint").values()
    names = {str(endpoint["Properties"]["ServiceName"]) for endpoint in endpoints}
    assert "com.amazonaws.eu-west-1.secretsmanager" in names
