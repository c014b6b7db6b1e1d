"""The Makefile in a checkout whose path has a space in it."""

import re
import subprocess
from pathlib import Path

import pytest

from settings.examples import ROOT

MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")


def test_the_path_of_the_checkout_is_in_no_command() -> None:
    """It may have spaces, and make cannot quote; everything that is called is named from here."""
    lines = [line for line in MAKEFILE.splitlines() if "$(CURDIR)" in line]
    assert lines == ["export PATH := $(CURDIR)/$(BIN):$(PATH)"]


def test_the_aws_cli_finds_its_python_in_any_folder(tmp_path: Path) -> None:
    (written,) = re.findall(r"@(printf .*) > \$\(BIN\)/aws$", MAKEFILE, re.MULTILINE)
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


@pytest.mark.parametrize("target", ["doctor", "cost"])
def test_a_settings_file_may_have_a_space_in_its_name(target: str) -> None:
    planned = subprocess.run(
        ["make", "--dry-run", target, "ENV_FILE=my settings.env"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert f'-m {target} --env-file "my settings.env"' in planned.stdout
