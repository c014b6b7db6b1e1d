"""The app as the CDK CLI starts it, and the stacks that it chooses."""

import gc
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import App

import app
from settings.examples import ACCOUNT, REGION, ROOT, sample_env
from tests.synthesis import (
    CONNECTED,
    EXISTING,
    ISOLATED,
    SECRET,
    Synthesis,
    synthesise,
    synthesise_together,
)


@dataclass(frozen=True)
class Run:
    """How a run of app.py ended, and what it left behind."""

    status: int
    stdout: str
    stderr: str
    assembly: Path

    @property
    def stacks(self) -> set[str]:
        manifest = json.loads((self.assembly / "manifest.json").read_text(encoding="utf-8"))
        artifacts: dict[str, Any] = manifest["artifacts"]
        return {k for k, a in artifacts.items() if a["type"] == "aws:cloudformation:stack"}

    @property
    def places(self) -> list[str]:
        """The frames of all stack traces that tell the CLI where a resource was made."""
        constructs: list[dict[str, list[dict[str, Any]]]] = [
            json.loads(file.read_text(encoding="utf-8"))
            for file in self.assembly.glob("*.metadata.json")
        ]
        notes = [note for of_stack in constructs for notes in of_stack.values() for note in notes]
        return [f for n in notes if n["type"] == "aws:cdk:creationStack" for f in n["data"]]


@pytest.fixture
def run_app(tmp_path: Path) -> Callable[..., Run]:
    """Run app.py in an empty folder, with no credentials and no AWS variables."""
    node = shutil.which("node")
    assert node
    flags = json.loads((ROOT / "cdk.json").read_text(encoding="utf-8"))["context"]

    def run(*, host_stack_traces: bool = False, **context: Any) -> Run:
        assembly = tmp_path / "assembly"
        assembly.mkdir()
        given = {**flags, "aws:cdk:disable-asset-staging": True, **context}
        done = subprocess.run(
            [sys.executable, str(ROOT / "app.py")],
            cwd=tmp_path,
            env={
                "PATH": f"{Path(node).parent}{os.pathsep}{os.defpath}",
                "HOME": os.environ.get("HOME", ""),  # where jsii keeps its unpacked packages
                "AWS_CONFIG_FILE": os.devnull,
                "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
                "AWS_EC2_METADATA_DISABLED": "true",
                "CDK_OUTDIR": str(assembly),
                "CDK_CONTEXT_JSON": json.dumps(given),
                "PYTHONWARNINGS": "error",
                **({"JSII_HOST_STACK_TRACES": "1"} if host_stack_traces else {}),
            },
            capture_output=True,
            text=True,
            check=False,
        )
        return Run(done.returncode, done.stdout, done.stderr, assembly)

    return run


def test_a_filled_in_sample_env_is_synthesised_without_credentials(
    run_app: Callable[..., Run], tmp_path: Path
) -> None:
    (tmp_path / ".env").write_text(sample_env(), encoding="utf-8")
    run = run_app()
    assert (run.status, run.stdout, run.stderr) == (0, "", "")
    assert run.stacks == {"CoreInfraStack", "BackendServiceStack"}
    assert run.places == []


def test_with_stack_traces_of_jsii_s_host_the_cli_knows_which_line_made_a_resource(
    run_app: Callable[..., Run], tmp_path: Path
) -> None:
    (tmp_path / ".env").write_text(sample_env(), encoding="utf-8")
    run = run_app(host_stack_traces=True)
    assert (run.status, run.stderr) == (0, "")
    assert any("/backend_service/pipeline.py:" in frame for frame in run.places)


def test_broken_settings_are_reported_before_any_stack_is_made(
    run_app: Callable[..., Run], tmp_path: Path
) -> None:
    broken = sample_env(task_cpu="300", account_number="<ACCOUNT_NUMBER>", aws_region="mars-1")
    (tmp_path / ".env").write_text(broken, encoding="utf-8")
    run = run_app()
    assert run.status == 1
    assert run.stdout == ""
    assert "Traceback" not in run.stderr
    for key in ("task_cpu", "account_number", "aws_region"):
        assert key in run.stderr
    assert list(run.assembly.iterdir()) == []


def test_what_a_failed_look_up_says_is_kept_where_the_next_synthesis_says_something_else(
    run_app: Callable[..., Run], tmp_path: Path
) -> None:
    """The CLI reports what it finds in a validation report, whichever synthesis has written it."""
    (tmp_path / ".env").write_text(sample_env(**EXISTING), encoding="utf-8")
    vpc = f"vpc-provider:account={ACCOUNT}:filter.tag:Name={EXISTING['vpc_name']}:region={REGION}"
    failed = {"$providerError": "no credentials", "$dontSaveContext": True}
    run = run_app(**{f"{vpc}:returnAsymmetricSubnets=true": failed})
    assert (run.status, run.stdout, run.stderr) == (0, "", "")
    metadata = (run.assembly / "BackendServiceStack.metadata.json").read_text(encoding="utf-8")
    assert [note["data"] for notes in json.loads(metadata).values() for note in notes].count(
        "no credentials"
    )
    assert not (run.assembly / "validation-report.json").exists()


def test_the_context_chooses_another_settings_file(
    run_app: Callable[..., Run], tmp_path: Path
) -> None:
    (tmp_path / ".env").write_text(sample_env(), encoding="utf-8")
    run = run_app(env_file="staging.env")
    assert run.status == 1
    assert "staging.env" in run.stderr
    assert "Traceback" not in run.stderr
    assert list(run.assembly.iterdir()) == []


@pytest.mark.parametrize("given", ["", " ", [".env"], 3, True, {}, "a\0b", "\ud800"])
def test_what_the_context_says_is_never_replaced_by_the_default(
    given: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / ".env").write_text(sample_env(), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(app, "App", lambda **_: App(context={"env_file": given}))
    monkeypatch.setattr(gc, "freeze", lambda: None)
    with pytest.raises(SystemExit, match="error: 1 problem in ") as ending:
        app.main()
    assert str(ending.value).endswith("Nothing was deployed or written.")
    assert str(ending.value).count("\n") == 2
    assert capsys.readouterr() == ("", "")


def test_settings_files_of_the_context_are_named(
    run_app: Callable[..., Run], tmp_path: Path
) -> None:
    """Of two ``-c env_file=`` the CLI hands over the last one: the user sees which that was."""
    name = "\x1b[31mred.env"
    (tmp_path / name).write_text(sample_env(), encoding="utf-8")
    run = run_app(env_file=name)
    assert (run.status, run.stdout) == (0, "")
    assert run.stderr == "Settings: \\x1b[31mred.env\n"


def test_ctrl_c_ends_the_app_without_a_word(tmp_path: Path) -> None:
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


def test_services_on_one_core_do_not_overwrite_each_other_s_policy(
    two_services: Synthesis,
) -> None:
    names = [
        policy["Properties"]["PolicyName"]
        for stack in ("BackendServiceStack", "cartBackendServiceStack")
        for policy in two_services.resources(stack, "AWS::IAM::Policy").values()
        if "StartTask" in policy["Properties"]["PolicyName"]
    ]
    assert len(set(names)) == len(names) == 2


def test_the_core_stack_has_the_endpoints_that_any_of_the_services_needs(
    two_services: Synthesis,
) -> None:
    endpoints = two_services.resources("CoreInfraStack", "AWS::EC2::VPCEndpoint").values()
    names = {str(endpoint["Properties"]["ServiceName"]) for endpoint in endpoints}
    assert "com.amazonaws.eu-west-1.secretsmanager" in names
