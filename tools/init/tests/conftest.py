"""Repositories of others, made for a test."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

GIT = {
    "GIT_AUTHOR_NAME": "A",
    "GIT_AUTHOR_EMAIL": "a@example.com",
    "GIT_COMMITTER_NAME": "A",
    "GIT_COMMITTER_EMAIL": "a@example.com",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_CONFIG_SYSTEM": "/dev/null",
}
Made = Callable[..., Path]


def git(folder: Path, *arguments: str) -> None:
    call = ["git", *arguments]
    subprocess.run(call, cwd=folder, env={**os.environ, **GIT}, check=True, capture_output=True)


@pytest.fixture
def made(tmp_path: Path) -> Made:
    """Make a repository of files; a remote of None means that there is none."""

    def make(
        files: dict[str, str | bytes] | str,
        *,
        remote: str | None = "https://github.com/acme/orders.git",
    ) -> Path:
        folder = tmp_path / "checkout"
        folder.mkdir()
        git(folder, "init", "--quiet", "--initial-branch", "main")
        if remote:
            git(folder, "remote", "add", "origin", remote)
        contents = {"Dockerfile": files} if isinstance(files, str) else files
        for path, content in contents.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            data = content if isinstance(content, bytes) else content.encode()
            (folder / path).write_bytes(data)
        git(folder, "add", "--all")
        git(folder, "commit", "--quiet", "--allow-empty", "--message", "x")
        return folder

    return make
