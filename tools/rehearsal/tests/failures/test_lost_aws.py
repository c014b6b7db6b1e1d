"""The local AWS dies under `make rehearse`: a message, soon, and an exit code."""

import os
import signal
import subprocess
import sys
import time

import pytest

from tools.repository import ROOT

pytestmark = pytest.mark.slow


# `python -m tools.rehearsal`, which says the number of each process that it starts.
TALKATIVE = """
import runpy, subprocess, sys

start = subprocess.Popen.__init__

def start_and_tell(self, arguments, *others, **options):
    start(self, arguments, *others, **options)
    print("started", self.pid, *arguments, flush=True)

subprocess.Popen.__init__ = start_and_tell
sys.argv = ["rehearsal"]
runpy.run_module("tools.rehearsal", run_name="__main__")
"""


@pytest.mark.parametrize("last_step", ["Start the local AWS", "cdk bootstrap"])
def test_rehearsal_says_so_and_ends(last_step: str) -> None:
    rehearsal = subprocess.Popen(
        [sys.executable, "-c", TALKATIVE],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert rehearsal.stdout
    local_aws = 0
    try:
        while last_step not in (line := rehearsal.stdout.readline()):
            assert line, "the rehearsal ended early"
            if line.startswith("started ") and "tools.local_aws" in line:
                local_aws = int(line.split()[1])
        assert local_aws
        os.kill(local_aws, signal.SIGKILL)
        began = time.monotonic()
        said = rehearsal.communicate(timeout=60)[1]
    finally:
        rehearsal.kill()
    assert rehearsal.returncode == 1
    assert time.monotonic() - began < 10
    assert "The rehearsal failed: " in said
    assert "Traceback" not in said
