"""Repositories of a service, made for a test."""

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

NO_CONFIGURATION = {"GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_SYSTEM": "/dev/null"}


def git(folder: Path, *arguments: str) -> None:
    command = ["git", "-c", "user.name=A", "-c", "user.email=a@example.com", *arguments]
    environment = {**os.environ, **NO_CONFIGURATION}
    subprocess.run(command, cwd=folder, env=environment, check=True, capture_output=True)


def make_repository(
    parent: Path,
    files: Mapping[str, str] | str,
    *,
    remote: str = "https://github.com/acme/orders.git",
) -> Path:
    """Make a repository with one commit; a text alone is its Dockerfile."""
    folder = parent / "checkout"
    folder.mkdir()
    git(folder, "init", "--quiet", "--initial-branch", "main")
    if remote:
        git(folder, "remote", "add", "origin", remote)
    for path, text in ({"Dockerfile": files} if isinstance(files, str) else files).items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, encoding="utf-8")
    commit(folder)
    return folder


def commit(folder: Path) -> None:
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--allow-empty", "--message", "x")
