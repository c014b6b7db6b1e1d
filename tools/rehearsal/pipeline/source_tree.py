"""What the pipeline is given as its source: the commit that git calls HEAD.

Only files that git knows are read. What differs from the commit is named, and delivered only when
somebody asks for it.
"""

import io
import os
import subprocess
import tarfile
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from tools.local_aws.process_environment import EVERY_PROCESS, chosen
from tools.local_aws.scratch import ScratchDirectory
from tools.rehearsal.expectation import RehearsalError

APPLICATIONS = "application-code"
"""All that is read, when asked for, of a folder in which git knows no files."""

# The user's configuration says, for instance, whose folders git may read, and what it ignores.
_GIT_VARIABLES = ("HOME", "XDG_CONFIG_HOME")
_SUBMODULE = "160000"
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
        tracked = _git(root, "ls-files", "--stage", "-z")
    except _NoRepositoryError:
        tracked = ""
    return _tracked(root, tracked) if tracked else _untracked_applications(root)


def git_environment(shell: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return what git may have: it reads the repository in its folder, and writes nothing."""
    kept = chosen((*EVERY_PROCESS, *_GIT_VARIABLES), shell)
    return kept | {"GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C"}


def _committed(root: Path, wanted: str) -> Source:
    try:
        commit = _git(root, "rev-parse", "--verify", f"{wanted}^{{commit}}").strip()
        short = _git(root, "rev-parse", "--short", commit).strip()
        entries = _git(root, "ls-tree", "-r", "-z", commit)
        if not entries:
            raise SourceError("its files are in no commit of the repository around it")
    except SourceError as reason:
        raise SourceError(
            f"{root} has no commit that could be delivered: {reason}\n"
            "Commit it, or add WORKTREE=1 to the command: then files are taken as they are on disk"
        ) from None
    files, links = {}, {}
    with tarfile.open(fileobj=io.BytesIO(_git_bytes(root, "archive", commit))) as archive:
        for member in archive:
            if member.issym():
                links[member.name] = member.linkname
            elif content := archive.extractfile(member) if member.isreg() else None:
                files[member.name] = content.read()
    changed, untracked = _status(root)
    return Source(
        files=files,
        links=links,
        origin=f"commit {short}",
        commit=commit,
        subject=_git(root, "log", "-1", "--format=%s", commit).strip(),
        left_out=(
            *_left_out(changed, "uncommitted change", "WORKTREE=1"),
            *_left_out(untracked, "untracked file", "git add, and WORKTREE=1"),
            *_left_out(_submodules(entries), "submodule"),
        ),
    )


def _tracked(root: Path, entries: str) -> Source:
    files, links = _read(root, (path for _, path in _modes_and_paths(entries)))
    return Source(
        files=files,
        links=links,
        origin="the working tree, with what is not committed",
        left_out=(
            *_left_out(_status(root)[1], "untracked file", "git add"),
            *_left_out(_submodules(entries), "submodule"),
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
        left_out=(f"whatever is outside of {APPLICATIONS}: git tracks nothing here",),
    )


def _read(root: Path, paths: Iterable[str]) -> tuple[dict[str, bytes], dict[str, str]]:
    """Read files and links from the disk, and nothing that is behind a link."""
    files: dict[str, bytes] = {}
    links: dict[str, str] = {}
    real = root.resolve()
    for path in paths:
        file = root / path
        if file.parent.resolve() != real / PurePosixPath(path).parent:
            continue
        if file.is_symlink():
            links[path] = str(file.readlink())
        elif file.is_file():
            files[path] = file.read_bytes()
    return files, links


def _modes_and_paths(entries: str) -> Iterator[tuple[str, str]]:
    """Take apart what `git ls-tree` and `git ls-files --stage` print."""
    for entry in _split(entries):
        facts, _, path = entry.partition("\t")
        yield facts.partition(" ")[0], path


def _submodules(entries: str) -> list[str]:
    return [path for mode, path in _modes_and_paths(entries) if mode == _SUBMODULE]


def _status(root: Path) -> tuple[list[str], list[str]]:
    """Return which tracked files differ from the commit, and which files are untracked."""
    prefix = _git(root, "rev-parse", "--show-prefix").removesuffix("\n")
    how = ("--porcelain=v1", "-z", "--no-renames", "--untracked-files=normal")
    changed: list[str] = []
    untracked: list[str] = []
    for entry in _split(_git(root, "status", *how, "--", ".")):
        state, path = entry[:2], entry[3:].removeprefix(prefix)
        (untracked if state == "??" else changed).append(path)
    return changed, untracked


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


def _git(root: Path, *arguments: str) -> str:
    return os.fsdecode(_git_bytes(root, *arguments))


def _git_bytes(root: Path, *arguments: str) -> bytes:
    try:
        done = subprocess.run(
            ["git", *arguments], cwd=root, env=git_environment(), capture_output=True, check=False
        )
    except FileNotFoundError:
        raise SourceError("the command git is missing") from None
    if done.returncode:
        said = os.fsdecode(done.stderr).strip()
        if "not a git repository" in said:
            raise _NoRepositoryError("it is in no git repository")
        raise SourceError(f"git {arguments[0]}: {said or f'exit status {done.returncode}'}")
    return done.stdout
