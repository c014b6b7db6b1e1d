"""Whose run it is that something in an engine belongs to, and whether that run is certainly over.

An engine may serve other users, other machines, and containers that each have a temporary directory
of their own. To some of them a run's scratch directory looks as if it were gone. So an owner names
its user, its machine and the start of that machine, and which temporary directory it means: only
where that very directory is looked at, what is missing in it is gone.
"""

from __future__ import annotations

import os
import re
import socket
import subprocess
from contextlib import suppress
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path
from typing import Self

from tools.local_aws.process_environment import process_environment
from tools.local_aws.scratch import in_use

_MACHINE_ID = Path("/etc/machine-id")  # machine-id(5): of one installation, and to stay the same
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")  # random(4): of one start of one kernel
_ID = re.compile(r"[0-9a-f-]{32,36}", re.IGNORECASE)
_SEPARATOR = ";"


@dataclass(frozen=True)
class Owner:
    """A run, as a label tells of it."""

    user: str
    """Number of the user, and name and id of the machine."""
    boot: str
    """Which start of the machine; empty if that cannot be told."""
    place: str
    """Which directory the scratch directory is in: device and inode."""
    folder: str
    """The path of the scratch directory."""

    @classmethod
    def of(cls, scratch: Path) -> Self:
        """Return the owner whose scratch directory it is, of this user on this machine."""
        folder = scratch.absolute()
        return cls(_user(), _boot(), _place(folder.parent), str(folder))

    @classmethod
    def parse(cls, label: str) -> Self | None:
        """Read what `str` has written; None if it is anything else."""
        parts = label.split(_SEPARATOR, maxsplit=len(fields(cls)) - 1)
        return cls(*parts) if len(parts) == len(fields(cls)) else None

    def __str__(self) -> str:
        return _SEPARATOR.join((self.user, self.boot, self.place, self.folder))

    def is_gone(self) -> bool:
        """Say whether the run is over beyond doubt."""
        if self.user != _user() or not self.boot or not _boot():
            return False
        if self.boot != _boot():
            # Over with an earlier start of this machine: a name alone would not say that it is it.
            return bool(_machine())
        folder = Path(self.folder)
        return bool(self.place) and self.place == _place(folder.parent) and not in_use(folder)


def _user() -> str:
    return f"{os.geteuid()}@{socket.gethostname()}/{_machine()}"


@cache
def _machine() -> str:
    return _read_id(_MACHINE_ID)


@cache
def _boot() -> str:
    if found := _read_id(_BOOT_ID):
        return found
    with suppress(OSError):  # macOS has it elsewhere
        asked = ["/usr/sbin/sysctl", "-n", "kern.bootsessionuuid"]
        told = subprocess.run(
            asked, env=process_environment(), capture_output=True, text=True, check=False
        ).stdout.strip()
        return told if _ID.fullmatch(told) else ""
    return ""


def _read_id(file: Path) -> str:
    with suppress(OSError):
        found = file.read_text("utf-8").strip()
        if _ID.fullmatch(found):
            return found
    return ""


def _place(folder: Path) -> str:
    """Tell a directory from all others of this machine; empty if it cannot be looked at."""
    with suppress(OSError):
        found = folder.stat()
        return f"{found.st_dev}:{found.st_ino}"
    return ""
