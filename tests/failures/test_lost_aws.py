"""The local AWS dies under `make rehearse`: a message, soon, and an exit code."""

import os
import signal
import subprocess
import sys
import time

import pytest

from rehearsal.sample_settings import ROOT

pytestmark = pytest.mark.slow


def child_of(pid: int, command: str) -> int:
    """Return the process that a process has started with such a command."""
    listed = subprocess.run(
        ["ps", "-eo", "pid=,ppid=,args="], capture_output=True, text=True, check=True
    )
    (found,) = (
        int(line.split()[0])
        for line in listed.stdout.splitlines()
        if line.split()[1] == str(pid) and command in line
    )
    return found


@pytest.mark.parametrize("last_step", ["Start the local AWS", "cdk bootstrap"])
def test_rehearsal_says_so_and_ends(last_step: str) -> None:
    rehearsal = subprocess.Popen(
        [sys.executable, "-m", "rehearsal"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert rehearsal.stdout
    try:
        while last_step not in (line := rehearsal.stdout.readline()):
            assert line, "the rehearsal ended early"
        os.kill(child_of(rehearsal.pid, "rehearsal.local_aws"), signal.SIGKILL)
        began = time.monotonic()
        said = rehearsal.communicate(timeout=60)[1]
    finally:
        rehearsal.kill()
    assert rehearsal.returncode == 1
    assert time.monotonic() - began < 10
    assert "The rehearsal failed: " in said
    assert "Traceback" not in said
