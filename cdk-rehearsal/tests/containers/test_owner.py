"""Whether the run that a label names has ended, beyond doubt."""

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from cdk_rehearsal.containers import owner as module
from cdk_rehearsal.containers.owner import Owner
from cdk_rehearsal.scratch import ScratchDirectory


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Owner]:
    with ScratchDirectory("engine", parent=tmp_path) as scratch:
        yield Owner.of(scratch.path)


@pytest.fixture
def ended(tmp_path: Path) -> Owner:
    """A run whose scratch directory was removed, by itself or by a sweep."""
    return Owner.of(tmp_path / "ecs-blueprint-engine-gone")


def test_a_label_holds_the_whole_owner(running: Owner) -> None:
    assert Owner.parse(str(running)) == running


@pytest.mark.parametrize("label", ["", "true", "0@vm:/tmp/ecs-blueprint-engine-1", "a;b;/tmp/c"])
def test_a_label_of_another_program_names_no_owner(label: str) -> None:
    assert Owner.parse(label) is None


def test_a_run_without_its_directory_has_ended_and_one_that_holds_it_has_not(
    ended: Owner, running: Owner
) -> None:
    assert ended.has_ended()
    assert not running.has_ended()


def test_a_killed_run_has_ended_even_if_its_directory_still_exists(tmp_path: Path) -> None:
    killed = (
        "import os, sys\n"
        "from pathlib import Path\n"
        "from cdk_rehearsal.scratch import ScratchDirectory\n"
        "ScratchDirectory('engine', parent=Path(sys.argv[1]))\n"
        "os.kill(os.getpid(), 9)\n"
    )
    subprocess.run([sys.executable, "-c", killed, str(tmp_path)], check=False)
    (left,) = tmp_path.iterdir()
    assert Owner.of(left).has_ended()


def test_a_run_with_another_temporary_directory_of_the_same_path_may_be_running(
    ended: Owner, tmp_path: Path
) -> None:
    """A run in another container has its directory in another file system."""
    tmp_path.rename(tmp_path.with_name("elsewhere"))
    tmp_path.mkdir()
    assert not ended.has_ended()


def test_a_run_with_a_directory_that_we_did_not_mark_may_be_running(tmp_path: Path) -> None:
    """A user in another user namespace may have the same number."""
    unmarked = tmp_path / "ecs-blueprint-engine-theirs"
    unmarked.mkdir()
    assert not Owner.of(unmarked).has_ended()


def test_a_run_of_another_user_or_machine_may_be_running(
    ended: Owner, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not replace(ended, user=ended.user.replace("@", "1@")).has_ended()
    assert not replace(ended, user=f"{os.geteuid()}@elsewhere/").has_ended()
    monkeypatch.setattr(module, "_machine_id", lambda: "0" * 32)
    assert not ended.has_ended()


@pytest.mark.parametrize(("machine", "has_ended"), [("0" * 32, True), ("", False)])
def test_a_reboot_ends_every_run_of_a_machine_that_has_an_id(
    running: Owner, monkeypatch: pytest.MonkeyPatch, machine: str, *, has_ended: bool
) -> None:
    before = replace(running, user=f"{running.user.partition('/')[0]}/{machine}")
    monkeypatch.setattr(module, "_machine_id", lambda: machine)
    monkeypatch.setattr(module, "_boot_id", lambda: "11111111-2222-3333-4444-555555555555")
    assert before.has_ended() is has_ended


def test_without_a_boot_id_a_run_may_be_running(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_boot_id", lambda: "")
    assert not Owner.of(tmp_path / "ecs-blueprint-engine-gone").has_ended()
