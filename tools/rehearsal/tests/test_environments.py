"""No process of a rehearsal has the variables of the user; the app gives the same both ways."""

import json
import shutil
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from cdk_rehearsal import Access, LocalAws, process_environment
from cdk_rehearsal.containers import engine_environment
from cdk_rehearsal.environment import RootKey
from cdk_rehearsal.pipelines import git_environment
from settings.examples import ACCOUNT, REGION
from tools.rehearsal.tests.canary import CANARY
from tools.rehearsal.workspace import Workspace

SECRETS = {
    name: f"{CANARY} of {name}"
    for name in (
        *("GITHUB_TOKEN", "GH_TOKEN", "MY_DB_PASSWORD", "PIP_INDEX_URL", "DOCKER_PASSWORD"),
        *("AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE", "NODE_OPTIONS"),
    )
}
SHELL = {"PATH": "/bin", "LANG": "C.UTF-8", "TMPDIR": "/scratch"}
ACCESS = Access(
    endpoint_url="https://127.0.0.1:1",
    account=ACCOUNT,
    region=REGION,
    key=RootKey.random(),
    ca_bundle=Path("ca.pem"),
)


@pytest.mark.parametrize(
    "environment", [process_environment, git_environment, engine_environment, ACCESS.environment]
)
def test_a_process_gets_the_variables_that_it_needs_and_no_others(
    environment: Callable[[Mapping[str, str]], dict[str, str]],
) -> None:
    seen = environment(SHELL | SECRETS)
    assert CANARY not in str(seen)
    assert seen.items() >= SHELL.items()


@contextmanager
def watched() -> Iterator[dict[str, str]]:
    """Collect the environments of all processes, by command line."""
    seen: dict[str, str] = {}
    over = threading.Event()

    def watch() -> None:
        while not over.wait(0.2):
            for process in Path("/proc").glob("[0-9]*"):
                with suppress(OSError):  # it has ended, or it is another user's
                    command = (process / "cmdline").read_text(encoding="latin-1")
                    content = (process / "environ").read_text(encoding="latin-1")
                    seen[command.replace("\0", " ")] = content

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield seen
    finally:
        over.set()
        thread.join()


@dataclass(frozen=True)
class Made:
    """The environments of the processes that made the assembly, and what each way has made."""

    environments: dict[str, str]
    by_cli: dict[str, object]
    by_process: dict[str, object]


def templates(workspace: Workspace) -> dict[str, object]:
    """Return the templates of the last synthesis, and which assets they need."""
    files = [*(workspace.folder / "cdk.out").glob("*Stack.*.json")]
    return {f.name: json.loads(f.read_text()) for f in files if "metadata" not in f.name}


@pytest.fixture(scope="module")
def made() -> Iterator[Made]:
    """Make the assembly with the CLI, and without it."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in SECRETS.items():
            patch.setenv(name, value)
        with (
            watched() as seen,
            LocalAws(account=ACCOUNT, region=REGION) as aws,
            Workspace(aws) as workspace,
        ):
            workspace.write_env(task_memory="1024")
            workspace.cdk("synth", "--quiet")
            by_cli = templates(workspace)
            shutil.rmtree(workspace.folder / "cdk.out")
            workspace.synthesised()
            yield Made(seen, by_cli, templates(workspace))


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_the_cli_the_app_and_the_local_aws_see_no_secret_of_the_shell(made: Made) -> None:
    seen = made.environments
    for program in (
        *("node_modules/.bin/cdk synth", "app.py", "jsii-runtime"),
        *("cdk_rehearsal.server", "tools.rehearsal.synthesis"),
    ):
        assert any(program in command for command in seen), f"{program} was seen"
    assert [command for command, content in seen.items() if CANARY in content] == []


@pytest.mark.slow
def test_the_assembly_is_the_one_that_the_cli_makes(made: Made) -> None:
    assert made.by_cli
    assert made.by_process == made.by_cli
