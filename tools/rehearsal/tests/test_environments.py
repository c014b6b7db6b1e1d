"""A rehearsal hides secrets: those of the shell from its processes, those in use from all texts."""

import json
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from cdk_rehearsal import Access, LocalAws, process_environment
from cdk_rehearsal.cdk import Cli
from cdk_rehearsal.containers import engine_environment
from cdk_rehearsal.environment import RootKey
from cdk_rehearsal.pipelines import git_environment
from settings.examples import ACCOUNT, REGION
from tools.rehearsal.context import CORE, SERVICE
from tools.rehearsal.workspace import Workspace

CANARY = "CANARY"
TOKEN = f"ghp_{CANARY}6789abcdefghijABCDEFGHIJ012345"
PASSWORD = f"correct-horse-{CANARY}-staple"
SECRETS = {
    name: f"{CANARY} of {name}"
    for name in (
        *("GITHUB_TOKEN", "GH_TOKEN", "MY_DB_PASSWORD", "PIP_INDEX_URL", "DOCKER_PASSWORD"),
        *("AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE", "NODE_OPTIONS"),
    )
}
PARAMETER = f"arn:aws:ssm:{REGION}:{ACCOUNT}:parameter/app/key"
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


class VerboseWorkspace(Workspace):
    """Lets the CLI say all that it can, and keeps it."""

    def __init__(self, aws: LocalAws) -> None:
        super().__init__(aws)
        self.said: dict[str, str] = {}

    def command(self, *arguments: str) -> list[str]:
        return super().command(*arguments, "-vvv")

    def finish(self, cli: Cli) -> subprocess.CompletedProcess[str]:
        done = super().finish(cli)
        self.said[f"cdk run {len(self.said)}"] = done.stdout + done.stderr
        return done


@dataclass(frozen=True)
class Made:
    """The environments of all processes, and the assembly that each way has made.

    ``texts`` are those that the deploy leaves, by place.
    """

    environments: dict[str, str]
    by_cli: dict[str, object]
    by_process: dict[str, object]
    texts: dict[str, str]


def templates(workspace: Workspace) -> dict[str, object]:
    """Return the templates of the last synthesis, and which assets they need."""
    files = [*(workspace.folder / "cdk.out").glob("*Stack.*.json")]
    return {f.name: json.loads(f.read_text()) for f in files if "metadata" not in f.name}


@pytest.fixture(scope="module")
def made() -> Iterator[Made]:
    """Deploy as the README says; then make the assembly without the CLI."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in SECRETS.items():
            patch.setenv(name, value)
        with (
            watched() as seen,
            LocalAws(account=ACCOUNT, region=REGION) as aws,
            VerboseWorkspace(aws) as workspace,
        ):
            secrets = aws.client("secretsmanager")
            secrets.create_secret(Name="ecs-github-token", SecretString=TOKEN)
            db = secrets.create_secret(Name="db", SecretString=json.dumps({"password": PASSWORD}))
            aws.client("ssm").put_parameter(Name="/app/key", Value=PASSWORD, Type="SecureString")
            workspace.write_env(container_secrets=f"DB={db['ARN']}:password::,KEY={PARAMETER}")
            workspace.bootstrap()
            workspace.deploy()
            by_cli = templates(workspace)
            files = (path for path in workspace.folder.rglob("*") if path.is_file())
            texts = {
                str(path.relative_to(workspace.folder)): path.read_bytes().decode("latin-1")
                for path in files
            }
            texts |= workspace.said | {"log of the local AWS": aws.log()}
            client = aws.client("cloudformation")
            for stack in (CORE, SERVICE):
                texts[stack] = str(client.describe_stacks(StackName=stack))
                texts[f"events of {stack}"] = str(client.describe_stack_events(StackName=stack))
            shutil.rmtree(workspace.folder / "cdk.out")
            workspace.synthesised()
            yield Made(seen, by_cli, templates(workspace), texts)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_the_cli_the_app_and_the_local_aws_see_no_secret_of_the_shell(made: Made) -> None:
    seen = made.environments
    for program in (
        *("node_modules/.bin/cdk deploy", "app.py", "jsii-runtime"),
        *("cdk_rehearsal.server", "tools.rehearsal.synthesis"),
    ):
        assert any(program in command for command in seen), f"{program} was seen"
    assert [command for command, content in seen.items() if CANARY in content] == []


@pytest.mark.slow
def test_the_assembly_is_the_one_that_the_cli_makes(made: Made) -> None:
    assert made.by_cli
    assert made.by_process == made.by_cli


@pytest.mark.slow
def test_secrets_in_use_are_nowhere_to_be_read(made: Made) -> None:
    for place in ("cdk run 1", "output.json", "cdk.out/BackendServiceStack.template.json"):
        assert place in made.texts
    assert [place for place, text in made.texts.items() if CANARY in text] == []
    # The name of the token's secret is found, so a value would be, too.
    found = [place for place, text in made.texts.items() if "ecs-github-token" in text]
    assert len(found) > 2
