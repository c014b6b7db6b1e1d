"""The run to which a container, network or image belongs, and whether that run has ended.

One engine may serve several users, machines and containers, each with its own temporary directory.
The scratch directory of a run may be missing here only because the run has another temporary
directory. So an owner names its user, its machine, the boot of that machine, and the device and
inode of its temporary directory. Only if we look into that very directory does a missing scratch
directory mean that the run has ended.
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

from cdk_rehearsal.environment import process_environment
from cdk_rehearsal.scratch import in_use

_MACHINE_ID = Path("/etc/machine-id")  # machine-id(5): stays the same for one installation
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")  # random(4): new at each boot
_ID = re.compile(r"[0-9a-f-]{32,36}", re.IGNORECASE)
_SEPARATOR = ";"


@dataclass(frozen=True)
class Owner:
    """A run, as a label describes it."""

    user: str
    """Number of the user, name and id of the machine."""
    boot: str
    """The boot id of the machine; empty if it cannot be read."""
    place: str
    """Device and inode of the directory that holds the scratch directory."""
    folder: str
    """The path of the scratch directory."""

    @classmethod
    def of(cls, scratch: Path) -> Self:
        """Return the owner for a scratch directory of this user on this machine."""
        folder = scratch.absolute()
        return cls(_user(), _boot_id(), _place(folder.parent), str(folder))

    @classmethod
    def parse(cls, label: str) -> Self | None:
        """Read a label that `str` has written; None for any other label."""
        parts = label.split(_SEPARATOR, maxsplit=len(fields(cls)) - 1)
        return cls(*parts) if len(parts) == len(fields(cls)) else None

    def __str__(self) -> str:
        return _SEPARATOR.join((self.user, self.boot, self.place, self.folder))

    def has_ended(self) -> bool:
        """Say whether the run has ended, beyond doubt."""
        if self.user != _user() or not self.boot or not _boot_id():
            return False
        if self.boot != _boot_id():
            # It ended with an earlier boot if this is the same machine, which only its id proves.
            return bool(_machine_id())
        folder = Path(self.folder)
        return bool(self.place) and self.place == _place(folder.parent) and not in_use(folder)


def _user() -> str:
    return f"{os.geteuid()}@{socket.gethostname()}/{_machine_id()}"


@cache
def _machine_id() -> str:
    return _read_id(_MACHINE_ID)


@cache
def _boot_id() -> str:
    if found := _read_id(_BOOT_ID):
        return found
    with suppress(OSError):  # macOS tells it through sysctl
        printed = subprocess.run(
            ["/usr/sbin/sysctl", "-n", "kern.bootsessionuuid"],
            env=process_environment(),
            capture_output=True,
            text=True,
            check=False,
        ).stdout.strip()
        return printed if _ID.fullmatch(printed) else ""
    return ""


def _read_id(file: Path) -> str:
    with suppress(OSError):
        found = file.read_text("utf-8").strip()
        if _ID.fullmatch(found):
            return found
    return ""


def _place(folder: Path) -> str:
    """Return device and inode of a directory; empty if it cannot be read."""
    with suppress(OSError):
        found = folder.stat()
        return f"{found.st_dev}:{found.st_ino}"
    return ""
