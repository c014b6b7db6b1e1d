"""How code of this package replaces names of MiniStack, and what a new MiniStack changes."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tools.local_aws import replacement_report
from tools.local_aws.replacements import (
    MODULES,
    MODULES_WITH_ENGINE,
    ReplacementError,
    Replacements,
)

PACKAGE = Path(replacement_report.__file__).parent
ROOT = PACKAGE.parents[str(replacement_report.__package__).count(".")]
COMMAND = [sys.executable, "-m", str(replacement_report.__package__), "--replacements"]


def _louder(original: Callable[[str], str], word: str) -> str:
    """Say it louder.

    And more of it.
    """
    return original(word).upper()


def _say(word: str) -> str:
    return f"say {word}"


@pytest.fixture
def service() -> Any:
    """A module like MiniStack's, whose functions call each other by their names."""
    module: Any = ModuleType("ministack.services.echo")
    module.say = _say
    module.twice = lambda word: f"{module.say(word)} {module.say(word)}"
    module.ACTIONS = {"Say": _say, "Ask": _say}
    return module


def test_a_function_receives_the_original(service: Any) -> None:
    replacements = Replacements()
    louder = replacements.replaces(service, "say")(_louder)
    assert service.say("a") == "say a", "nothing is replaced before `apply`"
    replacements.apply()
    assert service.twice("a") == "SAY A SAY A"
    assert louder("a") == "SAY A", "other code calls it like the original"


def test_every_listed_name_is_replaced_and_no_other(service: Any) -> None:
    other: Any = ModuleType("ministack.services.other")
    other.say = service.say
    replacements = Replacements()
    replacements.replaces(service, "say", "ACTIONS[Say]", bound_in=[other])(_louder)
    replacements.apply()
    assert service.say("a") == service.ACTIONS["Say"]("a") == other.say("a") == "SAY A"
    assert service.ACTIONS["Ask"]("a") == "say a"


def test_the_original_is_that_of_ministack_in_any_order(service: Any) -> None:
    replacements = Replacements()
    replacements.replaces(service, "say")(_louder)
    replacements.replaces(service, "ACTIONS[Say]")(lambda original, word: f"<{original(word)}>")
    replacements.apply()
    assert (service.say("a"), service.ACTIONS["Say"]("a")) == ("SAY A", "<say a>")


def test_a_second_replacement_is_an_error_that_names_both(service: Any) -> None:
    def quieter(original: Callable[[str], str], word: str) -> str:
        return original(word)

    replacements = Replacements()
    replacements.replaces(service, "say")(_louder)
    with pytest.raises(ReplacementError) as error:
        replacements.replaces(service, "ACTIONS[Say]", "say")(quieter)
    text = str(error.value)
    assert "ministack.services.echo.say is replaced twice" in text
    assert "_louder (test_replacements.py:" in text
    assert "quieter (test_replacements.py:" in text


def test_one_error_names_everything_that_does_not_fit_and_nothing_is_replaced(
    service: Any,
) -> None:
    service.other = lambda word: word
    replacements = Replacements()
    replacements.replaces(service, "say")(_louder)
    replacements.replaces(service, "ACTIONS[Gone]")(_louder)
    replacements.replaces(service, "other", "ACTIONS[Ask]")(_louder)
    replacements.adds(service, "twice")(_say)
    with pytest.raises(ReplacementError) as error:
        replacements.apply()
    lines = str(error.value).splitlines()
    assert len(lines) == 3
    for part in (
        "echo.ACTIONS[Gone] no longer exists in MiniStack, but _louder (test_replacements.py:",
        "echo.other and ministack.services.echo.ACTIONS[Ask] no longer have the same value",
        "echo.twice now exists in MiniStack: compare it with _say",
    ):
        assert any(part in line for line in lines), part
    assert service.say is _say


def test_a_module_that_is_loaded_too_late_is_an_error(service: Any) -> None:
    replacements = Replacements()
    replacements.apply()
    with pytest.raises(ReplacementError, match=r"test_replacements.py:\d+ is loaded too late"):
        replacements.replaces(service, "say")(_louder)


def test_every_module_that_registers_a_replacement_is_loaded() -> None:
    registering = {
        ".".join(path.relative_to(PACKAGE).with_suffix("").parts)
        for path in PACKAGE.rglob("*.py")
        for line in path.read_text(encoding="utf-8").splitlines()
        if line.startswith(("@replaces", "@adds"))
    }
    # Other modules import this one.
    assert registering - {"resource_types"} <= {*MODULES, *MODULES_WITH_ENGINE}


def _command(*arguments: str, cwd: Path = ROOT) -> "subprocess.CompletedProcess[str]":
    # With a variable of the shell that would switch services of MiniStack off.
    environment = os.environ | {"PYTHONPATH": str(cwd), "SERVICES": "s3"}
    return subprocess.run(
        [*COMMAND, *arguments],
        cwd=cwd,
        env=environment,
        check=False,
        capture_output=True,
        text=True,
    )


def test_the_installed_ministack_is_the_recorded_one() -> None:
    """After an update of MiniStack the output says what to read, and what to do then."""
    done = _command("check")
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_report_gives_place_and_reason_of_every_replacement(service: Any) -> None:
    replacements = Replacements()
    replacements.replaces(service, "say", "ACTIONS[Say]", upstream="Bug: it is quiet.")(_louder)
    lines = replacement_report.report(replacements).splitlines()
    assert lines[0].startswith("services.echo.say  <-  test_replacements.py:")
    assert lines[1:4] == [
        "    and services.echo.ACTIONS[Say]",
        "    Say it louder.",
        "    upstream: Bug: it is quiet.",
    ]
    done = _command()
    assert done.returncode == 0, done.stderr
    assert "services.ecs._run_task  <-  ecs_tasks.py:" in done.stdout


def test_another_version_of_ministack_is_compared_name_by_name(tmp_path: Path) -> None:
    record = json.loads(replacement_report.RECORD.read_text(encoding="utf-8"))
    names = record["names"]
    names["ministack.services.ecs._stop_task_v1"] = "000000000000"
    names["ministack.services.ecs._run_task"] = "000000000000"
    del names["ministack.services.ecs._resolve_td_key"]
    copy = tmp_path / Path(*str(replacement_report.__package__).split("."))
    for file in PACKAGE.rglob("*.py"):
        copied = copy / file.relative_to(PACKAGE)
        copied.parent.mkdir(parents=True, exist_ok=True)
        copied.write_bytes(file.read_bytes())
    for folder in PACKAGE.relative_to(ROOT).parents:
        (tmp_path / folder / "__init__.py").touch()
    record_file = copy / replacement_report.RECORD.name
    record_file.write_text(json.dumps({"ministack": "1.0", "names": names}), encoding="utf-8")

    done = _command("check", cwd=tmp_path)

    assert done.returncode == 1, done.stderr
    assert len(done.stdout.splitlines()) == 3
    assert "ecs._stop_task_v1 is recorded, but not used any more" in done.stdout
    assert "ecs._resolve_td_key is not recorded; ecs" in done.stdout
    assert "ecs._run_task has changed since MiniStack 1.0. Check whether run_task" in done.stdout

    assert _command("accept", cwd=tmp_path).returncode == 0
    assert record_file.read_bytes() == replacement_report.RECORD.read_bytes()
