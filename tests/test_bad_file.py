"""A bad settings file gives one report; as the CDK CLI starts the app, exit code 1 and no more."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from settings import SettingsError, load_deployment
from settings.examples import sample_env
from tests.app_runs import start_app

GOOD = sample_env().encode()
SHELL = {**os.environ, "AWS_REGION": "mars-1", "task_cpu": "300", "USER": "shell"}
"""Variables that settings could be taken from, among all others that a shell has."""


def huge(path: Path) -> None:
    path.write_bytes(b"#" * 10 * 1024 * 1024)


def unreadable(path: Path) -> None:
    path.write_bytes(GOOD)
    path.chmod(0)


def not_utf8(path: Path) -> None:
    path.write_bytes(GOOD + b"# caf\xe9\n")


def utf16(path: Path) -> None:
    path.write_bytes(GOOD.decode().encode("utf-16"))


def given_twice(path: Path) -> None:
    path.write_bytes(GOOD + b'task_cpu="512"\n')


def unclosed_quote(path: Path) -> None:
    path.write_bytes(GOOD.replace(b'max_count="10"', b'max_count="10'))


def shell_variable(path: Path) -> None:
    path.write_bytes(GOOD.replace(b'stack_prefix=""', b'stack_prefix="${USER}"'))


BAD: dict[Callable[[Path], None], str] = {
    Path.mkdir: "this is a directory",
    huge: "10.0 MiB; expected at most 1 MiB",
    not_utf8: "not UTF-8 text",
    utf16: "not UTF-8 text (line 1)",
    given_twice: "given twice",
    unclosed_quote: "max_count cannot be read",
    shell_variable: "take ${ for a reference",
}
if os.geteuid() != 0:
    BAD[unreadable] = "cannot be read (Permission denied)"


@pytest.mark.parametrize("spoil", BAD, ids=lambda spoil: spoil.__name__)
def test_the_report_says_what_is_wrong_with_the_file(
    spoil: Callable[[Path], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spoil(tmp_path / ".env")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SettingsError) as caught:
        load_deployment(".env")
    assert str(caught.value).startswith("error: 1 problem in .env\n")
    assert BAD[spoil] in " ".join(str(caught.value).split())
    assert str(caught.value).endswith("\nNothing was deployed or written.")


@pytest.mark.slow
def test_app_reports_a_pipe_instead_of_waiting_for_it(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / ".env")
    run = start_app(tmp_path, variables=SHELL)
    assert run.status == 1
    assert run.stdout == ""
    assert run.stderr.startswith("error: 1 problem in .env\n")
    assert "not a regular file" in " ".join(run.stderr.split())
    assert run.stderr.endswith("\nNothing was deployed or written.\n")
    assert "Traceback" not in run.stderr
    assert list(run.assembly.iterdir()) == []


FORMS: dict[str, Callable[[bytes], bytes]] = {
    "everything at once": lambda raw: (
        b"\xef\xbb\xbf" + raw.replace(b"\ntask_cpu=", b"\nexport task_cpu=").replace(b"\n", b"\r\n")
    ),
    "hashes, quotes and dollars": lambda raw: raw.replace(
        b'container_environment=""', b"container_environment='A=\"b\" # c,HOME_IS=$HOME'"
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("form", FORMS)
def test_unusual_but_right_file_is_synthesised(form: str, tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(FORMS[form](GOOD))
    run = start_app(tmp_path, variables=SHELL)
    assert (run.status, run.stdout, run.stderr) == (0, "", "")
    template = (run.assembly / "BackendServiceStack.template.json").read_text("utf-8")
    assert f'"{os.environ["HOME"]}' not in template
    if form != "everything at once":
        assert {"Name": "A", "Value": '"b" # c'} in environment(template)
        assert {"Name": "HOME_IS", "Value": "$HOME"} in environment(template)


def environment(template: str) -> list[dict[str, str]]:
    """Return what the template gives the container."""
    resources = json.loads(template)["Resources"].values()
    (task,) = (r for r in resources if r["Type"] == "AWS::ECS::TaskDefinition")
    found: list[dict[str, str]] = task["Properties"]["ContainerDefinitions"][0]["Environment"]
    return found
