"""The programs of bad versions really run, on the processor of this machine."""

import platform
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from tools.rehearsal.bad_versions import exits_at_once, is_known, never_listens

ARCHITECTURE = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), "")

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or not is_known(ARCHITECTURE),
    reason="the programs of bad versions are for Linux on amd64 and arm64",
)


def started(folder: Path, files: Callable[[str], Mapping[str, bytes]]) -> subprocess.Popen[bytes]:
    program = folder / "program"
    program.write_bytes(files(ARCHITECTURE)["program"])
    program.chmod(0o755)
    return subprocess.Popen([program])


def test_one_exits_at_once_and_is_a_failure(tmp_path: Path) -> None:
    with started(tmp_path, exits_at_once) as process:
        assert process.wait(timeout=60) == 1


def test_the_other_runs_until_sigterm_and_then_ends_well(tmp_path: Path) -> None:
    with started(tmp_path, never_listens) as process:
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(timeout=0.5)
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=60) == 0
