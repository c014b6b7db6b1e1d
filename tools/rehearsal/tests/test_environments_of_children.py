"""No process that a rehearsal starts finds the user's variables in its environment."""

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from settings.examples import ACCOUNT, REGION
from tools.local_aws import LocalAws
from tools.rehearsal.tests.canary import CANARY
from tools.rehearsal.workspace import Workspace

pytestmark = pytest.mark.slow

SECRETS = ("GITHUB_TOKEN", "GH_TOKEN", "MY_DB_PASSWORD", "AWS_SESSION_TOKEN", "HTTPS_PROXY")


def parents() -> dict[int, int]:
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            # The name, in parentheses, may hold anything.
            after_name = (folder / "stat").read_text(encoding="latin-1").rpartition(")")[2]
            found[int(folder.name)] = int(after_name.split()[1])
    return found


def descendants() -> Iterator[int]:
    by_child = parents()
    for pid in by_child:
        ancestor = pid
        while ancestor := by_child.get(ancestor, 0):
            if ancestor == os.getpid():
                yield pid
                break


@contextmanager
def watched() -> Iterator[dict[str, str]]:
    """Collect the environments of all processes below this one, by command line."""
    seen: dict[str, str] = {}
    over = threading.Event()

    def watch() -> None:
        while not over.wait(0.05):
            for pid in descendants():
                with suppress(OSError):
                    command = Path(f"/proc/{pid}/cmdline").read_text(encoding="latin-1")
                    content = Path(f"/proc/{pid}/environ").read_text(encoding="latin-1")
                    seen[command.replace("\0", " ")] = content

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield seen
    finally:
        over.set()
        thread.join()


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_the_cli_the_app_and_the_local_aws_see_no_secret_of_the_shell(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in SECRETS:
        monkeypatch.setenv(name, f"{CANARY}-of-{name}")
    with (
        watched() as seen,
        LocalAws(account=ACCOUNT, region=REGION) as aws,
        Workspace(aws) as workspace,
    ):
        workspace.write_env()
        workspace.cdk("ls")
        workspace.synthesised()
    for program in (
        *("node_modules/.bin/cdk ls", "app.py", "jsii-runtime"),
        *("tools.local_aws", "tools.rehearsal.synthesis"),
    ):
        assert any(program in command for command in seen), f"{program} was seen"
    assert [command for command, content in seen.items() if CANARY in content] == []
