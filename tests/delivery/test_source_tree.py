"""The files that a commit would hold."""

from pathlib import Path

import pytest

from rehearsal.delivery.source_tree import read_source
from rehearsal.sample_settings import ROOT


def read(folder: Path, ignore: str, *paths: str) -> set[str]:
    (folder / ".gitignore").write_text(ignore, encoding="utf-8")
    for path in paths:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(path, encoding="utf-8")
    return set(read_source(folder)) - {".gitignore"}


def test_ignored_names_stay_out_at_every_depth(tmp_path: Path) -> None:
    paths = ("a/keep", "a/.cache/x", ".cache/x", "b/.env", ".git/HEAD")
    assert read(tmp_path, ".cache/\n.env\n", *paths) == {"a/keep"}


def test_the_last_match_decides(tmp_path: Path) -> None:
    found = read(tmp_path, "*.env\n!sample.env\n", "sample.env", "orders.env")
    assert found == {"sample.env"}


def test_a_pattern_for_folders_leaves_files_alone(tmp_path: Path) -> None:
    assert read(tmp_path, "build/\n", "build", "x/build/y") == {"build"}


def test_a_pattern_that_is_a_path_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="a/b is a path"):
        read(tmp_path, "a/b\n", "c")


def test_the_source_of_this_project_holds_no_secrets_and_no_packages() -> None:
    paths = read_source(ROOT).keys()
    assert "application-code/ecsdemo-backend/templates/buildspec.yml" in paths
    assert not [p for p in paths if p.startswith((".venv", ".git/", "node_modules", "cdk.out"))]
    assert [p for p in paths if p.endswith(".env")] == ["sample.env"]
