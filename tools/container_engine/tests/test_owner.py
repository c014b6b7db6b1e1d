"""Whether a run that a label names is over: only where nothing else can be true."""

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tools.container_engine import owner as module
from tools.container_engine.owner import Owner
from tools.local_aws.scratch import ScratchDirectory

ROOT = Path(__file__).parents[3]


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Owner]:
    with ScratchDirectory("engine", parent=tmp_path) as scratch:
        yield Owner.of(scratch.path)


@pytest.fixture
def gone(tmp_path: Path) -> Owner:
    """Its scratch directory has been removed, by itself or by another one's sweep."""
    return Owner.of(tmp_path / "ecs-blueprint-engine-gone")


def restarted(monkeypatch: pytest.MonkeyPatch, machine: str) -> None:
    monkeypatch.setattr(module, "_machine", lambda: machine)
    monkeypatch.setattr(module, "_boot", lambda: "11111111-2222-3333-4444-555555555555")


def test_a_label_says_all_of_it(running: Owner) -> None:
    assert Owner.parse(str(running)) == running


def test_a_run_without_its_directory_is_over_and_one_that_holds_it_is_not(
    gone: Owner, running: Owner
) -> None:
    assert gone.is_gone()
    assert not running.is_gone()


def test_a_run_that_was_killed_is_over_while_its_directory_is_still_there(tmp_path: Path) -> None:
    killed = (
        "import os, sys\n"
        "from pathlib import Path\n"
        "from tools.local_aws.scratch import ScratchDirectory\n"
        "ScratchDirectory('engine', parent=Path(sys.argv[1]))\n"
        "os.kill(os.getpid(), 9)\n"
    )
    subprocess.run([sys.executable, "-c", killed, str(tmp_path)], cwd=ROOT, check=False)
    (left,) = tmp_path.iterdir()
    assert Owner.of(left).is_gone()


def test_what_another_has_written_names_no_owner() -> None:
    for label in ("", "true", "0@vm:/tmp/ecs-blueprint-engine-1", "a;b;/tmp/c"):
        assert Owner.parse(label) is None


def test_another_temporary_directory_of_the_same_path_tells_nothing(
    gone: Owner, tmp_path: Path
) -> None:
    """In another mount namespace, or in a container, a living run has no directory there."""
    tmp_path.rename(tmp_path.with_name("elsewhere"))
    tmp_path.mkdir()
    assert not gone.is_gone()
    tmp_path.rmdir()
    assert not gone.is_gone()


def test_a_directory_that_cannot_be_looked_into_tells_nothing(tmp_path: Path) -> None:
    """As that of a user who has the same number in another user namespace."""
    unmarked = tmp_path / "ecs-blueprint-engine-theirs"
    unmarked.mkdir()
    assert not Owner.of(unmarked).is_gone()


def test_another_user_or_machine_is_not_judged(
    gone: Owner, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not replace(gone, user=gone.user.replace("@", "1@")).is_gone()
    assert not replace(gone, user=f"{os.geteuid()}@elsewhere/").is_gone()
    # A copy of this machine that has kept all but its id.
    monkeypatch.setattr(module, "_machine", lambda: "0" * 32)
    assert not gone.is_gone()


def test_with_its_machine_every_run_has_ended(
    running: Owner, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine = running.user.partition("/")[2] or "0" * 32
    before = replace(running, user=f"{running.user.partition('/')[0]}/{machine}")
    restarted(monkeypatch, machine)
    assert before.is_gone()


def test_a_machine_without_an_id_may_be_another_one(
    running: Owner, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = replace(running, user=f"{running.user.partition('/')[0]}/")
    restarted(monkeypatch, "")
    assert not before.is_gone()


def test_where_no_start_of_the_machine_can_be_told_nothing_is_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_boot", lambda: "")
    assert not Owner.of(tmp_path / "ecs-blueprint-engine-gone").is_gone()
