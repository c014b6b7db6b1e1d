"""Two revisions are measured in turns, each where it finds nothing of the other or of the user."""

import subprocess
import sys
from pathlib import Path

import pytest

from tools.bench.revisions import (
    AGAIN,
    FIRST,
    TESTS,
    RevisionError,
    Taken,
    commit_of,
    compare,
    ratios,
)
from tools.progress.terminal import LiveLine

MAKEFILE = """
rehearse:
\t@echo {revision} $$HOME >> ../order
\t@! docker info 2>/dev/null || {{ echo an engine is in reach; exit 1; }}
\t@test -z "$$SECRET"
\t@head -c {size} /dev/zero > $$HOME/installed
test:
\t@echo the reason; exit {status}
"""


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "repository"
    git(tmp_path, "init", "--quiet", "--initial-branch=main", str(folder))
    for revision, size, status in (("one", 4_000_000, 0), ("two", 1_000_000, 3)):
        text = MAKEFILE.format(revision=revision, size=size, status=status)
        (folder / "Makefile").write_text(text, encoding="utf-8")
        git(folder, "add", ".")
        identity = ("-c", "user.name=A", "-c", "user.email=a@example.com")
        git(folder, *identity, "commit", "--quiet", f"--message={revision}")
    return folder


def git(folder: Path, *arguments: str) -> None:
    subprocess.run(["git", "-C", str(folder), *arguments], check=True)


def compared(repository: Path, folder: Path, *, tests: bool = False) -> dict[str, dict[str, Taken]]:
    folder.mkdir()
    both = [commit_of(repository, each) for each in ("HEAD~1", "main")]
    live = LiveLine(sys.stderr)
    return compare(repository, both, folder, tests=tests, progress=live)


def test_they_take_turns_with_a_home_each_and_no_engine(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET", "of the shell")
    taken = compared(repository, tmp_path / "measured")
    lines = (tmp_path / "measured" / "order").read_text().splitlines()
    assert [line.split()[0] for line in lines] == ["one", "two", "one", "two"]
    homes = [line.split()[1] for line in lines]
    assert homes[:2] == homes[2:]
    assert len({*homes, str(Path.home())}) == 3
    one, two = taken.values()
    assert one.keys() == two.keys() == {FIRST, AGAIN}
    assert all(took.seconds > 0 and took.processor > 0 for took in one.values())


def test_what_is_installed_counts_as_disk(repository: Path, tmp_path: Path) -> None:
    one, two = compared(repository, tmp_path / "measured").values()
    assert one[FIRST].megabytes - two[FIRST].megabytes == pytest.approx(3, abs=0.5)


def test_a_target_that_fails_is_named_with_what_it_printed(
    repository: Path, tmp_path: Path
) -> None:
    with pytest.raises(RevisionError, match=r"make test of revision-\w{7} failed:\nthe reason"):
        compared(repository, tmp_path / "measured", tests=True)


def test_a_commit_that_is_not_there_is_named(repository: Path) -> None:
    with pytest.raises(RevisionError, match="nowhere is no commit of this repository"):
        commit_of(repository, "nowhere")


def test_ratios_are_those_of_the_same_target() -> None:
    here, there = {TESTS: Taken(2, 3, 4)}, {TESTS: Taken(4, 4, 4), FIRST: Taken(1, 1, 1)}
    assert ratios(here, there) == {TESTS: {"time": 0.5, "processor time": 0.75, "disk": 1.0}}
