"""A playground as its user has it: started, used with the exported variables, stopped."""

import json
import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import boto3
import pytest

from backend_service.names import AlarmKind
from cdk_rehearsal import process_environment
from tools.doctor.first_deploy_report import main
from tools.doctor.rights import actions
from tools.rehearsal.sample_image import SWITCH
from tools.repository import ROOT

READY = "docs/rehearsal.md"
BLOCK = re.compile(r"^```sh\n(?!# Not in the playground)(.*?)^```$", re.MULTILINE | re.DOTALL)
ENV_FILE, FOLDER = r"filled in: (\S+)$", r"its folder is (\S+)$"


@dataclass(frozen=True)
class Playground:
    """A playground that runs, with all that it has printed at its start."""

    process: subprocess.Popen[str]
    said: str
    exports: dict[str, str]
    home: Path

    def printed(self, pattern: str) -> str:
        (found,) = re.findall(pattern, self.said, re.MULTILINE)
        return str(found)

    def run(self, *command: str) -> str:
        """Run a command as in another terminal, with the exported variables."""
        path = os.pathsep.join([str(ROOT / ".venv" / "bin"), os.environ["PATH"]])
        environment = process_environment() | {"PATH": path, "HOME": str(self.home)} | self.exports
        # Without these, jsii would unpack the CDK library into the new home folder.
        cache = "JSII_RUNTIME_PACKAGE_CACHE_ROOT"
        environment |= {cache: os.environ[cache]} if cache in os.environ else {}
        return subprocess.check_output(
            command, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, text=True
        )

    def operate(self, operation: str, *options: str) -> str:
        command = (sys.executable, "-m", "tools.operations", operation)
        return self.run(*command, "--env-file", self.printed(ENV_FILE), *options)

    def practise(self, page: Path) -> int:
        """Run the commands of a page, unless it says why not, and return how many blocks ran."""
        # The targets of the Makefile would install the tools. The user's own files stay.
        prelude = f"""
make() {{
  module=${{1//-/_}}
  python -m "tools.${{module/#first/doctor.first}}" --env-file {self.printed(ENV_FILE)}
}}
npx() {{ command npx "$@" -c env_file={self.printed(ENV_FILE)} --output {self.home}/cdk.out; }}
"""
        blocks = BLOCK.findall(page.read_text(encoding="utf-8"))
        for block in blocks:
            commands = prelude + block.replace("output.json", f"{self.home}/output.json")
            printed = self.run("bash", "-e", "-o", "pipefail", "-c", commands)
            promises = " ".join(re.findall("^# prints (.*)$", block, re.MULTILINE)) or "..."
            pattern = re.escape(promises.removeprefix("nothing")).replace(r"\.\.\.", ".*")
            assert re.fullmatch(pattern, " ".join(printed.split())), f"{block}\n{printed}"
        return len(blocks)

    def deliver(self) -> str:
        """Deliver, and return the status afterwards."""
        self.operate("deliver", "--yes")
        assert self.process.stdout is not None
        last = next(line for line in self.process.stdout if re.search("Promote | failed: ", line))
        assert last.endswith("Promote succeeded\n")
        return self.operate("status")


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
            if READY in line:
                break
        exports = dict(re.findall(r"^  export (\w+)='?([^'\n]*)'?$", said, re.MULTILINE))
        try:
            yield Playground(process, said, exports, home)
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
                process.communicate()


@pytest.fixture(scope="module")
def status(playground: Playground) -> str:
    """Deploy as the README says, deliver, and return what `make status` prints then."""
    playground.run(*shlex.split(playground.printed("aws secretsmanager create-secret .*")))
    playground.practise(ROOT / "README.md")
    assert "the pipeline knows no release of it" in playground.operate("status")
    return playground.deliver()


@pytest.mark.slow
def test_the_commands_of_the_readme_and_day_two(status: str) -> None:
    """Only `make rollback` is missing: the rehearsed failures run it."""
    assert re.search(r"running \S+ .*, live$", status, re.MULTILINE)
    assert re.search(r"released by .*Succeeded  commit \w{8}", status)
    # The local AWS watches no metrics.
    assert len(re.findall(r"backend-\w.* INSUFFICIENT_DATA: Unchecked", status)) == len(AlarmKind)


@pytest.mark.slow
@pytest.mark.usefixtures("status")
def test_the_commands_of_the_pages_print_what_they_promise(playground: Playground) -> None:
    assert sum(playground.practise(page) for page in sorted((ROOT / "docs").glob("*.md")))


@pytest.mark.slow
@pytest.mark.usefixtures("status")
def test_the_report_of_a_first_deploy_names_what_is_different(
    playground: Playground, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("AWS_PROFILE", "AWS_DEFAULT_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in playground.exports.items():
        monkeypatch.setenv(name, value)
    ecr, ecs, logs = (boto3.client(name) for name in ("ecr", "ecs", "logs"))
    repository = {"repositoryName": "ecsdemo-backend"}
    images = ecr.describe_images(**repository)["imageDetails"]
    other = next(each for each in images if "live" not in each["imageTags"])
    wanted = {"imageIds": [{"imageDigest": other["imageDigest"]}]}
    (image,) = ecr.batch_get_image(**repository, **wanted)["images"]
    ecr.put_image(**repository, imageManifest=image["imageManifest"], imageTag="live")
    ecs.register_task_definition(
        family="ecs-blueprint-infra-ecsdemo-backend",
        containerDefinitions=[{"name": "by-hand", "image": "by-hand"}],
    )
    logs.delete_log_group(logGroupName="/ecs/ecs-blueprint-infra/ecsdemo-backend")
    # With the rights of the doctor, but one.
    for name, value in _session(set(actions()) - {"route53:ListResourceRecordSets"}).items():
        monkeypatch.setenv(name, value)
    assert main(["--env-file", playground.printed(ENV_FILE)]) == 1
    report = " ".join(capsys.readouterr().out.split())
    assert "**3 different from the rehearsal**" in report
    assert re.search(r"with the tag live\*\* .* rehearsed: none - found: `sha256:<id> ", report)
    assert "newest task definition** - rehearsed: yes - found: `no`" in report
    assert re.search(r"\*\*Log groups of .* rehearsed: 4 - found: `3`", report)
    assert "SOA record): needs the permission route53:ListResourceRecordSets" in report
    assert not re.search(r"ecsdemo|blueprint-infra|\d{12}|arn:|\d\.\d+\.\d", report)


def _session(allowed: set[str]) -> dict[str, str]:
    """Return the credentials of a role that may do only this, as environment variables."""
    iam, sts = boto3.client("iam"), boto3.client("sts")
    role = {"RoleName": "reporter"}
    user = {"AWS": sts.get_caller_identity()["Arn"]}
    trust = _policy(Action="sts:AssumeRole", Principal=user)
    arn = iam.create_role(**role, AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    document = _policy(Action=sorted(allowed), Resource="*")
    iam.put_role_policy(**role, PolicyName="own", PolicyDocument=document)
    session = sts.assume_role(RoleArn=arn, RoleSessionName="me")["Credentials"]
    return {
        "AWS_ACCESS_KEY_ID": session["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": session["SecretAccessKey"],
        "AWS_SESSION_TOKEN": session["SessionToken"],
    }


def _policy(**statement: object) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **statement}]})


@pytest.mark.slow
def test_at_its_end_nothing_is_left(playground: Playground) -> None:
    folders = [Path(playground.printed(FOLDER)), Path(playground.printed(ENV_FILE)).parent]
    assert all(folder.exists() for folder in folders)
    playground.process.send_signal(signal.SIGINT)
    said, _ = playground.process.communicate()
    assert playground.process.returncode == 0
    assert said.rstrip().endswith("Nothing is left.")
    assert not any(folder.exists() for folder in folders)
