"""How a tool ends when somebody stops it or closes its output, and what it writes to a terminal."""

from tools.command_line import whole_number

import argparse
import io
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from cdk_rehearsal.terminal import LiveLine, fill
from tools.repository import ROOT

STARTED = """
from tools.command_line import run
import atexit, pathlib, time

def main():
    try:
        print("ready", flush=True)
        {body}
    finally:
        pathlib.Path("end").write_text("cleaned up")

atexit.register(lambda: 1 / 0)
run(main, stopped="Stopped, and nothing is left.")
"""
IMPORTED = "from tools.command_line import run; import time; print('ready', flush=True); {body}"


def start(folder: Path, body: str, source: str = STARTED) -> subprocess.Popen[str]:
    """Start a tool and wait until it has printed "ready"."""
    tool = subprocess.Popen(
        [sys.executable, "-c", source.format(body=body)],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert tool.stdout
    assert tool.stdout.readline() == "ready\n"
    return tool


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_stopped_tool_cleans_up_and_prints_one_line(
    number: signal.Signals, tmp_path: Path
) -> None:
    with start(tmp_path, "time.sleep(60)") as tool:
        tool.send_signal(number)
        assert tool.communicate(timeout=60) == ("", "Stopped, and nothing is left.\n")
    assert tool.returncode == 128 + number
    assert (tmp_path / "end").read_text("utf-8") == "cleaned up"


def test_ctrl_c_during_the_imports_prints_one_line(tmp_path: Path) -> None:
    with start(tmp_path, "time.sleep(60)", IMPORTED) as tool:
        tool.send_signal(signal.SIGINT)
        assert tool.communicate(timeout=60) == ("", "Stopped.\n")


def test_a_closed_pipe_ends_a_tool_without_a_message(tmp_path: Path) -> None:
    with start(tmp_path, "while True: print('x')", STARTED.replace("1 / 0", "0")) as tool:
        assert tool.stdout
        assert tool.stderr
        tool.stdout.close()
        assert tool.stderr.read() == ""
    assert tool.returncode == 128 + signal.SIGPIPE
    assert (tmp_path / "end").read_text("utf-8") == "cleaned up"


@pytest.mark.parametrize(
    ("body", "last_line", "status"),
    [
        ("raise BrokenPipeError('of a child')", "BrokenPipeError: of a child", 1),
        ("open('missing')", "error: 'missing': No such file or directory", 1),
        ("return 3", "", 3),
    ],
)
def test_other_errors_and_the_status_of_a_tool_are_kept(
    body: str, last_line: str, status: int, tmp_path: Path
) -> None:
    with start(tmp_path, body, STARTED.replace("1 / 0", "0")) as tool:
        said = tool.communicate(timeout=60)[1]
    assert "".join(said.splitlines()[-1:]) == last_line
    assert tool.returncode == status


def test_a_whole_number_has_a_least_value() -> None:
    assert whole_number(1)("1") == 1
    with pytest.raises(argparse.ArgumentTypeError, match="a whole number from 1 on"):
        whole_number(1)("0")


def test_long_lines_are_broken_between_words_and_indented(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "31")
    folded = fill("  ok   name  ", "one two three four five", indent=4)
    assert folded == "  ok   name  one two three\n    four five"


def test_a_changing_line_is_for_terminals_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("CI", raising=False)
    file, terminal = io.StringIO(), io.StringIO()
    monkeypatch.setattr(terminal, "isatty", lambda: True)
    for stream in (file, terminal):
        LiveLine(stream).show("a step\x1b[2J")
    assert file.getvalue() == ""
    assert terminal.getvalue() == "\ra step [2J\x1b[K\r"
