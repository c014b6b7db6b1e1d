"""The targets of the tools, in a checkout whose path has a space in it, and in the documents."""

import re
import subprocess
from pathlib import Path

import pytest

from tools.repository import ROOT

TARGETS = (ROOT / "tools" / "tools.mk").read_text(encoding="utf-8")
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
DOCUMENTS = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "tools").rglob("*.md")]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_make_targets_that_are_named_exist(document: Path) -> None:
    named = set(re.findall(r"`make ([a-z-]+)", document.read_text(encoding="utf-8")))
    known = set(re.findall(r"^([a-z-]+):", MAKEFILE + TARGETS, re.MULTILINE))
    assert named - known == set()


def test_without_the_tools_make_has_the_targets_of_the_product(tmp_path: Path) -> None:
    (tmp_path / "Makefile").write_text(MAKEFILE, encoding="utf-8")
    offered = subprocess.run(
        ["make", "help"], cwd=tmp_path, capture_output=True, text=True, check=True
    ).stdout
    names = set(re.findall(r"^  make ([a-z-]+) ", offered, re.MULTILINE))
    assert {"install", "check", "test", "help"} <= names
    assert not names & set(re.findall(r"^([a-z-]+):.*## ", TARGETS, re.MULTILINE)) - {
        "check",
        "test",
    }


def test_the_aws_cli_finds_its_python_in_any_folder(tmp_path: Path) -> None:
    (written,) = re.findall(r"@(printf .*) > \$\(BIN\)/aws$", TARGETS, re.MULTILINE)
    binaries = tmp_path / "my projects" / "bin"
    binaries.mkdir(parents=True)
    for name, command in (
        ("aws", written.replace("$$", "$")),
        ("python", "printf '#!/bin/sh\\necho $*'"),
    ):
        with (binaries / name).open("wb") as script:
            subprocess.run(["sh", "-c", command], stdout=script, check=True)
        (binaries / name).chmod(0o755)
    said = subprocess.run([binaries / "aws", "ecs", "help"], capture_output=True, check=True)
    assert said.stdout == b"-m awscli ecs help\n"


@pytest.mark.parametrize(
    ("target", "module"),
    [
        *((name, name) for name in ("doctor", "cost", "diagram", "playground")),
        *((name, f"operations {name}") for name in ("status", "logs", "deliver", "rollback")),
        ("call", "playground.call"),
    ],
)
def test_a_settings_file_may_have_a_space_in_its_name(target: str, module: str) -> None:
    planned = subprocess.run(
        ["make", "--dry-run", target, "ENV_FILE=my settings.env"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert f'-m tools.{module} --env-file "my settings.env"' in planned.stdout


def test_ci_measures_what_callers_see_at_the_pace_of_aws() -> None:
    workflow = (ROOT / ".github" / "workflows" / "test.yml").read_text(encoding="utf-8")
    assert "run: make callers\n" in workflow
    (recipe,) = re.findall(r"^callers:.*\n((?:\t.*\n)+)", TARGETS, re.MULTILINE)
    assert "--tasks 1 " in recipe
    assert "--without-delays" not in recipe
