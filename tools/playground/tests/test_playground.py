"""A playground as its user has it: started, used with the exported variables, stopped."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from settings.examples import ACCOUNT, sample_env
from tools.local_aws import Access
from tools.local_aws.credentials import RootKey
from tools.local_aws.process_environment import process_environment
from tools.playground import __main__ as playground_command
from tools.rehearsal.bounds import ROLLOUT_SECONDS
from tools.rehearsal.pipeline.docker_command import SWITCH
from tools.repository import ROOT

PIPELINE = "ecs-blueprint-infra-ecsdemo-backend"
_READY = "docs/playground.md"


def test_it_says_which_source_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = sample_env().replace("application-code/ecsdemo-backend", "server")
    (tmp_path / ".env").write_text(settings, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    assert playground_command.main([]) == 1
    assert capsys.readouterr().err.startswith("error: SOURCE=<folder of the service's repository>")
    assert playground_command.main(["--source", "nothing"]) == 1
    assert capsys.readouterr().err == "error: nothing is no folder\n"


@dataclass(frozen=True)
class Playground:
    """A playground that runs, with all that it has printed at its start."""

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

    def run(self, *command: str) -> str:
        """Run a command as in another terminal, with the exported variables."""
        path = os.pathsep.join([str(ROOT / ".venv" / "bin"), os.environ["PATH"]])
        done = subprocess.run(
            command,
            cwd=ROOT,
            env=process_environment() | {"PATH": path, "HOME": str(self.home)} | self.exports,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
        return done.stdout

    def client(self, service: str) -> Any:
        access = Access(
            endpoint_url=self.exports["AWS_ENDPOINT_URL"],
            account=ACCOUNT,
            region=self.exports["AWS_REGION"],
            key=RootKey(self.exports["AWS_ACCESS_KEY_ID"], self.exports["AWS_SECRET_ACCESS_KEY"]),
            ca_bundle=Path(self.exports["AWS_CA_BUNDLE"]),
        )
        return access.client(service)

    def operate(self, operation: str, *options: str) -> str:
        command = (sys.executable, "-m", "tools.operations", operation)
        return self.run(*command, "--env-file", self.env_file, *options)

    def cdk(self, command: str, *options: str) -> None:
        where = ("--output", str(self.home / "cdk.out"), "-c", f"env_file={self.env_file}")
        self.run("npx", "cdk", command, "--all", *options, *where)

    def deliver(self, operation: str) -> str:
        """Start an execution of the pipeline, wait until it has succeeded, and return its id."""
        started = re.findall(r"Started: (\S+)\.", self.operate(operation, "--yes"))[0]
        deadline = time.monotonic() + ROLLOUT_SECONDS
        name = {"pipelineName": PIPELINE, "pipelineExecutionId": started}
        status = "InProgress"
        while status == "InProgress" and time.monotonic() < deadline:
            time.sleep(0.5)
            found = self.client("codepipeline").get_pipeline_execution(**name)
            status = found["pipelineExecution"]["status"]
        assert status == "Succeeded"
        return str(started)

    def live_image(self) -> str:
        found = self.client("ecr").describe_images(
            repositoryName="ecsdemo-backend", imageIds=[{"imageTag": "live"}]
        )
        return str(found["imageDetails"][0]["imageDigest"])


@pytest.fixture(scope="module")
def playground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Playground]:
    home = tmp_path_factory.mktemp("home")
    # Without an engine, so that the test is the same on every machine.
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
                process.communicate()


@pytest.mark.slow
def test_the_commands_of_the_readme_and_day_two(playground: Playground) -> None:
    assert playground.exports["AWS_CONFIG_FILE"] == os.devnull, "a profile leads to another account"
    secret = {"Name": "ecs-github-token", "SecretString": "made-up"}
    playground.client("secretsmanager").create_secret(**secret)
    playground.cdk("deploy", "--require-approval", "never")
    assert "copied from seed_image" in playground.operate("status")

    first = playground.deliver("deliver")
    delivered = playground.live_image()
    status = playground.operate("status")
    assert re.search(r"delivered by .*Succeeded  commit \w{8}", status)
    playground.deliver("deliver")
    assert playground.live_image() != delivered
    playground.deliver("rollback")
    assert playground.live_image() == delivered
    assert f"a return to {first}" in playground.operate("status")

    playground.cdk("destroy", "--force")
    assert playground.client("ecs").list_clusters()["clusterArns"] == []


@pytest.mark.slow
def test_at_its_end_it_says_where_it_has_looked_and_that_nothing_is_left(
    playground: Playground,
) -> None:
    secret = playground.exports["AWS_SECRET_ACCESS_KEY"].encode()
    files = [path for path in playground.folder.rglob("*") if path.is_file()]
    assert files
    assert [path for path in files if secret in path.read_bytes()] == [], "no file has the key"
    folders = [playground.folder, Path(playground.env_file).parent]
    playground.process.send_signal(signal.SIGINT)
    said, _ = playground.process.communicate()
    assert playground.process.returncode == 0
    looked_at = next(line for line in said.splitlines() if line.startswith("Looked at "))
    assert all(f"the folder {folder}" in looked_at for folder in folders)
    assert playground.exports["AWS_ENDPOINT_URL"] in looked_at
    assert said.rstrip().endswith("Nothing is left.")
    assert [folder for folder in folders if folder.exists()] == []
