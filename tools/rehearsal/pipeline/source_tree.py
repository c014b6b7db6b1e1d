"""What the pipeline is given as its source: the commit that git calls HEAD.

Only files that git knows are read, and of a commit what is in it: no attribute leaves out or
rewrites a file, and no filter or hook of the repository is run. What differs from the commit is
named, and delivered only when somebody asks for it.
"""

import os
import subprocess
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from tools.local_aws.process_environment import EVERY_PROCESS, chosen
from tools.local_aws.scratch import ScratchDirectory
from tools.rehearsal.expectation import RehearsalError

APPLICATIONS = "application-code"
"""All that is read, when asked for, of a folder in which git knows no files."""

# The user's configuration says, for instance, whose folders git may read, and what it ignores.
_GIT_VARIABLES = ("HOME", "XDG_CONFIG_HOME")
# `git status` would ask a hook, or a program of the user's, what has changed. Empty is no such
# program to every version; "false" is one to those before 2.36.
_WITHOUT_HOOKS = ("-c", "core.fsmonitor=", "-c", "core.hooksPath=/dev/null")
_LINK, _SUBMODULE = "120000", "160000"
_NOT_UTF8 = "file whose name is not UTF-8"
_MOST_NAMES = 4
_LONGEST_NAME = 60


class SourceError(RehearsalError):
    """There is no commit, or git cannot say what is in it."""


class _NoRepositoryError(SourceError):
    """Of this folder git knows nothing."""


@dataclass(frozen=True, kw_only=True)
class Source:
    """Files by path; links by path, with their targets as git has them.

    ``origin`` says what it is, ``left_out`` what is not in it although somebody may expect it.
    ``commit`` and ``subject`` are empty unless it is a commit.
    """

    files: Mapping[str, bytes]
    links: Mapping[str, str]
    origin: str
    left_out: tuple[str, ...] = ()
    commit: str = ""
    subject: str = ""


def read_source(root: Path, *, working_tree: bool = False, commit: str = "HEAD") -> Source:
    """Return what a commit of ``root`` holds; with ``working_tree`` its files as they are on disk.

    Also on disk only those count that git tracks: whatever else lies about stays out. Where it
    tracks none, as in a folder that is no repository, there is only `application-code`, without
    what .gitignore names. ``SourceError`` if nothing is committed and nobody asked for more.
    """
    if not working_tree:
        return _committed(root, commit)
    try:
        tracked = _entries(_git(root, "ls-files", "--stage", "-z"), blob_at=1)
    except _NoRepositoryError:
        tracked = []
    return _tracked(root, tracked) if tracked else _untracked_applications(root)


def top_of(folder: Path) -> Path:
    """Return the top folder of the repository that a folder is in; ``SourceError`` without one."""
    name = str(folder) if str(folder).isprintable() else ascii(str(folder))
    if not folder.is_dir():
        raise SourceError(f"{name} is no folder")
    try:
        return Path(_git(folder, "rev-parse", "--show-toplevel").removesuffix("\n"))
    except SourceError as reason:
        raise SourceError(f"{name}: {reason}") from None


def git_environment(shell: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return what git may have: it reads what is in the repository in its folder, no more.

    It writes nothing, fetches nothing that a partial clone has left out, and takes no object for
    another one.
    """
    kept = chosen((*EVERY_PROCESS, *_GIT_VARIABLES), shell)
    return kept | {
        "GIT_NO_LAZY_FETCH": "1",
        "GIT_NO_REPLACE_OBJECTS": "1",
        "GIT_OPTIONAL_LOCKS": "0",
        "LC_ALL": "C",
    }


@dataclass(frozen=True, kw_only=True)
class _Entry:
    """A file, a link or a submodule that git tracks."""

    mode: str
    blob: str
    path: str


def _committed(root: Path, wanted: str) -> Source:
    try:
        commit = _git(root, "rev-parse", "--verify", f"{wanted}^{{commit}}").strip()
        short = _git(root, "rev-parse", "--short", commit).strip()
        entries = _entries(_git(root, "ls-tree", "-r", "-z", commit), blob_at=2)
        if not entries:
            raise SourceError("its files are in no commit of the repository around it")
    except SourceError as reason:
        raise SourceError(
            f"{root} has no commit that could be delivered: {reason}\n"
            "Commit it, or add WORKTREE=1 to the command: then files are taken as they are on disk"
        ) from None
    deliverable = [e for e in entries if e.mode != _SUBMODULE and _has_utf8_name(e.path)]
    contents = _contents(root, deliverable)
    changed, untracked = _status(root)
    return Source(
        files={e.path: contents[e.blob] for e in deliverable if e.mode != _LINK},
        links={e.path: os.fsdecode(contents[e.blob]) for e in deliverable if e.mode == _LINK},
        origin=f"commit {short}",
        commit=commit,
        subject=_git(root, "log", "-1", "--format=%s", commit).strip(),
        left_out=(
            *_left_out(changed, "uncommitted change", "WORKTREE=1"),
            *_left_out(untracked, "untracked file", "git add, and WORKTREE=1"),
            *_never_delivered(entries),
        ),
    )


def _tracked(root: Path, entries: Collection[_Entry]) -> Source:
    files, links = _read(root, (entry.path for entry in entries))
    return Source(
        files=files,
        links=links,
        origin="the working tree, with what is not committed",
        left_out=(
            *_left_out(_status(root)[1], "untracked file", "git add"),
            *_never_delivered(entries),
        ),
    )


def _untracked_applications(root: Path) -> Source:
    with ScratchDirectory("no-repository") as scratch:
        folder = str(scratch.path / "repository")
        # To an empty repository every file is untracked: git itself reads .gitignore.
        _git(root, "init", "--quiet", "--bare", "--template=", folder)
        elsewhere = (f"--git-dir={folder}", f"--work-tree={root}")
        which = ("--others", "--exclude-standard", "-z")
        found = _split(_git(root, *elsewhere, "ls-files", *which, "--", APPLICATIONS))
    files, links = _read(root, found)
    return Source(
        files=files,
        links=links,
        origin=f"{APPLICATIONS} as it is on disk",
        left_out=(
            f"whatever is outside of {APPLICATIONS}: git tracks nothing here",
            *_left_out(_not_utf8(found), _NOT_UTF8),
        ),
    )


def _read(root: Path, paths: Iterable[str]) -> tuple[dict[str, bytes], dict[str, str]]:
    """Read files and links from the disk, and nothing that is behind a link."""
    files: dict[str, bytes] = {}
    links: dict[str, str] = {}
    real = os.path.realpath(root)
    for path in filter(_has_utf8_name, paths):
        file = root / path
        # Not Path.resolve: until Python 3.13 a loop of links is a RuntimeError of it.
        if os.path.realpath(file.parent) != str(real / PurePosixPath(path).parent):
            continue
        try:
            if file.is_symlink():
                links[path] = str(file.readlink())
            elif file.is_file():
                files[path] = file.read_bytes()
        except OSError as error:
            raise SourceError(f"{_printable(path)} cannot be read: {error.strerror}") from None
    return files, links


def _contents(root: Path, entries: Collection[_Entry]) -> dict[str, bytes]:
    """Return the contents of blobs by their ids, as they are stored."""
    paths = {entry.blob: entry.path for entry in entries}
    asked = "".join(f"{blob}\n" for blob in paths).encode()
    said = memoryview(_git_bytes(root, "cat-file", "--batch", given=asked))
    contents = {}
    for blob, path in paths.items():
        # "<id> blob <size>", the content and a line feed; or "<id> missing".
        end = bytes(said[: len(blob) + 64]).find(b"\n")
        head = bytes(said[:end]).decode().split()
        if head[:2] != [blob, "blob"]:
            raise SourceError(f"git has {_printable(path)} in the commit, but not its content")
        begin, size = end + 1, int(head[2])
        contents[blob] = bytes(said[begin : begin + size])
        said = said[begin + size + 1 :]
    return contents


def _entries(output: str, *, blob_at: int) -> list[_Entry]:
    """Take apart what `git ls-tree` and `git ls-files --stage` print."""
    entries = []
    for line in _split(output):
        facts, _, path = line.partition("\t")
        each = facts.split()
        entries.append(_Entry(mode=each[0], blob=each[blob_at], path=path))
    return entries


def _status(root: Path) -> tuple[list[str], list[str]]:
    """Return which tracked files differ from the commit, and which files are untracked."""
    prefix = _git(root, "rev-parse", "--show-prefix").removesuffix("\n")
    how = ["--porcelain=v1", "-z", "--no-renames", "--untracked-files=normal"]
    how += ["--ignore-submodules=all", "--", "."]
    changed: list[str] = []
    untracked: list[str] = []
    for entry in _split(_git(root, "status", *how, options=_without_filters(root))):
        state, path = entry[:2], entry[3:].removeprefix(prefix)
        (untracked if state == "??" else changed).append(path)
    return changed, untracked


def _without_filters(root: Path) -> list[str]:
    """Return the options that keep git from running the filters that the user has configured.

    A file that a filter changes is then compared as it is on disk, and may count as changed.
    """
    keys = _split(_git(root, "config", "--list", "--name-only", "-z"))
    drivers = {key.rpartition(".")[0] for key in keys if key.startswith("filter.")}
    off = ("clean=", "process=", "required=false")
    return [
        part for driver in sorted(drivers) for each in off for part in ("-c", f"{driver}.{each}")
    ]


def _never_delivered(entries: Iterable[_Entry]) -> Iterator[str]:
    submodules: list[str] = []
    others: list[str] = []
    for entry in entries:
        (submodules if entry.mode == _SUBMODULE else others).append(entry.path)
    yield from _left_out(submodules, "submodule")
    yield from _left_out(_not_utf8(others), _NOT_UTF8)


def _not_utf8(paths: Iterable[str]) -> list[str]:
    return [path for path in paths if not _has_utf8_name(path)]


def _has_utf8_name(path: str) -> bool:
    """Say whether an artifact can have the file: names in a zip file are UTF-8."""
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return True


def _left_out(paths: Collection[str], what: str, remedy: str = "") -> Iterator[str]:
    """Say in a few words which there are, if any, and how they are delivered all the same."""
    if paths:
        names = [_printable(path) for path in paths]
        more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
        some = f"{len(names)} {what}{'s' if len(names) > 1 else ''}"
        listed = ", ".join(names[:_MOST_NAMES])
        yield f"{some}: {listed}{more}" + (f" (to deliver it: {remedy})" if remedy else "")


def _printable(name: str) -> str:
    text = name if name.isprintable() else ascii(name)[1:-1]
    return text if len(text) <= _LONGEST_NAME else f"{text[: _LONGEST_NAME - 1]}…"


def _split(output: str) -> list[str]:
    return list(dict.fromkeys(filter(None, output.split("\0"))))


def _git(root: Path, *arguments: str, options: Sequence[str] = ()) -> str:
    return os.fsdecode(_git_bytes(root, *arguments, options=options))


def _git_bytes(
    root: Path, *arguments: str, options: Sequence[str] = (), given: bytes = b""
) -> bytes:
    try:
        done = subprocess.run(
            ["git", *_WITHOUT_HOOKS, *options, *arguments],
            cwd=root,
            env=git_environment(),
            input=given,
            capture_output=True,
            check=False,
        )
    except FileNotFoundError:
        raise SourceError("the command git is missing") from None
    if done.returncode:
        said = os.fsdecode(done.stderr).strip()
        if "not a git repository" in said:
            raise _NoRepositoryError("it is in no git repository")
        raise SourceError(f"git {arguments[0]}: {said or f'exit status {done.returncode}'}")
    return done.stdout
