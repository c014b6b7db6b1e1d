"""A machine without a container engine: an error alone, in `make test` a line at the end."""

import sys
from types import SimpleNamespace

import pytest

from tools.conftest import pytest_terminal_summary
from tools.container_engine import NoEngineError
from tools.rehearsal import containers
from tools.rehearsal.containers import __main__ as alone


@pytest.fixture(autouse=True)
def no_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    def available() -> None:
        raise NoEngineError("no container engine: no docker command")

    monkeypatch.setattr(containers, "available", available)


def test_alone_it_fails_and_says_what_is_missing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["containers"])
    with pytest.raises(SystemExit, match="no container engine: no docker command") as ended:
        alone.main()
    assert isinstance(ended.value.code, str), "printed, and the exit status is 1"
    assert capsys.readouterr().out == ""


def test_where_it_is_one_part_of_many_it_says_last_what_is_not_shown(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["containers", "--where-possible"])
    alone.main()
    lines = capsys.readouterr().out.splitlines()
    said = [line for line in lines if line.startswith("Not shown: ")]
    assert said == lines[-len(said) :]
    assert said[0] == "Not shown: tasks as containers: no container engine: no docker command"
    assert any("a crash, and the rollback of a bad version" in line for line in said)


def test_skipped_tests_are_said_with_their_reason() -> None:
    lines: list[str] = []
    reports = [SimpleNamespace(longrepr=("file", 1, f"Skipped: {why}")) for why in "aab"]
    reporter = SimpleNamespace(stats={"skipped": reports}, write_line=lines.append)
    pytest_terminal_summary(reporter)
    assert lines == ["Not shown: 2 tests: a", "Not shown: 1 tests: b"]
