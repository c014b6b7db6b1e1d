"""Runs the build of an engine, and ends it with all that it has started.

A build of podman starts buildah, which runs each command of the Dockerfile in a session of its own.
If a signal ends podman, it leaves this command and its working containers behind. If a command
fails, it removes them. So a build is ended by killing its commands (seen with podman 5.4).
"""

import os
import signal
import subprocess
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

_PROCESSES = Path("/proc")
_POLL_SECONDS = 0.05

BUILD_END_SECONDS = 10
"""How long a build may take to end; podman first finishes a step like the COPY of a folder."""


def run_build_command(
    command: Sequence[str], environment: Mapping[str, str], *, timeout: float
) -> subprocess.CompletedProcess[str]:
    """Run a build in a session of its own, which Ctrl-C ends only by way of this process."""
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
        if "podman" not in command[0]:
            build.terminate()  # docker tells its daemon, which cleans up
        end_build(build.pid)
        build.communicate()
        raise
    return subprocess.CompletedProcess(command, build.returncode, stdout, stderr)


def end_build(process: int) -> None:
    """End a build by killing its commands; after `BUILD_END_SECONDS` kill all of it."""
    deadline = time.monotonic() + BUILD_END_SECONDS
    while _command(process) and time.monotonic() < deadline:
        for part in _children(process):  # a part of buildah, which cleans up after its command
            _kill(_descendants(part))
        time.sleep(_POLL_SECONDS)
    _kill([process, *_descendants(process)])


def builds_with(option: str) -> list[int]:
    """Return the processes of this user that run a build with an option that starts so."""
    found = []
    for folder in _PROCESSES.glob("[0-9]*"):
        with suppress(OSError):
            words = _command(int(folder.name))
            of_user = folder.stat().st_uid == os.geteuid()
            if of_user and "build" in words[:2] and any(word.startswith(option) for word in words):
                found.append(int(folder.name))
    return found


def _command(process: int) -> list[str]:
    """Return the words of a process; none if it has ended, even if its parent does not know yet."""
    try:
        return os.fsdecode((_PROCESSES / str(process) / "cmdline").read_bytes()).split("\0")[:-1]
    except OSError:
        return []


def _children(process: int) -> Iterator[int]:
    for thread in (_PROCESSES / str(process) / "task").glob("*/children"):
        with suppress(OSError):
            yield from map(int, thread.read_text("ascii").split())


def _descendants(process: int) -> list[int]:
    return [each for child in _children(process) for each in (child, *_descendants(child))]


def _kill(processes: Iterable[int]) -> None:
    for each in processes:
        with suppress(ProcessLookupError):
            os.kill(each, signal.SIGKILL)
