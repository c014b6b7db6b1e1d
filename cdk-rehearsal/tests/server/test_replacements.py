"""How code of this package replaces names of MiniStack, and what a new MiniStack changes."""

import os
import subprocess
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

from cdk_rehearsal.ministack.replacements import Name, ReplacementError, Replacements


def _louder(original: Callable[[str], str], word: str) -> str:
    """Say it louder."""
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


def test_a_function_replaces_every_listed_name_and_receives_the_original(service: Any) -> None:
    other: Any = ModuleType("ministack.services.other")
    other.say = service.say
    replacements = Replacements()
    louder = replacements.replaces(service, "say", "ACTIONS[Say]", bound_in=[other])(_louder)
    assert service.say("a") == "say a", "nothing is replaced before `apply`"
    replacements.apply()
    assert service.twice("a") == "SAY A SAY A"
    assert service.ACTIONS["Say"]("a") == other.say("a") == "SAY A"
    assert service.ACTIONS["Ask"]("a") == "say a"
    assert louder("a") == "SAY A", "other code calls it like the original"


def test_one_error_names_everything_that_does_not_fit_and_nothing_is_replaced(
    service: Any,
) -> None:
    service.other = lambda word: word
    replacements = Replacements()
    replacements.replaces(service, "say")(_louder)
    replacements.replaces(service, "ACTIONS[Gone]")(_louder)
    replacements.replaces(service, "other", "ACTIONS[Ask]")(_louder)
    replacements.add([Name(service, "twice")], function=_say, value=_say, adds=True)
    with pytest.raises(ReplacementError) as error:
        replacements.apply()
    lines = str(error.value).splitlines()
    assert len(lines) == 3
    for part in (
        "echo.ACTIONS[Gone] no longer exists in MiniStack, but ",
        "echo.other and ministack.services.echo.ACTIONS[Ask] no longer have the same value",
        "echo.twice now exists in MiniStack: compare it with ",
    ):
        assert any(part in line for line in lines), part
    assert service.say is _say


def test_the_installed_ministack_is_the_recorded_one() -> None:
    """After an update of MiniStack the output says what to read, and what to do then."""
    # With a variable of the shell that would switch services of MiniStack off.
    environment = os.environ | {"SERVICES": "s3"}
    done = subprocess.run(
        [sys.executable, "-m", "cdk_rehearsal.server", "--replacements"],
        env=environment,
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
