"""A git repository, read without running anything of it: remote, branch, and committed files.

A repository of others may carry hooks, filters, a file system monitor, or a remote that is a
command (git-config(1)). So git is asked only for what it reads from its configuration and its
objects, with every transport switched off: an object that is not there is not fetched.
"""

import os
import posixpath
import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import MappingProxyType

from settings.redaction import shown_name
from tools.local_aws.process_environment import EVERY_PROCESS, chosen

_INERT = (
    *("-c", "core.fsmonitor=false"),
    *("-c", "core.hooksPath=/dev/null"),
    *("-c", "core.pager=cat"),
)
_ENVIRONMENT = {
    "GIT_ALLOW_PROTOCOL": "none",  # the name of no protocol
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_TERMINAL_PROMPT": "0",
    "LC_ALL": "C",
}
# The user's configuration says, for instance, whose folders git may read.
_GIT_VARIABLES = ("HOME", "XDG_CONFIG_HOME")
_LINK = "120000"
_LARGEST_FILE = 1024 * 1024
_PATIENCE_SECONDS = 60

_GITHUB = frozenset({"github.com", "www.github.com", "ssh.github.com"})
_URL = re.compile(
    r"(?:https?|ssh|git)://(?:[^/@]*@)?(?P<host>[A-Za-z0-9.-]+)(?::[0-9]+)?/(?P<path>.+)"
    r"|(?:[^/@:]+@)?(?P<scp_host>[A-Za-z0-9.-]+):(?!//)(?P<scp_path>.+)"
)
_OWNER_AND_NAME = re.compile(r"/?(?P<owner>[A-Za-z0-9_-]+)/(?P<name>[A-Za-z0-9._-]+?)(?:\.git)?/?")


class SourceError(Exception):
    """The repository cannot be read; the message says why."""


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
        if not folder.is_dir():
            raise SourceError(f"{shown_name(str(folder))} is no folder")
        self.prefix = posixpath.normpath(self._git("rev-parse", "--show-prefix").strip("\n") or ".")
        try:
            self.commit = self._git("rev-parse", "--short", "--verify", "HEAD^{commit}").strip()
        except SourceError:
            raise SourceError(
                f"{shown_name(str(folder))} has no commit; a pipeline delivers commits"
            ) from None

    @cached_property
    def files(self) -> Mapping[str, str]:
        """The object of each committed file, by path; of a link that of the file it leads to."""
        objects: dict[str, str] = {}
        links: dict[str, str] = {}
        listed = self._git("ls-tree", "-r", "-z", "--full-tree", "HEAD")
        for entry in filter(None, listed.split("\0")):
            facts, _, path = entry.partition("\t")
            mode, kind, name = facts.split()
            if kind == "blob":
                (links if mode == _LINK else objects)[path] = name
        for path, name in links.items():
            target = posixpath.join(posixpath.dirname(path), self._read(name))
            if (found := objects.get(posixpath.normpath(target))) is not None:
                objects[path] = found
        return MappingProxyType(objects)

    def read(self, path: str) -> str:
        """Return the text of a committed file; what is no UTF-8 in it is replaced."""
        if path not in self.files:
            raise SourceError(f"{shown_name(path)} is not in commit {self.commit}")
        return self._read(self.files[path])

    def has(self, path: str) -> bool:
        """Say whether there is such a file or folder."""
        path = posixpath.normpath(path)
        return path == "." or any(
            file == path or file.startswith(f"{path}/") for file in self.files
        )

    @cached_property
    def remote(self) -> Remote | None:
        """The place on GitHub that the branch is pushed to, else `origin`, else the only one."""
        names = self._git("remote").split("\n")[:-1]
        branch = self._symbolic("HEAD", "refs/heads/")
        of_branch = self._config(f"branch.{branch}.remote") if branch else ""
        wanted = [name for name in (of_branch, "origin") if name in names]
        for name in wanted or (names if len(names) == 1 else []):
            # As the user writes it, perhaps by an abbreviation of their own (insteadOf).
            owner_and_name = github_repository(self._git("remote", "get-url", "--", name).strip())
            if owner_and_name:
                return Remote(*owner_and_name, called=name)
        return None

    @cached_property
    def branch(self) -> tuple[str, str] | None:
        """The default branch of the remote if git knows it, else the current one; and which it is.

        None if HEAD is detached.
        """
        remote = self.remote.called if self.remote else "origin"
        if default := self._symbolic(f"refs/remotes/{remote}/HEAD", f"refs/remotes/{remote}/"):
            return default, f"default branch of {remote}"
        if current := self._symbolic("HEAD", "refs/heads/"):
            return current, "current branch"
        return None

    def _read(self, name: str) -> str:
        if int(self._git("cat-file", "-s", name)) > _LARGEST_FILE:
            raise SourceError("a file that should be read has more than 1 MiB")
        return self._bytes("cat-file", "blob", name).decode("utf-8", "replace")

    def _symbolic(self, reference: str, start: str) -> str:
        try:
            named = self._git("symbolic-ref", "--quiet", reference).strip("\n")
        except SourceError:
            return ""
        return named.removeprefix(start) if named.startswith(start) else ""

    def _config(self, key: str) -> str:
        try:
            return self._git("config", "--get", key).strip("\n")
        except SourceError:
            return ""

    def _git(self, *arguments: str) -> str:
        return os.fsdecode(self._bytes(*arguments))

    def _bytes(self, *arguments: str) -> bytes:
        try:
            done = subprocess.run(
                ["git", *_INERT, *arguments],
                cwd=self.folder,
                env=chosen((*EVERY_PROCESS, *_GIT_VARIABLES), None) | _ENVIRONMENT,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=_PATIENCE_SECONDS,
                check=False,
            )
        except FileNotFoundError:
            raise SourceError("the command git is missing") from None
        except subprocess.TimeoutExpired:
            raise SourceError(f"git {arguments[0]} takes too long") from None
        if done.returncode:
            said = os.fsdecode(done.stderr).strip().partition("\n")[0]
            raise SourceError(f"{shown_name(str(self.folder))}: {shown_name(said)}")
        return done.stdout


def github_repository(url: str) -> tuple[str, str] | None:
    """Return owner and name of a repository on GitHub by its address; None for one elsewhere.

    What else is in an address, such as a token, is nobody's business.
    """
    match = _URL.fullmatch(url)
    if match is None:
        return None
    host, path = match["host"] or match["scp_host"], match["path"] or match["scp_path"]
    named = _OWNER_AND_NAME.fullmatch(path)
    if host.lower() not in _GITHUB or named is None:
        return None
    return named["owner"], named["name"]
