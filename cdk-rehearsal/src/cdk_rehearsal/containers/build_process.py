"""Runs the build of an engine, and ends it with all that it has started.

A build of podman starts buildah, which runs each command of the Dockerfile in a session of its own.
If a signal ends podman, it leaves this command and its working containers behind. If a command
fails, it removes them. So a build is ended by killing its commands (seen with podman 5.4).
"""

import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

_PROCESSES = Path("/proc")
_POLL_SECONDS = 0.05

BUILD_END_SECONDS = 10
"""How long a build may take to end; podman first finishes a step like the COPY of a folder."""


def run_build_command(
    command: Sequence[str], environment: Mapping[str, str], *, timeout: float, by_signal: bool
) -> subprocess.CompletedProcess[str]:
    """Run a build in a session of its own, so that Ctrl-C reaches only this process.

    An exception like that of Ctrl-C ends the build (see `end_build`).
    """
    build = subprocess.Popen(
        command,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        stdout, stderr = build.communicate(timeout=timeout)
    except BaseException:
        end_build(build.pid, by_signal=by_signal)
        build.communicate()
        raise
    return subprocess.CompletedProcess(command, build.returncode, stdout, stderr)


def end_build(process: int, *, by_signal: bool) -> None:
    """End a build and what it runs, by a signal or by killing the commands of its Dockerfile.

    After `BUILD_END_SECONDS` it kills all of it, and working containers may be left.
    """
    if by_signal:
        kill([process], signal.SIGTERM)
    deadline = time.monotonic() + BUILD_END_SECONDS
    while (generations := _generations(process)) and time.monotonic() < deadline:
        if not by_signal:
            # The children of podman are parts of buildah, which clean up after a command.
            kill([each for generation in generations[2:] for each in generation])
        time.sleep(_POLL_SECONDS)
    kill([each for generation in generations for each in generation])


def builds_with(option: str) -> list[int]:
    """Return the processes of this user that run a build with an option that starts so."""
    found = []
    for each in _PROCESSES.glob("[0-9]*"):
        with suppress(OSError):
            words = os.fsdecode((each / "cmdline").read_bytes()).split("\0")
            of_user = each.stat().st_uid == os.geteuid()
            if of_user and "build" in words[:2] and any(word.startswith(option) for word in words):
                found.append(int(each.name))
    return found


def kill(processes: Sequence[int], number: signal.Signals = signal.SIGKILL) -> None:
    """Send a signal to processes, some of which may have ended."""
    for each in processes:
        with suppress(ProcessLookupError):
            os.kill(each, number)


def _generations(process: int) -> list[list[int]]:
    """Return a running process, its children, their children, and so on; without /proc none."""
    parents = {}
    for stat in _PROCESSES.glob("[0-9]*/stat"):
        with suppress(OSError):
            # The name of the command, in brackets, may have spaces.
            state, parent = stat.read_text("utf-8", "replace").rpartition(") ")[2].split()[:2]
            if state not in "ZX":
                parents[int(stat.parent.name)] = int(parent)
    generations, newest = [], [process] if process in parents else []
    while newest:
        generations.append(newest)
        newest = [each for each, parent in parents.items() if parent in newest]
    return generations
