"""Scratch directories: marked as ours, removed by whoever made them, or later when they are dead.

A process that is killed cleans nothing up. So each directory carries a mark, and the next process
that makes one removes those whose process is gone. What counts as gone is decided by the kernel:
the directory is locked as long as its process lives, however that ends. A process id would be used
again one day, and means nothing in another container that shares the temporary directory; the mark
names the process all the same, for people. It names its own directory, too: a copy that somebody
has made of one is theirs.
"""

import fcntl
import json
import os
import shutil
import stat
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self

PREFIX = "ecs-blueprint-"
MARK = ".made-by-ecs-blueprint"

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_LARGEST_MARK = 10_000


class ScratchDirectory:
    """A new directory, `ecs-blueprint-<kind>-...`, for this process and its children alone.

    Use it in a `with` block, or call `remove` at the end. Making one first removes what other
    processes of the same user have left in the same place. ``parent`` is the temporary directory
    unless it is given.
    """

    def __init__(self, kind: str, *, parent: Path | None = None) -> None:
        sweep(parent)
        self.path = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{kind}-", dir=parent))
        self._directory: int | None = os.open(self.path, _DIRECTORY)
        # Locked before it is marked: nobody ever sees a mark without its lock.
        with suppress(OSError):  # A file system without locks: then nobody else may remove it.
            fcntl.flock(self._directory, fcntl.LOCK_EX)
            _write_mark(self._directory)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.remove()

    def remove(self) -> None:
        """Remove it with all that is in it. Harmless twice; what cannot go now is swept later."""
        directory, self._directory = self._directory, None
        if directory is None:
            return
        try:
            if _is_at(directory, self.path):
                _remove(self.path, directory)
        finally:
            os.close(directory)


def sweep(parent: Path | None = None) -> None:
    """Remove the scratch directories of this user whose process is gone; nothing else, ever."""
    folder = Path(tempfile.gettempdir()) if parent is None else parent
    with suppress(OSError):
        for path in folder.glob(f"{PREFIX}*"):
            with _locked(path) as directory:
                if directory is not None:
                    _remove(path, directory)


def in_use(path: Path) -> bool:
    """Say whether the process that made a scratch directory lives; in doubt it does.

    A directory that is not there any more has been removed by its process, or swept.
    """
    if not os.path.lexists(path):
        return False
    with _locked(path) as directory:
        return directory is None


def others_in_use(path: Path) -> bool:
    """Say whether another scratch directory of the same kind, beside this one, is in use."""
    kind = path.name.rpartition("-")[0]
    return any(in_use(each) for each in path.parent.glob(f"{kind}-*") if each != path)


@contextmanager
def temporary_files_in(folder: Path) -> Iterator[None]:
    """Have this process, and what it starts in the block, put temporary files in a folder."""
    before, variable = tempfile.tempdir, os.environ.get("TMPDIR")
    tempfile.tempdir = os.environ["TMPDIR"] = str(folder)
    try:
        yield
    finally:
        tempfile.tempdir = before
        if variable is None:
            del os.environ["TMPDIR"]
        else:
            os.environ["TMPDIR"] = variable


def _write_mark(directory: int) -> None:
    opened = os.open(MARK, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode=0o600, dir_fd=directory)
    with os.fdopen(opened, "w", encoding="utf-8") as file:
        now = datetime.now(UTC).isoformat(timespec="seconds")
        mark = {"process": os.getpid(), "command": sys.argv[:1], "since": now}
        json.dump(mark | {"directory": _identity(os.fstat(directory))}, file)


def _identity(found: os.stat_result) -> list[int]:
    return [found.st_dev, found.st_ino]


@contextmanager
def _locked(path: Path) -> Iterator[int | None]:
    """Give a marked directory of ours whose process is gone, locked; None for all others."""
    try:
        directory = os.open(path, _DIRECTORY)
    except OSError:  # not there any more, not a directory, a link, or not for us to read
        yield None
        return
    try:
        yield directory if _lock(directory, path) else None
    finally:
        os.close(directory)


def _lock(directory: int, path: Path) -> bool:
    try:
        if not _is_ours(directory):
            return False
        fcntl.flock(directory, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:  # without a mark, or its process lives
        return False
    # Until it was locked, another sweep may have removed it.
    return _is_at(directory, path)


def _is_ours(directory: int) -> bool:
    """Say whether only this user can have made the directory, and this program its mark in it."""
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
    """Say whether the open directory is still the one under this name."""
    try:
        there = path.lstat()
    except OSError:
        return False
    return os.path.samestat(there, os.fstat(directory))


def _remove(path: Path, directory: int) -> None:
    """Remove an open directory; its mark goes last, so that what resists is found again."""
    for entry in os.listdir(directory):
        if entry == MARK:
            continue
        with suppress(OSError):
            if stat.S_ISDIR(os.lstat(entry, dir_fd=directory).st_mode):
                shutil.rmtree(entry, ignore_errors=True, dir_fd=directory)
            else:
                os.unlink(entry, dir_fd=directory)
    if not set(os.listdir(directory)) - {MARK}:
        with suppress(OSError):
            os.unlink(MARK, dir_fd=directory)
        with suppress(OSError):
            path.rmdir()
