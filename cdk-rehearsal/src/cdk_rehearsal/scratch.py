"""Scratch directories: their process removes them; if it was killed, the next process does.

Each directory has a mark, a small file that this program writes into it. A process holds a lock on
its directory, which the kernel releases when the process ends in any way. So a process that makes
a new scratch directory first removes the marked directories that nobody has locked. A process id
instead of the lock would not do: ids are used again, and mean nothing in another container that
shares the temporary directory. The mark has the id only for people who look. It also has the inode
of its directory, so a copy that the user makes of a scratch directory is not removed.
"""

import fcntl
import json
import os
import stat
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Self

PREFIX = "cdk-rehearsal-"
MARK = ".made-by-cdk-rehearsal"
RUN = "run"
"""The kind of directory that stands for what its process has made in a container engine.

`sweep` leaves these alone: whoever removes one (`taken_over`) first removes what it stands for.
"""

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_LARGEST_MARK = 10_000
_RM = "/bin/rm"


class ScratchDirectory:
    """A new directory, `cdk-rehearsal-<kind>-...`, that only this user can read.

    Use it in a `with` block, or call `remove` at the end. The constructor first removes scratch
    directories that ended processes of this user have left in ``parent``, by default the temporary
    directory.
    """

    def __init__(self, kind: str, *, parent: Path | None = None) -> None:
        sweep(parent)
        self.path = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{kind}-", dir=parent))
        self._directory: int | None = os.open(self.path, _DIRECTORY)
        # The lock comes first, so that no other process ever sees a mark without its lock.
        with suppress(OSError):  # a file system without locks: without a mark nobody removes it
            fcntl.flock(self._directory, fcntl.LOCK_EX)
            _write_mark(self._directory)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.remove()

    def remove(self) -> None:
        """Remove it with its content; a later sweep removes what resists. May be called twice."""
        directory, self._directory = self._directory, None
        if directory is None:
            return
        try:
            if _is_at(directory, self.path):
                _remove(self.path, directory)
        finally:
            os.close(directory)


def sweep(parent: Path | None = None) -> None:
    """Remove the scratch directories of this user whose process has ended, and nothing else."""
    folder = Path(tempfile.gettempdir()) if parent is None else parent
    with suppress(OSError):
        for path in folder.glob(f"{PREFIX}*"):
            if not path.name.startswith(f"{PREFIX}{RUN}-"):
                with taken_over(path):
                    pass


@contextmanager
def taken_over(path: Path) -> Iterator[bool]:
    """Lock the scratch directory of an ended process for the block, and then remove it.

    For any other path it gives False, and does nothing.
    """
    try:
        directory = os.open(path, _DIRECTORY)
    except OSError:  # not there any more, not a directory, a link, or not for us to read
        yield False
        return
    try:
        has_ended = _lock(directory, path)
        yield has_ended
        if has_ended:
            _remove(path, directory)
    finally:
        os.close(directory)


def runs() -> list[Path]:
    """Return the directories of kind `RUN`, of running processes and of ended ones."""
    return list(Path(tempfile.gettempdir()).glob(f"{PREFIX}{RUN}-*"))


def _write_mark(directory: int) -> None:
    opened = os.open(MARK, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode=0o600, dir_fd=directory)
    with os.fdopen(opened, "w", encoding="utf-8") as file:
        json.dump({"process": os.getpid(), "directory": _identity(os.fstat(directory))}, file)


def _identity(found: os.stat_result) -> list[int]:
    return [found.st_dev, found.st_ino]


def _lock(directory: int, path: Path) -> bool:
    """Lock a marked directory whose process has ended; False for all others."""
    try:
        if not _has_our_mark(directory):
            return False
        fcntl.flock(directory, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:  # without a mark, or its process lives
        return False
    # Another sweep may have removed it before it was locked.
    return _is_at(directory, path)


def _has_our_mark(directory: int) -> bool:
    """Say whether this user made the directory and this program its mark, beyond doubt."""
    made = os.fstat(directory)
    if made.st_uid != os.geteuid() or stat.S_IMODE(made.st_mode) & 0o077:
        return False
    mark = os.open(MARK, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=directory)
    with os.fdopen(mark, "rb") as file:
        found = os.fstat(mark)
        if not stat.S_ISREG(found.st_mode) or found.st_uid != os.geteuid():
            return False
        try:
            return bool(json.loads(file.read(_LARGEST_MARK))["directory"] == _identity(made))
        except (ValueError, TypeError, LookupError):
            return False


def _is_at(directory: int, path: Path) -> bool:
    """Say whether this path still leads to the open directory."""
    try:
        there = path.lstat()
    except OSError:
        return False
    return os.path.samestat(there, os.fstat(directory))


def _remove(path: Path, directory: int) -> None:
    """Remove an open directory; its mark goes last, so that a later sweep finds what resists."""
    if content := [entry for entry in os.listdir(directory) if entry != MARK]:
        # Not shutil.rmtree: before Python 3.13 it calls itself for each folder in a folder.
        command = [_RM, "-rf", "--", *content]
        subprocess.run(command, cwd=path, env={}, capture_output=True, check=False)
    if not set(os.listdir(directory)) - {MARK}:
        with suppress(OSError):
            os.unlink(MARK, dir_fd=directory)
        with suppress(OSError):
            path.rmdir()
