"""Somebody with a repository of a service and settings for it, who rehearses."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from settings.examples import sample_env
from tools.repository import ROOT


def repository(folder: Path, files: Mapping[str, str]) -> Path:
    folder.mkdir()
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    author = ("-c", "user.name=a", "-c", "user.email=a@example.com")
    for command in (("init", "-q"), ("add", "."), (*author, "commit", "-qm", "first")):
        subprocess.run(["git", *command], cwd=folder, check=True)
    return folder


def rehearse(
    folder: Path, source: Path, settings: Mapping[str, str], **variables: str
) -> subprocess.CompletedProcess[str]:
    env_file = folder / ".env"
    env_file.write_text(sample_env(**settings), encoding="utf-8")
    module = (
        "-m",
        "tools.rehearsal.own_service",
        "--env-file",
        str(env_file),
        "--source",
        str(source),
    )
    return subprocess.run(
        [sys.executable, *module],
        cwd=ROOT,
        env=os.environ | variables,
        capture_output=True,
        text=True,
        check=False,
    )
