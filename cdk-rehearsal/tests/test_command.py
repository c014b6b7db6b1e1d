"""The command deploys and destroys the app of `tests/app`, and names what it cannot show."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import pytest

from cdk_rehearsal.cdk.app import search_path

APP = Path(__file__).with_name("app")
MANIFEST = {
    "artifacts": {
        "Shop": {
            "type": "aws:cloudformation:stack",
            "environment": "aws://unknown-account/unknown-region",
            "properties": {},
        }
    }
}
STRANGE = {
    "Fleet": {"Type": "AWS::GameLift::Fleet"},
    "Secret": {"Type": "AWS::SNS::Topic", "Properties": {"KmsMasterKeyId": "alias/aws/sns"}},
    "Function": {"Type": "AWS::Lambda::Function", "Properties": {"Runtime": "ruby3.4"}},
    "Table": {
        "Type": "Custom::Table",
        "Properties": {"ServiceToken": {"Fn::GetAtt": ["Function", "Arn"]}},
    },
}
Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def app(tmp_path: Path) -> Path:
    """A copy of the app, as a person has it."""
    return shutil.copytree(APP, tmp_path / "shop")


@pytest.fixture
def start(app: Path, tmp_path: Path) -> Start:
    """Start the command in the folder of the app; without a CDK CLI the test is skipped."""
    beside = [str(each / "node_modules" / ".bin") for each in Path(__file__).parents]
    path = os.pathsep.join([*beside, search_path(app)])
    reasons = [
        f"there is no `{name}`" for name in ("node", "cdk") if not shutil.which(name, path=path)
    ]
    if find_spec("aws_cdk") is None:
        reasons.append("aws-cdk-lib is not installed")
    if reasons:
        skip = pytest.fail if os.environ.get("CI") == "true" else pytest.skip
        skip(f"the command was not tested: {', '.join(reasons)}")
    own = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    own |= {"PATH": path, "VIRTUAL_ENV": sys.prefix, "TMPDIR": str(tmp_path)}

    return lambda *arguments: subprocess.Popen(
        [sys.executable, "-m", "cdk_rehearsal", *arguments],
        cwd=app,
        env=own,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    )


def test_an_app_is_rehearsed_and_its_least_policy_passes_instead_of_administrator_access(
    start: Start, app: Path, tmp_path: Path
) -> None:
    before, to = sorted(app.rglob("*")), tmp_path / "policy"
    prepare = ("--before", f"echo prepared >> {tmp_path}/before")
    command = start("deploy-policy", "--to", str(to), "--without", "1", *prepare)
    said, errors = command.communicate()
    assert command.returncode == 0, said + errors
    assert sorted(app.rglob("*")) == before
    for step in (
        "cdk bootstrap",
        "echo prepared",
        "cdk synth",
        "cdk deploy",
        "Each resource is found",
        "cdk destroy",
        "Without the statement",
    ):
        line = next(line for line in said.splitlines() if step in line)
        assert line.lstrip().startswith("✓"), said
    assert (tmp_path / "before").read_text() == "prepared\n" * 2
    _require_true(said.partition("\nLeft\n")[2].partition("\nThe least policy")[0])
    _require_least(to)


def _require_true(after: str) -> None:
    """Require that a rehearsal has said what is left, and who was allowed what."""
    left, _, access = after.partition("Who was allowed what")
    # Lambda makes the log group of a function, so CloudFormation does not know it.
    (line,) = left.split("\n\n")[0].splitlines()
    assert line.split()[0] == "AWS::Logs::LogGroup"

    by_principal = access.split("\n  deployer-")
    assert "sts:AssumeRole on arn:aws:iam::111122223333:role/cdk-*" in by_principal[1]
    assert "iam:PassRole" in by_principal[0]
    assert "s3:DeleteObject" not in by_principal[1]
    assert "refused" not in access
    (idle,) = [line for line in access.splitlines() if line.startswith("  no call: ")]
    assert "Shop-Reader" in idle


def _require_least(folder: Path) -> None:
    """Require a policy without a star, with a reason for each statement, and a boundary."""
    documents = [json.loads(each.read_text("utf-8")) for each in folder.glob("policy-*.json")]
    granted = [each for document in documents for each in document["Statement"]]
    assert not [each for each in granted if any("*" in action for action in each["Action"])]
    (limit,) = json.loads((folder / "boundary.json").read_text("utf-8"))["Statement"]
    assert "sns:Publish" in limit["Action"]
    reasons = (folder / "reasons.md").read_text("utf-8")
    assert all(f"| {each['Sid']} |" in reasons for each in granted)
    assert "s3:DeleteBucketLifecycle (there is s3:PutLifecycleConfiguration)" in reasons


def test_what_a_rehearsal_cannot_show_is_named_before_anything_is_made(
    start: Start, app: Path, tmp_path: Path
) -> None:
    # In place of the CDK CLI, which the test above runs: a synthesis and a bootstrap take seconds.
    (tmp_path / "manifest.json").write_text(json.dumps(MANIFEST))
    (tmp_path / "Shop.template.json").write_text(json.dumps({"Resources": STRANGE}))
    cli = app / "node_modules" / ".bin" / "cdk"
    cli.parent.mkdir(parents=True)
    copy = f'mkdir "$4" && cp {tmp_path}/*.json "$4"'
    cli.write_text(
        f'#!/bin/sh\necho "$1" >> {tmp_path}/commands\n[ "$1" != synth ] || {{ {copy}; }}\n'
        '[ "$1" != deploy ] || echo {} > output.json\n'
    )
    cli.chmod(0o755)
    command = start("--anyway")
    said, errors = command.communicate()
    assert command.returncode == 2, said + errors
    named = {line.partition(":")[0]: line for line in errors.splitlines() if "/" in line}
    assert len(named) == 3, errors
    assert "does not have this type" in named["Shop/Fleet (AWS"]
    assert "ruby3.4" in named["Shop/Table (Custom"]
    assert "KmsMasterKeyId would have no effect" in named["Shop/Secret (AWS"]
    assert (tmp_path / "commands").read_text().split() == ["bootstrap", "synth"]

    (tmp_path / "manifest.json").write_text('{"artifacts": {}}')
    (tmp_path / "Shop.template.json").unlink()
    command = start()
    said, errors = command.communicate()
    assert (command.returncode, errors) == (0, ""), said + errors
    assert "went through" in said


@pytest.mark.parametrize(("arguments", "said"), [((), "cdk bootstrap"), (("serve",), "no_proxy")])
def test_ctrl_c_ends_everything_and_removes_it(
    arguments: tuple[str, ...], said: str, start: Start, tmp_path: Path
) -> None:
    command = start(*arguments)
    assert command.stdout is not None
    lines = []
    for line in command.stdout:
        lines.append(line)
        if said in line:
            break
    if arguments:
        call = subprocess.run(
            ["sh", "-c", f"{''.join(lines)} '{sys.executable}' -m awscli sts get-caller-identity"],
            capture_output=True,
            encoding="utf-8",
            check=False,
        )
        assert "arn:aws:iam::111122223333:root" in call.stdout, call.stderr
    command.send_signal(signal.SIGINT)
    _, stderr = command.communicate()
    assert (command.returncode, stderr.strip()) == (130, "Stopped.")
    assert [each.name for each in tmp_path.iterdir()] == ["shop"]
