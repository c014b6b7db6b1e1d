"""The command deploys and destroys the app of `tests/app`, and names what it cannot show."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from cdk_rehearsal import Inventory, LocalAws
from cdk_rehearsal.cdk.app import search_path

APP = Path(__file__).with_name("app")
Start = Callable[..., subprocess.Popen[str]]
Run = Callable[..., subprocess.CompletedProcess[str]]


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

    def start(*arguments: str, **variables: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "cdk_rehearsal", *arguments],
            cwd=app,
            env=own | variables,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
        )

    return start


@pytest.fixture
def run(start: Start) -> Run:
    """Run the command to its end."""

    def run(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        command = start(*arguments, **variables)
        stdout, stderr = command.communicate()
        return subprocess.CompletedProcess(command.args, command.returncode, stdout, stderr)

    return run


@pytest.fixture
def served() -> Iterator[LocalAws]:
    with LocalAws(account="222233334444", region="eu-north-1") as aws:
        yield aws


def test_an_app_is_deployed_found_and_destroyed_and_its_folder_stays_as_it_is(
    run: Run, app: Path
) -> None:
    before = sorted(app.rglob("*"))
    done = run()
    assert done.returncode == 0, done.stdout + done.stderr
    said = done.stdout
    for step in (
        "cdk bootstrap",
        "cdk synth",
        "cdk deploy",
        "Each resource is found",
        "cdk destroy",
    ):
        (line,) = [line for line in said.splitlines() if step in line]
        assert line.lstrip().startswith("✓"), said
    assert sorted(app.rglob("*")) == before

    _, _, after = said.partition("\nLeft\n")
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


def test_what_a_rehearsal_cannot_show_is_named_before_anything_is_made(
    run: Run, served: LocalAws
) -> None:
    # In the shell of a served AWS, which one can look into afterwards.
    variables = {k: v for k, v in served.environment().items() if k.startswith("AWS_")}
    done = run("-c", "strange=yes", "--anyway", **variables)
    assert done.returncode == 2, done.stdout + done.stderr
    named = {line.partition(":")[0]: line for line in done.stderr.splitlines() if "/" in line}
    assert len(named) == 3, done.stderr
    assert "does not have this type" in named["Shop/Fleet (AWS"]
    assert "ruby3.4" in named["Shop/Table (Custom"]
    assert "KmsMasterKeyId would have no effect" in named["Shop/Secret (AWS"]
    snapshot = Inventory(served.access).snapshot()
    assert snapshot["AWS::CloudFormation::Stack"] == {"CDKToolkit"}


def test_ctrl_c_ends_everything_and_removes_it(start: Start, tmp_path: Path) -> None:
    command = start()
    assert command.stdout is not None
    for line in command.stdout:
        if "cdk bootstrap" in line:
            break
    command.send_signal(signal.SIGINT)
    _, stderr = command.communicate()
    assert (command.returncode, stderr.strip()) == (130, "Stopped.")
    assert [each.name for each in tmp_path.iterdir()] == ["shop"]
