"""How a tool ends when somebody stops it or closes its output, and what it writes to a terminal."""

import io
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

atexit.register({at_exit})
run(main, stopped="Stopped, and nothing is left.")
"""


def start(folder: Path, body: str, at_exit: str = "int") -> subprocess.Popen[str]:
    """Start a tool and wait until it has printed "ready"."""
    tool = subprocess.Popen(
        [sys.executable, "-c", STARTED.format(body=body, at_exit=at_exit)],
        cwd=folder,
        env={"PYTHONPATH": str(ROOT)},
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
    with start(tmp_path, "time.sleep(60)", at_exit="lambda: 1 / 0") as tool:
        tool.send_signal(number)
        assert tool.communicate(timeout=60) == ("", "Stopped, and nothing is left.\n")
    assert tool.returncode == 128 + number
    assert (tmp_path / "end").read_text("utf-8") == "cleaned up"


def test_a_closed_pipe_ends_a_tool_without_a_message(tmp_path: Path) -> None:
    with start(tmp_path, "while True: print('x')") as tool:
        assert tool.stdout
        assert tool.stderr
        tool.stdout.close()
        assert tool.stderr.read() == ""
    assert tool.returncode == 128 + signal.SIGPIPE


def test_other_errors_are_kept(tmp_path: Path) -> None:
    with start(tmp_path, "raise BrokenPipeError('of a child')") as tool:
        assert tool.communicate(timeout=60)[1].endswith("BrokenPipeError: of a child\n")
    with start(tmp_path, "open('missing')") as tool:
        assert tool.communicate(timeout=60)[1] == "error: 'missing': No such file or directory\n"


def test_a_full_disk_is_one_line(tmp_path: Path) -> None:
    with start(tmp_path, "raise RuntimeError('ENOSPC: no space left on device, write')") as tool:
        (line,) = tool.communicate(timeout=60)[1].splitlines()
    assert line.startswith("error: a disk is full")


def test_escapes_in_foreign_text_are_printed_as_text(tmp_path: Path) -> None:
    with start(tmp_path, r"print('\x1b[2J'); raise SystemExit('\x9b1m \xe4')") as tool:
        assert tool.stdout
        assert tool.stderr
        # `communicate` would lose what came with the line "ready".
        assert (tool.stdout.read(), tool.stderr.read()) == ("\\x1b[2J\n", "\\x9b1m \xe4\n")


def test_a_terminal_gets_whole_words_and_a_line_that_changes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in (("COLUMNS", "31"), ("TERM", "xterm"), ("CI", "")):
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    folded = fill("  ok   name  ", "one two three four five", indent=4)
    assert folded == "  ok   name  one two three\n    four five"
    file, terminal = io.StringIO(), io.StringIO()
    monkeypatch.setattr(terminal, "isatty", lambda: True)
    for stream in (file, terminal):
        LiveLine(stream).show("a step\x1b[2J")
    assert file.getvalue() == ""
    assert terminal.getvalue() == "\ra step\\x1b[2J\x1b[K\r"
