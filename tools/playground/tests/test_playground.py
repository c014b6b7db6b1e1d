"""A playground as its user has it: started, used with the exported variables, stopped."""

import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from cdk_rehearsal import process_environment
from tools.rehearsal.sample_image import SWITCH
from tools.repository import ROOT

READY = "docs/rehearsal.md"
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
        return subprocess.check_output(
            command, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, text=True
        )

    def operate(self, operation: str, *options: str) -> str:
        command = (sys.executable, "-m", "tools.operations", operation)
        return self.run(*command, "--env-file", self.printed(ENV_FILE), *options)

    def deliver(self, operation: str) -> tuple[str, str, str]:
        """Deliver or roll back; return the execution's id, the digest of `live`, and the status."""
        started = re.findall(r"Started: (\S+)\.", self.operate(operation, "--yes"))[0]
        assert self.process.stdout is not None
        last = next(line for line in self.process.stdout if re.search("Promote | failed: ", line))
        assert last.endswith("Promote succeeded\n")
        status = self.operate("status")
        (digest,) = re.findall(r"running (\S+) .*, live$", status, re.MULTILINE)
        return started, digest, status


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
def first_delivery(playground: Playground) -> tuple[str, str, str]:
    """Deploy as the README says, and deliver."""
    playground.run(*shlex.split(playground.printed("aws secretsmanager create-secret .*")))
    settings = ("-c", f"env_file={playground.printed(ENV_FILE)}")
    output = ("--output", str(playground.home / "cdk.out"))
    playground.run(
        "npx", "cdk", "deploy", "--all", "--require-approval", "never", *settings, *output
    )
    return playground.deliver("deliver")


@pytest.mark.slow
def test_the_commands_of_the_readme_and_day_two(first_delivery: tuple[str, str, str]) -> None:
    """Only `make rollback` is missing: the rehearsed failures run it."""
    _, _, status = first_delivery
    assert re.search(r"released by .*Succeeded  commit \w{8}", status)


@pytest.mark.slow
@pytest.mark.usefixtures("first_delivery")
def test_the_checks_of_a_first_deploy_can_be_practised(playground: Playground) -> None:
    page = (ROOT / "docs" / "first-deploy.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```sh\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    practised = [block for block in blocks if not block.startswith("# Not in the playground")]
    assert practised
    # The target of the Makefile would install the tools.
    make = f'make() {{ python -m "tools.$1" --env-file {playground.printed(ENV_FILE)}; }}\n'
    for block in practised:
        printed = playground.run("bash", "-e", "-o", "pipefail", "-c", make + block)
        promises = " ".join(re.findall("^# prints (.*)$", block, re.MULTILINE)) or "..."
        pattern = re.escape(promises.removeprefix("nothing")).replace(r"\.\.\.", ".*")
        assert re.fullmatch(pattern, " ".join(printed.split())), f"{block}\n{printed}"


@pytest.mark.slow
def test_at_its_end_nothing_is_left(playground: Playground) -> None:
    folders = [Path(playground.printed(FOLDER)), Path(playground.printed(ENV_FILE)).parent]
    assert all(folder.exists() for folder in folders)
    playground.process.send_signal(signal.SIGINT)
    said, _ = playground.process.communicate()
    assert playground.process.returncode == 0
    assert said.rstrip().endswith("Nothing is left.")
    assert not any(folder.exists() for folder in folders)
