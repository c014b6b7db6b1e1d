"""A copy without history takes later versions by the commands of docs/recipes/README.md."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.repository import ROOT

# Lines between two changes, so that git can merge them.
BETWEEN = "\n" * 9


def run(folder: Path, commands: str) -> None:
    identity = {
        f"GIT_{role}_{what}": f"{role}@example.com"
        for role in ("AUTHOR", "COMMITTER")
        for what in ("NAME", "EMAIL")
    }
    environment = {**os.environ, **identity, "GIT_CONFIG_GLOBAL": os.devnull}
    subprocess.run(["bash", "-euc", commands], cwd=folder, env=environment, check=True)


def commit(folder: Path, **files: str) -> None:
    for name, text in files.items():
        (folder / name).write_text(text, "utf-8")
    run(folder, "git add --all; git commit --quiet --message change")


@pytest.fixture
def blueprint(tmp_path: Path) -> Path:
    folder = tmp_path / "blueprint"
    folder.mkdir()
    run(folder, "git init --quiet --initial-branch main")
    commit(folder, stack="0")
    commit(folder, stack=f"a = 1\n{BETWEEN}b = 1\n", other="1")
    return folder


def test_a_copy_without_history_merges_later_versions(blueprint: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    run(tmp_path, "cp -r blueprint copy; rm -rf copy/.git; git -C copy init --quiet -b main")
    run(copy, "git add --all; git commit --quiet --message 'Initial commit'")
    commit(copy, stack=f"a = 1\n{BETWEEN}b = mine\n", own="1")
    commit(blueprint, stack=f"a = 2\n{BETWEEN}b = 1\n", other="2")

    page = (ROOT / "docs" / "recipes" / "README.md").read_text("utf-8")
    once, each_time = re.findall(
        r"```sh\n(.*?)```", page.partition("## Later versions")[2], re.DOTALL
    )
    run(copy, re.sub(r"https://\S+", str(blueprint), once))
    assert (copy / "stack").read_text("utf-8") == f"a = 1\n{BETWEEN}b = mine\n"
    run(copy, each_time)
    assert (copy / "stack").read_text("utf-8") == f"a = 2\n{BETWEEN}b = mine\n"
    assert [(copy / name).read_text("utf-8") for name in ("other", "own")] == ["2", "1"]

    commit(blueprint, stack=f"a = 3\n{BETWEEN}b = 1\n")
    run(copy, each_time)
    assert (copy / "stack").read_text("utf-8") == f"a = 3\n{BETWEEN}b = mine\n"
