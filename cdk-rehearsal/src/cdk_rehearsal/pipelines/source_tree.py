"""The source that the pipeline delivers: the files of a commit, as git has them.

It reads only files that git tracks. No attribute of the repository leaves a file out or rewrites
it, and git runs no filter, hook or other program. Uncommitted changes are named, and delivered only
on request.
"""

import os
import subprocess
import tempfile
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from cdk_rehearsal.environment import EVERY_PROCESS, chosen
from cdk_rehearsal.expectation import RehearsalError

# The user's configuration says, for instance, in whose folders git may read, and what it ignores.
_GIT_VARIABLES = ("HOME", "XDG_CONFIG_HOME")
# An empty core.fsmonitor is no program for every version of git; "false" is one before 2.36.
_WITHOUT_HOOKS = ("-c", "core.fsmonitor=", "-c", "core.hooksPath=/dev/null")
_LINK, _SUBMODULE = "120000", "160000"
_MOST_FOLDERS = 200
# A few small objects can name more files, or contain more zeros, than this machine holds.
_LONGEST_LIST = 32 * 1024**2
_MOST_BYTES = 1024**3
_MOST_NAMES = 4
_LONGEST_NAME = 60


class SourceError(RehearsalError):
    """There is no commit, or git cannot read it; the message says why."""


class TooLargeError(SourceError):
    """No other state of the same files can be delivered here either."""


@dataclass(frozen=True, kw_only=True)
class Source:
    """Files by path, and symbolic links with their targets.

    ``origin`` describes the source, and each line of ``left_out`` files that are not in it although
    the user may expect them. ``commit`` and ``subject`` are empty unless it is a commit.
    """

    files: Mapping[str, bytes]
    links: Mapping[str, str]
    origin: str
    left_out: tuple[str, ...] = ()
    commit: str = ""
    subject: str = ""

    def __post_init__(self) -> None:
        # Python's functions for folders call themselves for each folder in a folder.
        for path in (*self.files, *self.links):
            if (depth := path.count("/")) > _MOST_FOLDERS:
                raise TooLargeError(
                    f"{_printable(path)} is in {depth:,} folders, one in the other; at most "
                    f"{_MOST_FOLDERS} can be delivered here"
                )
        if sum(map(len, self.files.values())) > _MOST_BYTES:
            raise TooLargeError(f"its files have more than {_MOST_BYTES:,} bytes")

    @property
    def delivered(self) -> dict[str, bytes]:
        """The files that a build gets, of which none is executable.

        The zip file of CodePipeline has no attributes of its entries: a link is a file that holds
        its target. https://docs.aws.amazon.com/codepipeline/latest/userguide/troubleshooting.html
        https://github.com/aws-ia/terraform-aws-control_tower_account_factory/issues/547
        """
        return {**self.files, **{path: os.fsencode(at) for path, at in self.links.items()}}


def read_source(root: Path, *, working_tree: bool = False, commit: str = "HEAD") -> Source:
    """Return the files of a commit of ``root``; with ``working_tree`` its files as on disk.

    On disk, too, only files that git tracks count. ``SourceError`` if git tracks none, or if there
    is no commit and ``working_tree`` is false.
    """
    try:
        return _working_tree(root) if working_tree else _committed(root, commit)
    except SourceError as reason:
        remedy = "\nCommit its files, or deliver the working tree, its files as they are on disk"
        if working_tree or isinstance(reason, TooLargeError):
            remedy = ""
        raise type(reason)(f"{root} cannot be delivered: {reason}{remedy}") from None


def _working_tree(root: Path) -> Source:
    tracked = _entries(_git(root, "ls-files", "--stage", "-z"), blob_at=1)
    if not tracked:
        raise SourceError("git tracks none of its files")
    files, links = _on_disk(root, (entry.path for entry in tracked))
    return Source(
        files=files,
        links=links,
        origin="the working tree, with what is not committed",
        left_out=tuple(_notes(root, tracked, links, "git add")),
    )


def top_of(folder: Path) -> Path:
    """Return the top folder of the repository that a folder is in; ``SourceError`` without one."""
    if not folder.is_dir():
        raise SourceError(f"{folder} is not a folder")
    try:
        return Path(_git(folder, "rev-parse", "--show-toplevel").removesuffix("\n"))
    except SourceError as reason:
        raise SourceError(f"{folder}: {reason}") from None


def git_environment(shell: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return an environment in which git only reads the repository in its folder.

    It writes nothing, fetches nothing that a partial clone has left out, and replaces no object.
    """
    kept = chosen((*EVERY_PROCESS, *_GIT_VARIABLES), shell)
    return kept | {
        "GIT_ALLOW_PROTOCOL": "none",  # no protocol has this name
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
    commit = _git(root, "rev-parse", "--verify", f"{wanted}^{{commit}}").strip()
    short = _git(root, "rev-parse", "--short", commit).strip()
    entries = _entries(_git(root, "ls-tree", "-r", "-z", commit), blob_at=2)
    if not entries:
        raise SourceError("its files are in no commit of the repository around it")
    deliverable = _deliverable(entries)
    contents = _contents(root, deliverable)
    files = {e.path: contents[e.blob] for e in deliverable if e.mode != _LINK}
    links = {e.path: os.fsdecode(contents[e.blob]) for e in deliverable if e.mode == _LINK}
    # "tree <id>", author and committer, an empty line, then the message.
    message = _git(root, "cat-file", "commit", commit).partition("\n\n")[2]
    return Source(
        files=files,
        links=links,
        origin=f"commit {short}",
        commit=commit,
        subject=message.partition("\n")[0].strip(),
        left_out=(
            *_left_out(_changed(root, files, links), "uncommitted change", "git commit"),
            *_notes(root, entries, links, "git add, and git commit"),
        ),
    )


def _on_disk(root: Path, paths: Iterable[str]) -> tuple[dict[str, bytes], dict[str, str]]:
    """Read files and links from the disk, but nothing through a link to a folder."""
    files: dict[str, bytes] = {}
    links: dict[str, str] = {}
    real = os.path.realpath(root)
    for path in paths:
        file = root / path
        # Not Path.resolve: before Python 3.13 it raises RuntimeError for a loop of links.
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


def _changed(root: Path, files: Mapping[str, bytes], links: Mapping[str, str]) -> list[str]:
    """Return the tracked files that are not as the commit has them.

    It compares contents itself: git would run the filters of the repository. Only line ends may
    differ, because git may have been told to change them.
    """
    in_index = _deliverable(_entries(_git(root, "ls-files", "--stage", "-z"), blob_at=1))
    tracked = {*files, *links, *(entry.path for entry in in_index)}
    there, links_there = _on_disk(root, tracked)
    committed = {path: _without_cr(content) for path, content in files.items()}
    same = {path for path in there if committed.get(path) == _without_cr(there[path])}
    same |= {path for path in links_there if links.get(path) == links_there[path]}
    return sorted(tracked - same)


def _without_cr(content: bytes) -> bytes:
    return content.replace(b"\r\n", b"\n")


def _notes(
    root: Path, entries: Iterable[_Entry], links: Collection[str], remedy: str
) -> Iterator[str]:
    """Yield lines about what is delivered otherwise than it is in the folder, or not at all."""
    which = ("--others", "--exclude-standard", "--directory", "--no-empty-directory", "-z")
    untracked = _split(_git(root, "ls-files", *which))
    yield from _left_out(untracked, "untracked file", remedy)
    yield from _left_out([e.path for e in entries if e.mode == _SUBMODULE], "submodule")
    for line in _left_out(links, "symbolic link"):
        yield f"{line}: CodePipeline delivers the name of its target as a text file"


def _contents(root: Path, entries: Collection[_Entry]) -> dict[str, bytes]:
    """Return the contents of blobs by their ids, as git stores them."""
    paths = {entry.blob: entry.path for entry in entries}
    ids = "".join(f"{blob}\n" for blob in paths).encode()
    said = memoryview(git_output(root, "cat-file", "--batch", given=ids))
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
    """Parse the output of `git ls-tree` or `git ls-files --stage`.

    An artifact is a zip file, in which names are UTF-8.
    """
    entries = []
    for line in _split(output):
        facts, _, path = line.partition("\t")
        if path.encode(errors="ignore").decode() != path:
            raise SourceError(f"the name of a file is not UTF-8: {_printable(path)}")
        each = facts.split()
        entries.append(_Entry(mode=each[0], blob=each[blob_at], path=path))
    return entries


def _deliverable(entries: Iterable[_Entry]) -> list[_Entry]:
    return [entry for entry in entries if entry.mode != _SUBMODULE]


def _left_out(paths: Collection[str], what: str, remedy: str = "") -> Iterator[str]:
    """Yield a line with the number and the first names of some files, if there are any."""
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
    return os.fsdecode(git_output(root, *arguments))


def git_output(root: Path, *arguments: str, given: bytes = b"") -> bytes:
    """Return what git prints, which runs nothing of the repository; ``SourceError`` if it fails.

    ``TooLargeError``, as soon as git prints more than can be delivered; then git ends, too.
    """
    what, most = ("list of files", _LONGEST_LIST) if "-z" in arguments else ("content", _MOST_BYTES)
    with tempfile.TemporaryFile() as asked, tempfile.TemporaryFile() as complaint:
        asked.write(given)
        asked.seek(0)
        try:
            with subprocess.Popen(
                ["git", *_WITHOUT_HOOKS, *arguments],
                cwd=root,
                env=git_environment(),
                stdin=asked,
                stdout=subprocess.PIPE,
                stderr=complaint,
            ) as process:
                output = process.stdout.read(most + 1) if process.stdout else b""
        except FileNotFoundError:
            raise SourceError("the command git is missing") from None
        complaint.seek(0)
        said = os.fsdecode(complaint.read()).strip()
    if len(output) > most:
        raise TooLargeError(f"its {what} has more than {most:,} bytes, too many to deliver it here")
    if process.returncode:
        if "not a git repository" in said:
            raise SourceError("it is in no git repository")
        raise SourceError(f"git {arguments[0]}: {said or f'exit status {process.returncode}'}")
    return output
