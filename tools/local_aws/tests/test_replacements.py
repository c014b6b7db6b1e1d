"""What takes the place of a name of MiniStack: in one way, in any order, checked and printed."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from itertools import pairwise
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


def _ours(original: Callable[[str], str], word: str) -> str:
    """Say it louder.

    And more of it.
    """
    return original(word).upper()


def _say(word: str) -> str:
    return f"say {word}"


@pytest.fixture
def service() -> Any:
    """A module as MiniStack has them: its own functions call each other by their names."""
    module: Any = ModuleType("ministack.services.echo")
    module.say = _say
    module.twice = lambda word: f"{module.say(word)} {module.say(word)}"
    module.ACTIONS = {"Say": _say, "Ask": _say}
    return module


def test_a_function_is_given_the_original(service: Any) -> None:
    replacements = Replacements()
    ours = replacements.replaces(service, "say")(_ours)
    assert service.say("a") == "say a", "nothing is replaced before it is applied"
    replacements.apply()
    assert service.twice("a") == "SAY A SAY A"
    assert ours("a") == "SAY A", "other code of ours calls it like the original"


def test_an_entry_of_a_table_is_replaced_alone(service: Any) -> None:
    replacements = Replacements()
    replacements.replaces(service, "ACTIONS[Say]")(_ours)
    replacements.apply()
    assert service.ACTIONS["Say"]("a") == "SAY A"
    assert service.ACTIONS["Ask"]("a") == service.say("a") == "say a"


def test_a_name_that_is_bound_elsewhere_is_replaced_there_too(service: Any) -> None:
    other: Any = ModuleType("ministack.services.other")
    other.say = service.say
    replacements = Replacements()
    replacements.replaces(service, "say", "ACTIONS[Say]", bound_in=[other])(_ours)
    replacements.apply()
    assert service.say("a") == service.ACTIONS["Say"]("a") == other.say("a") == "SAY A"


def test_the_order_does_not_matter() -> None:
    """Each original is MiniStack's own, whichever is registered or put in place first."""

    def actions(original: Callable[[str], str], word: str) -> str:
        return f"<{original(word)}>"

    results = []
    for order in ((0, 1), (1, 0)):
        module: Any = ModuleType("ministack.services.echo")
        module.say, module.ACTIONS = _say, {"Say": _say}
        replacements = Replacements()
        steps = (
            lambda r=replacements, m=module: r.replaces(m, "say")(_ours),
            lambda r=replacements, m=module: r.replaces(m, "ACTIONS[Say]")(actions),
        )
        for number in order:
            steps[number]()
        replacements.apply()
        results.append((module.say("a"), module.ACTIONS["Say"]("a")))
    assert results == [("SAY A", "<say a>")] * 2


def test_a_method_is_replaced_like_a_function() -> None:
    class Backend:
        def say(self, word: str) -> str:
            return f"{type(self).__name__} says {word}"

    def ours(original: Callable[[Any, str], str], backend: Any, word: str) -> str:
        return original(backend, word).upper()

    replacements = Replacements()
    replacements.replaces(Backend, "say")(ours)
    replacements.apply()
    assert Backend().say("a") == "BACKEND SAYS A"


def test_a_second_replacement_is_an_error_that_names_both(service: Any) -> None:
    def theirs(original: Callable[[str], str], word: str) -> str:
        return original(word)

    replacements = Replacements()
    replacements.replaces(service, "say")(_ours)
    with pytest.raises(ReplacementError) as error:
        replacements.replaces(service, "ACTIONS[Say]", "say")(theirs)
    text = str(error.value)
    assert "ministack.services.echo.say is replaced twice" in text
    assert "_ours (test_replacements.py:" in text
    assert "theirs (test_replacements.py:" in text


def test_all_that_does_not_fit_is_said_and_nothing_is_replaced(service: Any) -> None:
    service.other = lambda word: word
    replacements = Replacements()
    replacements.replaces(service, "say")(_ours)
    replacements.replaces(service, "renamed")(_ours)
    replacements.replaces(service, "ACTIONS[Gone]")(_ours)
    replacements.replaces(service, "other", "ACTIONS[Ask]")(_ours)
    replacements.adds(service, "twice")(_say)
    with pytest.raises(ReplacementError) as error:
        replacements.apply()
    lines = str(error.value).splitlines()
    assert len(lines) == 4
    for part in (
        "echo.ACTIONS[Gone] is gone from MiniStack: _ours (test_replacements.py:",
        "echo.renamed is gone from MiniStack",
        "echo.other and ministack.services.echo.ACTIONS[Ask] are not one thing any more",
        "echo.twice is in MiniStack now: compare it with _say",
    ):
        assert any(part in line for line in lines), part
    assert service.say is _say


def test_what_is_loaded_too_late_is_an_error(service: Any) -> None:
    replacements = Replacements()
    replacements.apply()
    with pytest.raises(ReplacementError, match=r"test_replacements.py:\d+ is loaded too late"):
        replacements.replaces(service, "say")(_ours)


def test_the_report_says_where_and_why(service: Any) -> None:
    replacements = Replacements()
    replacements.replaces(service, "say", "ACTIONS[Say]", upstream="Bug: it is quiet.")(_ours)
    lines = replacement_report.report(replacements).splitlines()
    assert lines[0].startswith("services.echo.say  <-  test_replacements.py:")
    assert lines[1:4] == [
        "    and services.echo.ACTIONS[Say]",
        "    Say it louder.",
        "    upstream: Bug: it is quiet.",
    ]


def test_every_file_that_replaces_something_is_loaded() -> None:
    decorated = {
        path.stem
        for path in PACKAGE.glob("*.py")
        for line in path.read_text(encoding="utf-8").splitlines()
        if line.startswith(("@replaces", "@adds"))
    }
    assert decorated - {"resource_types"} <= {*MODULES, *MODULES_WITH_ENGINE}


def _command(*arguments: str, cwd: Path = ROOT) -> "subprocess.CompletedProcess[str]":
    """Run the command in a process of its own, as MiniStack is everywhere."""
    # With a shell's idea of what MiniStack should serve: it does not matter.
    environment = os.environ | {"PYTHONPATH": str(cwd), "SERVICES": "s3"}
    return subprocess.run(
        [*COMMAND, *arguments],
        cwd=cwd,
        env=environment,
        check=False,
        capture_output=True,
        text=True,
    )


def test_ministack_is_the_one_that_was_looked_at() -> None:
    """With a new version this tells what to read again; the lines say what to do then."""
    done = _command("check")
    assert done.returncode == 0, done.stdout + done.stderr


def test_everything_that_is_replaced_can_be_printed() -> None:
    done = _command()
    assert done.returncode == 0, done.stderr
    assert "services.ecs._run_task  <-  ecs_tasks.py:" in done.stdout
    assert "core.router.SERVICE_PATTERNS[codepipeline]  <-  moto_api.py:" in done.stdout
    lines = done.stdout.splitlines()
    reasons = [after for line, after in pairwise(lines) if "  <-  " in line]
    assert len(reasons) == len([line for line in lines if "  <-  " in line])
    assert all(reason.strip() for reason in reasons)


def test_another_version_is_told_name_by_name(tmp_path: Path) -> None:
    """As if an older MiniStack had been looked at: one name was new, one old, one different."""
    record = json.loads(replacement_report.RECORD.read_text(encoding="utf-8"))
    names = record["names"]
    names["ministack.services.ecs._stop_task_v1"] = "000000000000"
    names["ministack.services.ecs._run_task"] = "000000000000"
    del names["ministack.services.ecs._resolve_td_key"]
    copy = tmp_path / Path(*str(replacement_report.__package__).split("."))
    copy.parent.mkdir(parents=True)
    for folder in PACKAGE.relative_to(ROOT).parents:
        (tmp_path / folder / "__init__.py").touch()
    for file in PACKAGE.rglob("*.py"):
        copied = copy / file.relative_to(PACKAGE)
        copied.parent.mkdir(exist_ok=True)
        copied.write_bytes(file.read_bytes())
    record_file = copy / replacement_report.RECORD.name
    record_file.write_text(json.dumps({"ministack": "1.0", "names": names}), encoding="utf-8")

    done = _command("check", cwd=tmp_path)

    assert done.returncode == 1, done.stderr
    lines = done.stdout.splitlines()
    assert len(lines) == 3
    assert "ecs._stop_task_v1 is no longer used here" in done.stdout
    assert "ecs._resolve_td_key is new here, for ecs" in done.stdout
    assert "ecs._run_task has changed since MiniStack 1.0: read it, see whether run_task" in (
        done.stdout
    )

    assert _command("accept", cwd=tmp_path).returncode == 0
    assert record_file.read_bytes() == replacement_report.RECORD.read_bytes()
