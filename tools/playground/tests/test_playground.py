"""A playground as its user has it: started, reached with what it prints, played in, ended."""

import json
import os
import re
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from settings.examples import ACCOUNT
from tools.local_aws import Access
from tools.local_aws.credentials import RootKey
from tools.local_aws.process_environment import process_environment
from tools.rehearsal.pipeline.docker_command import SWITCH
from tools.repository import ROOT

pytestmark = pytest.mark.slow

STACK = "BackendServiceStack"
PIPELINE = "ecs-blueprint-infra-ecsdemo-backend"
_PATIENCE_SECONDS = 120
_READY = "docs/playground.md"


@dataclass(frozen=True)
class Playground:
    process: subprocess.Popen[str]
    said: str
    exports: dict[str, str]
    home: Path

    @property
    def env_file(self) -> str:
        (found,) = re.findall(r"filled in: (\S+)$", self.said, re.MULTILINE)
        return str(found)

    @property
    def folder(self) -> Path:
        (found,) = re.findall(r"its folder is (\S+)$", self.said, re.MULTILINE)
        return Path(found)

    def attempt(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a command in another terminal, with what was exported."""
        path = os.pathsep.join([str(ROOT / ".venv" / "bin"), os.environ["PATH"]])
        return subprocess.run(
            command,
            cwd=ROOT,
            env=process_environment() | {"PATH": path, "HOME": str(self.home)} | self.exports,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )

    def run(self, *command: str) -> str:
        done = self.attempt(*command)
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
        return done.stdout

    def client(self, service: str) -> Any:
        """Make a client here: quicker than a process for each call."""
        key = RootKey(self.exports["AWS_ACCESS_KEY_ID"], self.exports["AWS_SECRET_ACCESS_KEY"])
        access = Access(
            endpoint_url=self.exports["AWS_ENDPOINT_URL"],
            account=ACCOUNT,
            region=self.exports["AWS_REGION"],
            key=key,
            ca_bundle=Path(self.exports["AWS_CA_BUNDLE"]),
        )
        return access.client(service)

    def operate(self, operation: str, *options: str) -> str:
        command = (sys.executable, "-m", "tools.operations", operation)
        return self.run(*command, "--env-file", self.env_file, *options)

    def aws(self, *arguments: str) -> Any:
        return json.loads(self.run("aws", *arguments, "--output", "json") or "null")

    def cdk(self, command: str, *options: str) -> str:
        where = ("--output", str(self.home / "cdk.out"), "-c", f"env_file={self.env_file}")
        return self.run("npx", "cdk", command, "--all", *options, *where)

    def deliver(self, operation: str) -> str:
        """Start an execution of the pipeline, wait for its end, and return its id."""
        started = re.findall(r"Started: (\S+)\.", self.operate(operation, "--yes"))[0]
        deadline = time.monotonic() + _PATIENCE_SECONDS
        pipelines = self.client("codepipeline")
        name = {"pipelineName": PIPELINE, "pipelineExecutionId": started}
        while time.monotonic() < deadline:
            found = pipelines.get_pipeline_execution(**name)["pipelineExecution"]
            if found["status"] != "InProgress":
                break
            time.sleep(1)
        assert found["status"] == "Succeeded"
        return str(started)

    def image(self, tag: str) -> str:
        found = self.client("ecr").describe_images(
            repositoryName="ecsdemo-backend", imageIds=[{"imageTag": tag}]
        )
        return str(found["imageDetails"][0]["imageDigest"])


@pytest.fixture(scope="module")
def playground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Playground]:
    home = tmp_path_factory.mktemp("home")
    # No engine: every machine has that.
    environment = os.environ | {"PYTHONPATH": str(ROOT), "HOME": str(home), SWITCH: "stand-in"}
    with subprocess.Popen(
        [sys.executable, "-u", "-m", "tools.playground"],
        cwd=home,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        assert process.stdout is not None
        said = ""
        for line in process.stdout:
            said += line
            if _READY in line:
                break
        exports = dict(re.findall(r"^  export (\w+)='?([^'\n]*)'?$", said, re.MULTILINE))
        assert "AWS_ENDPOINT_URL" in exports, said
        try:
            yield Playground(process, said, exports, home)
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
                process.communicate(timeout=60)


def test_what_it_prints_reaches_it_and_is_all_that_is_needed(playground: Playground) -> None:
    assert playground.aws("sts", "get-caller-identity")["Account"] == ACCOUNT
    # Of the user's own nothing is read: a profile would send commands to another account.
    assert playground.exports["AWS_CONFIG_FILE"] == os.devnull
    assert "unset AWS_PROFILE" in playground.said


def test_the_key_is_in_no_file_and_the_folder_is_for_its_owner(playground: Playground) -> None:
    folder = playground.folder
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    secret = playground.exports["AWS_SECRET_ACCESS_KEY"].encode()
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert files
    assert [path for path in files if secret in path.read_bytes()] == []


def test_the_commands_of_the_readme_and_day_two(playground: Playground) -> None:
    before = playground.attempt(
        *(sys.executable, "-m", "tools.operations", "status", "--env-file", playground.env_file)
    )
    assert f"there is no stack {STACK}" in before.stderr
    secret = {"Name": "ecs-github-token", "SecretString": "made-up"}
    playground.client("secretsmanager").create_secret(**secret)
    playground.cdk("deploy", "--require-approval", "never")
    assert "copied from seed_image" in playground.operate("status")
    found = playground.aws(
        *("servicediscovery", "discover-instances", "--service-name", "ecsdemo-backend"),
        *("--namespace-name", "default.ecs-blueprint-infra.local"),
    )
    assert len(found["Instances"]) == 3

    commits = {head()}
    first = playground.deliver("deliver")
    commits.add(head())  # somebody may be at work here
    delivered = playground.image("live")
    said = re.sub(r"^ +", "", playground.operate("status"), flags=re.MULTILINE)
    (named,) = re.findall(r"^delivered by .*Succeeded  commit (\w+)", said, re.MULTILINE)
    assert named in {commit[:8] for commit in commits}
    playground.deliver("deliver")
    assert playground.image("live") != delivered
    playground.deliver("rollback")
    assert playground.image("live") == delivered
    assert f"a return to {first}" in playground.operate("status")

    call = playground.attempt(
        *(sys.executable, "-m", "tools.playground.call", "--env-file", playground.env_file)
    )
    assert call.returncode == 1
    assert "records, not containers" in call.stderr or "no container engine" in call.stderr
    playground.cdk("destroy", "--force")
    assert playground.client("ecs").list_clusters()["clusterArns"] == []


def test_at_its_end_it_says_what_it_looked_at(playground: Playground) -> None:
    folders = [playground.folder, Path(playground.env_file).parent]
    playground.process.send_signal(signal.SIGINT)
    said, _ = playground.process.communicate(timeout=60)
    assert playground.process.returncode == 0
    looked_at = next(line for line in said.splitlines() if line.startswith("Looked at "))
    assert all(f"the folder {folder}" in looked_at for folder in folders)
    assert playground.exports["AWS_ENDPOINT_URL"] in looked_at
    assert said.rstrip().endswith("Nothing is left.")
    assert [folder for folder in folders if folder.exists()] == []


def head() -> str:
    done = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()
