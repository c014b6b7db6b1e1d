"""What is written to a terminal, and what is not."""

import io

import pytest

from tools.bench.results import Run, measure
from tools.progress.terminal import LiveLine, cut, fill, has_colour, is_live
from tools.rehearsal.console_report import ConsoleReport


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def xterm(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "61")
    for name in ("CI", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)


def test_colour_is_for_terminals_that_can() -> None:
    assert has_colour(Terminal())
    assert is_live(Terminal())
    assert not is_live(io.StringIO())


@pytest.mark.parametrize(
    ("name", "value", "live"),
    [
        ("TERM", "dumb", False),
        ("TERM", None, False),
        ("CI", "1", False),
        ("NO_COLOR", "1", True),
    ],
)
def test_no_colour_where_it_is_not_wanted(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str | None, *, live: bool
) -> None:
    if value is None:
        monkeypatch.delenv(name)
    else:
        monkeypatch.setenv(name, value)
    assert not has_colour(Terminal())
    assert is_live(Terminal()) == live


def test_a_line_is_cut_to_the_width_and_moves_no_cursor() -> None:
    assert cut("short", 10) == "short"
    assert cut("more than fits", 10) == "more than…"
    assert cut("a\x1b[2Jb\tc", 20) == "a [2Jb c"
    assert cut("❌❌❌", 4) == "❌…"


@pytest.mark.parametrize("note", ["", "fits", "one two three " * 9, "x" * 90 + " y"])
@pytest.mark.parametrize("text", ["", "  ✓ a step of a story ", "  ✓ " + "a long step " * 4])
def test_folded_lines_fit_and_lose_nothing(text: str, note: str) -> None:
    folded = fill(text, note, indent=12)
    assert folded.split() == (text + note).split()
    lines = folded.split("\n")
    assert all(len(line) <= 60 or not line.strip().count(" ") for line in lines)
    assert all(line.startswith(" " * 12) for line in lines[1:])


def test_a_live_line_is_only_on_a_terminal() -> None:
    log, screen = io.StringIO(), Terminal()
    for stream in (log, screen):
        line = LiveLine(stream)
        line.show("working " * 20)
        line.keep("round 1")
        line.clear()
    assert log.getvalue() == ""
    first, _, rest = screen.getvalue().partition("…")
    assert len(first) == 60
    assert "round 1\n" in rest


def test_the_bench_tells_of_each_round() -> None:
    log, screen = io.StringIO(), Terminal()
    for stream in (log, screen):
        measure({"an app": lambda: Run(1.0, 1.0)}, rounds=2, progress=LiveLine(stream))
    assert log.getvalue() == ""
    assert "… round 2 of 2: an app" in screen.getvalue()
    kept = [line.rpartition("\x1b[K")[2] for line in screen.getvalue().split("\n")]
    assert kept[:-1] == [
        "  ✓ a round that fills the caches: 0 s",
        "  ✓ round 1 of 2: 0 s",
        "  ✓ round 2 of 2: 0 s",
    ]


def report_a_step() -> None:
    report = ConsoleReport()
    report.section("A section")
    with report.step("A step") as step:
        step.note = "one two three " * 5
    report.leave_out("much: " + "one two three " * 5)
    report.leave_out("more")
    report.leave_out("more")
    report.end("1 step")


def test_the_report_of_a_rehearsal_fits_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Terminal()
    monkeypatch.setattr("sys.stdout", screen)
    report_a_step()
    printed = screen.getvalue()
    assert "\x1b[32m✓\x1b[0m" in printed
    for code in ("\x1b[32m", "\x1b[1m", "\x1b[0m", "\x1b[K", "\r"):
        printed = printed.replace(code, "")
    assert all(len(line) <= 60 for line in printed.splitlines())


def test_in_a_log_each_step_is_a_line_without_colour(capsys: pytest.CaptureFixture[str]) -> None:
    report_a_step()
    lines = capsys.readouterr().out.splitlines()
    assert "\x1b" not in "".join(lines)
    assert lines[2].endswith("one two three")
    assert lines[-3] == "1 step"
    assert lines[-2].startswith("Not shown: much: one")
    assert lines[-1] == "Not shown: more"
