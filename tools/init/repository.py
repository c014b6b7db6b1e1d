"""A git repository, read without running anything of it: remote, branch, and committed files.

The repository of somebody else may have hooks, filters, a file system monitor, or a remote that is
a command (git-config(1)). So git only reads its configuration and its objects, as for a rehearsal.
"""

import os
import posixpath
import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from cdk_rehearsal.pipelines.source_tree import SourceError, git_output, top_of
from settings.redaction import shown_name

_LARGEST_FILE = 64 * 1024
_LINK = "120000"

_ON_GITHUB = re.compile(
    r"(?:(?:https?|ssh|git)://)?(?:[^/@]*@)?(?:www\.|ssh\.)?github\.com(?::[0-9]+(?=/))?[:/]"
    r"(?P<owner>[A-Za-z0-9_-]+)/(?P<name>[A-Za-z0-9._-]+?)(?:\.git)?/?",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Remote:
    """Where the repository is on GitHub, and what git calls that place."""

    owner: str
    name: str
    called: str


class Repository:
    """The commit HEAD of the repository that ``folder`` is in.

    Paths are relative to its top folder, with slashes. ``prefix`` is the path of ``folder`` itself,
    ``.`` at the top. ``SourceError`` if it is in no repository, or if nothing is committed.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        top_of(folder)  # raises an error that names it
        self.prefix = posixpath.normpath(self._git("rev-parse", "--show-prefix").strip("\n") or ".")
        try:
            self.commit = self._git("rev-parse", "--short", "--verify", "HEAD^{commit}").strip()
        except SourceError:
            raise SourceError(
                f"{shown_name(str(folder))} has no commit; a pipeline delivers commits"
            ) from None

    @cached_property
    def files(self) -> dict[str, str]:
        """The object of each committed file, by path; empty for a link."""
        found: dict[str, str] = {}
        listed = self._git("ls-tree", "-r", "-z", "--full-tree", "HEAD")
        for entry in filter(None, listed.split("\0")):
            facts, _, path = entry.partition("\t")
            mode, kind, name = facts.split()
            if kind == "blob":
                found[path] = "" if mode == _LINK else name
        return found

    def read(self, path: str) -> str:
        """Return the text of a committed file; what is not UTF-8 in it is replaced."""
        if path not in self.files:
            raise SourceError(f"{shown_name(path)} is not in commit {self.commit}")
        name = self.files[path]
        if not name:
            raise SourceError(f"{shown_name(path)} is a link; name the file that it leads to")
        if (size := int(self._git("cat-file", "-s", name))) > _LARGEST_FILE:
            raise SourceError(
                f"{shown_name(path)} has {size:,} bytes; at most {_LARGEST_FILE:,} are read"
            )
        return git_output(self.folder, "cat-file", "blob", name).decode("utf-8", "replace")

    def has(self, path: str) -> bool:
        """Say whether there is such a file or folder."""
        path = posixpath.normpath(path)
        return path == "." or any(f"{each}/".startswith(f"{path}/") for each in self.files)

    @cached_property
    def remote(self) -> Remote | None:
        """The place on GitHub of `origin`, or of the only remote if it has another name."""
        names = self._git("remote").split("\n")[:-1]
        name = "origin" if "origin" in names else names[0] if len(names) == 1 else None
        if name is None:
            return None
        # `get-url` applies the user's own abbreviations (insteadOf).
        found = github_repository(self._git("remote", "get-url", "--", name).strip())
        return Remote(*found, called=name) if found else None

    @cached_property
    def branch(self) -> tuple[str, str] | None:
        """The default branch of the remote if git knows it, else the current one, and a note which.

        None if HEAD is detached.
        """
        remote = self.remote.called if self.remote else "origin"
        if default := self._symbolic(f"refs/remotes/{remote}/HEAD", f"refs/remotes/{remote}/"):
            return default, f"default branch of {remote}"
        if current := self._symbolic("HEAD", "refs/heads/"):
            return current, "current branch"
        return None

    def _symbolic(self, reference: str, start: str) -> str:
        try:
            named = self._git("symbolic-ref", "--quiet", reference).strip("\n")
        except SourceError:
            return ""
        return named.removeprefix(start) if named.startswith(start) else ""

    def _git(self, *arguments: str) -> str:
        return os.fsdecode(git_output(self.folder, *arguments))


def github_repository(url: str) -> tuple[str, str] | None:
    """Return owner and name in an address of GitHub, without any token; None for other hosts."""
    match = _ON_GITHUB.fullmatch(url)
    return (match["owner"], match["name"]) if match else None
