"""The files that a commit of this project would hold."""

import os
from fnmatch import fnmatchcase
from pathlib import Path

_ALWAYS_IGNORED = (".git",)


def read_source(root: Path) -> dict[str, bytes]:
    """Return every file below ``root`` that its .gitignore lets in, by its path.

    Understands what the .gitignore of this project uses: names, with wildcards, for folders only
    if they end in a slash, and exceptions with an exclamation mark; the last match decides. Works
    without git, and for a folder that is not committed.
    """
    lines = (root / ".gitignore").read_text(encoding="utf-8").splitlines()
    patterns = [line.strip() for line in lines if line.strip() and not line.startswith("#")]
    files = {}
    for name, folders, names in os.walk(root):
        folder = Path(name)
        folders[:] = sorted(f for f in folders if not _ignored(f"{f}/", patterns))
        for file in sorted(names):
            if not _ignored(file, patterns):
                path = folder / file
                files[path.relative_to(root).as_posix()] = path.read_bytes()
    return files


def _ignored(name: str, patterns: list[str]) -> bool:
    ignored = name.rstrip("/") in _ALWAYS_IGNORED
    for pattern in patterns:
        wanted = pattern.removeprefix("!")
        if "/" in wanted.removesuffix("/"):
            raise ValueError(f".gitignore: {pattern} is a path; only names are understood here")
        if fnmatchcase(name if wanted.endswith("/") else name.rstrip("/"), wanted):
            ignored = not pattern.startswith("!")
    return ignored
