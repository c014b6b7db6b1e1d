"""Scratch directories: only those that this program made, and whose process ended, are removed."""

import shutil
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cdk_rehearsal import scratch
from cdk_rehearsal.scratch import MARK, RUN, ScratchDirectory, runs, sweep, taken_over

# The module alone, since importing its package takes most of a second.
HOLDER = f"""
import runpy, sys
from pathlib import Path
globals().update(runpy.run_path({scratch.__file__!r}))
with ScratchDirectory("test", parent=Path(sys.argv[1])) as one:
    (one.path / "deep" / "er").mkdir(parents=True)
    (one.path / "deep" / "er" / "file").touch()
    (one.path / "link").symlink_to(sys.argv[1])
    print("ready", flush=True)
    sys.stdin.read()
"""

Hold = Callable[[], subprocess.Popen[str]]


@pytest.fixture
def hold(tmp_path: Path) -> Iterator[Hold]:
    """Start another process that has a scratch directory in tmp_path."""
    started = []

    def start() -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-c", HOLDER, str(tmp_path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def left_behind(hold: Hold, folder: Path) -> Path:
    """Return what a killed process has left."""
    process = hold()
    process.kill()
    process.wait()
    (path,) = folder.iterdir()
    return path


def test_only_its_owner_can_read_it_and_it_is_gone_at_the_end(tmp_path: Path) -> None:
    with ScratchDirectory("test", parent=tmp_path) as made:
        assert made.path.name.startswith("cdk-rehearsal-test-")
        assert stat.S_IMODE(made.path.stat().st_mode) == 0o700
        # Folders of any depth are removed.
        deep = made.path / ("d/" * 1100)
        subprocess.run(["mkdir", "-p", str(deep)], check=True)
        (deep / "file").touch()
    assert list(tmp_path.iterdir()) == []
    made.remove()


def test_the_next_one_removes_what_a_killed_process_left_and_nothing_of_a_running_one(
    hold: Hold, tmp_path: Path
) -> None:
    left = left_behind(hold, tmp_path)
    hold()
    (held,) = set(tmp_path.iterdir()) - {left}
    with ScratchDirectory("test", parent=tmp_path) as made:
        assert {*tmp_path.iterdir()} == {held, made.path}
    assert (held / "deep" / "er" / "file").exists()


def test_what_stands_for_things_in_an_engine_goes_only_after_them(
    hold: Hold, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = left_behind(hold, tmp_path)
    run = left.rename(left.with_name(left.name.replace("-test-", f"-{RUN}-")))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    sweep()
    assert runs() == [run]
    with taken_over(run) as has_ended:
        assert has_ended
    assert runs() == []


def without_a_mark(path: Path) -> None:
    (path / MARK).unlink()


def with_the_mark_of_another_program(path: Path) -> None:
    (path / MARK).write_text("theirs", encoding="utf-8")


def copied(path: Path) -> None:
    path.rename(path.with_name("theirs"))
    shutil.copytree(path.with_name("theirs"), path, symlinks=True)


def behind_a_link(path: Path) -> None:
    path.rename(path.with_name("theirs"))
    path.symlink_to("theirs")


@pytest.mark.parametrize(
    "change", [without_a_mark, with_the_mark_of_another_program, copied, behind_a_link]
)
def test_a_directory_that_may_belong_to_somebody_else_stays(
    hold: Hold, tmp_path: Path, change: Callable[[Path], None]
) -> None:
    change(left_behind(hold, tmp_path))
    before = sorted(tmp_path.rglob("*"))
    sweep(tmp_path)
    assert sorted(tmp_path.rglob("*")) == before


def test_a_directory_of_another_user_stays(
    hold: Hold, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = left_behind(hold, tmp_path)
    monkeypatch.setattr("os.geteuid", lambda: left.stat().st_uid + 1)
    sweep(tmp_path)
    assert (left / "deep" / "er" / "file").exists()


def test_a_directory_that_cannot_be_emptied_keeps_its_mark_for_the_next_sweep(
    hold: Hold, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = left_behind(hold, tmp_path)
    with monkeypatch.context() as broken:
        broken.setattr(scratch, "_RM", "/bin/true")
        sweep(tmp_path)
    assert (left / MARK).exists()
    sweep(tmp_path)
    assert not left.exists()
