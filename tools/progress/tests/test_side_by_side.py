"""Parts that run side by side: what is seen of them, what is said last, and how they end."""

import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tools.repository import ROOT

RUN = (sys.executable, "-m", "tools.progress.side_by_side")


def environment(**changes: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name not in {"CI", "NO_COLOR"}}
    return kept | {"TERM": "xterm", "COLUMNS": "60"} | changes


def parts(**commands: str) -> list[str]:
    return [word for part in commands.items() for word in ("--part", *part)]


def run(*options: str, **commands: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*RUN, *options, *parts(**commands)],
        cwd=ROOT,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )


def test_parts_run_at_the_same_time_and_each_is_told_at_its_end(tmp_path: Path) -> None:
    here = tmp_path / "here"
    done = run(
        waits=f"until test -e {here}; do sleep 0.02; done; echo it is here",
        comes=f"echo I come; touch {here}",
    )
    assert done.returncode == 0
    lines = done.stdout.splitlines()
    for name, said in (("comes", "I come"), ("waits", "it is here")):
        assert re.fullmatch(rf"--- {name}: passed, \d+ s", lines[lines.index(said) - 1])
    assert lines[-1].startswith("--- All passed: ")


def test_what_failed_and_why_comes_last() -> None:
    done = run(
        first="echo the reason >&2; exit 3",
        second="sleep 0.3; echo 'Not shown: much'; echo much output",
    )
    assert done.returncode == 1
    lines = done.stdout.splitlines()
    assert lines[0].startswith("--- first: FAILED (exit status 3) after ")
    assert lines[-2:] == ["the reason", "FAILED: first (exit status 3). Passed: second."]
    assert done.stdout.count("the reason") == 1


def test_of_two_that_failed_the_one_with_less_to_say_comes_last() -> None:
    """It would be looked for above pages of the other one."""
    done = run(short="echo one line; exit 1", long="sleep 0.2; echo many; echo lines; exit 1")
    told = [line.split()[1] for line in done.stdout.splitlines() if line.startswith("--- ")]
    assert told[-2:] == ["long:", "short:"]


def test_a_part_that_is_killed_has_failed() -> None:
    done = run(part="kill -9 $$")
    assert done.returncode == 1
    assert done.stdout.splitlines()[-1] == "FAILED: part (ended by SIGKILL)."


def test_what_was_not_shown_is_said_once_more_and_last() -> None:
    line = "Not shown: tasks as containers: no engine"
    done = run(a=f"echo '{line}'; echo more", b=f"sleep 0.2; echo '{line}'; echo more")
    assert done.returncode == 0
    assert done.stdout.splitlines()[-2:] == ["--- All passed: a, b", line]


def test_an_installation_is_one_line_in_a_log_and_everything_if_it_fails() -> None:
    done = run("--show", "nothing", install="echo much")
    assert (done.returncode, done.stdout) == (0, "install\n")
    done = run("--show", "nothing", install="echo much; exit 1")
    assert done.returncode == 1
    assert done.stdout.splitlines()[-2:] == ["much", "FAILED: install (exit status 1)."]


def test_of_a_build_the_last_line_is_kept() -> None:
    assert run("--show", "last", build="echo much; echo built").stdout == "build\nbuilt\n"


def test_a_process_that_a_part_forgot_holds_nobody_up() -> None:
    began = time.monotonic()
    done = run(part="sleep 60 & echo $!")
    os.kill(int(done.stdout.splitlines()[1]), signal.SIGKILL)
    assert done.returncode == 0
    assert time.monotonic() - began < 30


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_parts_end_with_all_that_they_have_started(number: signal.Signals, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "held")
    held_by_all = os.open(tmp_path / "held", os.O_RDONLY | os.O_NONBLOCK)
    part = f"exec 9> {tmp_path}/held; echo held >&9; (sleep 60; true); true"
    process = subprocess.Popen(
        [*RUN, *parts(part=part, early="echo the reason; exit 1")],
        cwd=ROOT,
        env=environment(),
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout
    assert process.stdout.readline().startswith("--- early: FAILED")
    assert select.select([held_by_all], [], [], 5)[0]
    assert os.read(held_by_all, 100) == b"held\n"
    assert not select.select([held_by_all], [], [], 0)[0]
    process.send_signal(number)
    said = process.communicate(timeout=30)[0].splitlines()
    assert process.returncode == 128 + number
    assert said[0] == f"{number.name}: ending part"
    assert said[-2:] == ["the reason", "FAILED: early (exit status 1). Not finished: part."]
    assert select.select([held_by_all], [], [], 5)[0]
    assert os.read(held_by_all, 100) == b"", "nobody holds the other end any more"
    os.close(held_by_all)


def on_terminal(**variables: str) -> str:
    """Return all that is written to a terminal by two parts, one of them with its progress."""
    command = [*RUN, *parts(one="printf '..... [ 42%%]'; sleep 0.8", two="sleep 0.4; echo done")]
    controller, terminal = pty.openpty()
    process = subprocess.Popen(
        command, cwd=ROOT, env=environment(**variables), stdout=terminal, stdin=terminal
    )
    os.close(terminal)
    written = b""
    try:
        while chunk := os.read(controller, 65536):
            written += chunk
    except OSError:  # The last one has closed the terminal.
        pass
    os.close(controller)
    assert process.wait(timeout=10) == 0
    return written.decode()


@pytest.mark.usefixtures("terminals")
def test_a_terminal_shows_how_far_the_parts_are() -> None:
    written = on_terminal()
    assert re.search(r"… one     \d s   42%  \.\.\.\.\. \[ 42%\]\x1b\[K", written)
    assert re.search(r"… two     \d s", written)


@pytest.mark.usefixtures("terminals")
@pytest.mark.parametrize("variable", [{"TERM": "dumb"}, {"CI": "1"}])
def test_a_terminal_that_cannot_shows_no_more_than_a_log(variable: dict[str, str]) -> None:
    written = on_terminal(**variable)
    assert "\x1b" not in written
    assert written.startswith("--- ")


def test_nohup_is_respected() -> None:
    process = subprocess.Popen(
        ["nohup", *RUN, *parts(early="true", late="sleep 0.5; echo done")],
        cwd=ROOT,
        env=environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout
    assert process.stdout.readline().startswith("--- early: passed")
    process.send_signal(signal.SIGHUP)
    assert process.communicate(timeout=30)[0].endswith("done\n--- All passed: early, late\n")
    assert process.returncode == 0


def test_parts_hear_what_who_started_them_ignores() -> None:
    """A script that starts the tests with `&` has SIGINT ignored; some tests send it."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        done = run(part="kill -INT $$; echo deaf")
    finally:
        signal.signal(signal.SIGINT, before)
    assert done.stdout.splitlines()[-1] == "FAILED: part (ended by SIGINT)."


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has such a device")
def test_full_disk_behind_the_output_is_one_line() -> None:
    with Path("/dev/full").open("w", encoding="utf-8") as full:
        done = subprocess.run(
            [*RUN, *parts(a="true")],
            cwd=ROOT,
            env=environment(),
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.stderr == "error: the output cannot be written: No space left on device\n"
    assert done.returncode == 1
