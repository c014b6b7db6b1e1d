"""What is removed of the temporary directory: what is marked, and whose process is gone."""

import json
import os
import re
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tools.local_aws import scratch
from tools.local_aws.scratch import MARK, ScratchDirectory, in_use, others_in_use, sweep

ROOT = Path(__file__).parents[3]
# The module alone: it imports nothing of ours, and its package would take most of a second.
HOLDER = f"""
import runpy, signal, sys, time
from pathlib import Path
globals().update(runpy.run_path({scratch.__file__!r}))
for number in (signal.SIGTERM, signal.SIGHUP):
    if signal.getsignal(number) is not signal.SIG_IGN:
        signal.signal(number, lambda number, _: sys.exit(128 + number))
with ScratchDirectory("test", parent=Path(sys.argv[1])) as one:
    for number in range(int(sys.argv[2])):
        ScratchDirectory("test", parent=Path(sys.argv[1])).path.joinpath("file").touch()
    (one.path / "deep" / "er").mkdir(parents=True)
    (one.path / "deep" / "er" / "file").touch()
    (one.path / "link").symlink_to(sys.argv[1])
    print("ready", flush=True)
    time.sleep(60)
"""

Hold = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def hold(tmp_path: Path) -> Iterator[Hold]:
    """Start another process that has scratch directories, one and some more, in tmp_path."""
    started = []

    def start(more: int = 0, *before: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [*before, sys.executable, "-c", HOLDER, str(tmp_path), str(more)],
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


def end(process: subprocess.Popen[str], number: signal.Signals = signal.SIGKILL) -> int:
    process.send_signal(number)
    return process.wait()


def left_behind(hold: Hold, folder: Path) -> Path:
    end(hold())
    (path,) = folder.iterdir()
    return path


def test_it_is_for_its_owner_alone_and_gone_at_the_end(tmp_path: Path) -> None:
    with ScratchDirectory("test", parent=tmp_path) as made:
        assert made.path.name.startswith("ecs-blueprint-test-")
        assert stat.S_IMODE(made.path.stat().st_mode) == 0o700
        assert f'"process": {os.getpid()}' in (made.path / MARK).read_text(encoding="utf-8")
        (made.path / "folder").mkdir()
        (made.path / "folder" / "file").touch()
    assert list(tmp_path.iterdir()) == []
    made.remove()


def test_what_is_in_the_place_of_one_that_is_gone_is_not_removed(tmp_path: Path) -> None:
    with ScratchDirectory("test", parent=tmp_path) as made:
        made.path.rename(tmp_path / "moved")
        made.path.mkdir()
        (made.path / "file").touch()
    assert (made.path / "file").exists()


def test_the_next_one_removes_what_a_killed_process_has_left(hold: Hold, tmp_path: Path) -> None:
    end(hold(3))
    assert len(list(tmp_path.iterdir())) == 4
    with ScratchDirectory("test", parent=tmp_path) as made:
        assert list(tmp_path.iterdir()) == [made.path]
    assert tmp_path.exists()


def test_what_a_process_holds_stays(hold: Hold, tmp_path: Path) -> None:
    hold()
    (held,) = tmp_path.iterdir()
    with ScratchDirectory("test", parent=tmp_path) as made:
        assert in_use(held)
        assert others_in_use(made.path)
    assert (held / "deep" / "er" / "file").exists()


def test_a_process_id_that_is_used_again_saves_nothing(hold: Hold, tmp_path: Path) -> None:
    left = left_behind(hold, tmp_path)
    mark = json.loads((left / MARK).read_text(encoding="utf-8")) | {"process": os.getpid()}
    (left / MARK).write_text(json.dumps(mark), encoding="utf-8")
    sweep(tmp_path)
    assert not left.exists()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_process_that_is_asked_to_end_cleans_up(
    hold: Hold, tmp_path: Path, number: signal.Signals
) -> None:
    assert end(hold(), number) == 128 + number
    assert list(tmp_path.iterdir()) == []


def test_nohup_is_respected(hold: Hold) -> None:
    holder = hold(0, "nohup")
    holder.send_signal(signal.SIGHUP)
    with pytest.raises(subprocess.TimeoutExpired):
        holder.wait(timeout=0.3)


def test_two_sweeps_at_once_do_not_disturb_each_other(hold: Hold, tmp_path: Path) -> None:
    end(hold(40))
    with ThreadPoolExecutor(4) as pool:
        for done in [pool.submit(sweep, tmp_path) for _ in range(4)]:
            done.result()
    assert list(tmp_path.iterdir()) == []


def unmarked(path: Path) -> None:
    (path / MARK).unlink()


def open_to_others(path: Path) -> None:
    path.chmod(0o770)


def with_a_mark_of_somebody_else(path: Path) -> None:
    (path / MARK).write_text("theirs", encoding="utf-8")


def with_a_mark_that_names_no_directory(path: Path) -> None:
    (path / MARK).write_text(f'{{"process": {os.getpid()}}}', encoding="utf-8")


def with_a_link_for_a_mark(path: Path) -> None:
    (path / MARK).rename(path / "mark")
    (path / MARK).symlink_to("mark")


def under_another_name(path: Path) -> None:
    path.rename(path.with_name("theirs"))


def copied(path: Path) -> None:
    path.rename(path.with_name("theirs"))
    shutil.copytree(path.with_name("theirs"), path, symlinks=True)


def behind_a_link(path: Path) -> None:
    path.rename(path.with_name("theirs"))
    path.symlink_to("theirs")


@pytest.mark.parametrize(
    "change",
    [
        unmarked,
        open_to_others,
        with_a_mark_of_somebody_else,
        with_a_mark_that_names_no_directory,
        with_a_link_for_a_mark,
        under_another_name,
        copied,
        behind_a_link,
    ],
)
def test_what_is_not_ours_beyond_doubt_is_never_touched(
    hold: Hold, tmp_path: Path, change: Callable[[Path], None]
) -> None:
    change(left_behind(hold, tmp_path))
    before = sorted(tmp_path.rglob("*"))
    sweep(tmp_path)
    assert sorted(tmp_path.rglob("*")) == before


def test_what_another_user_made_is_never_touched(
    hold: Hold, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = left_behind(hold, tmp_path)
    monkeypatch.setattr("os.geteuid", lambda: left.stat().st_uid + 1)
    sweep(tmp_path)
    assert in_use(left)
    assert (left / "deep" / "er" / "file").exists()


def test_what_resists_keeps_its_mark_for_the_next_time(
    hold: Hold, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = left_behind(hold, tmp_path)
    with monkeypatch.context() as broken:
        broken.setattr("shutil.rmtree", lambda *_, **__: None)
        sweep(tmp_path)
    assert (left / MARK).exists()
    sweep(tmp_path)
    assert not left.exists()


def test_temporary_files_of_this_process_and_its_children_go_where_they_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TMPDIR", raising=False)
    with scratch.temporary_files_in(tmp_path):
        child = "import tempfile; print(tempfile.gettempdir())"
        told = subprocess.run(
            [sys.executable, "-c", child], capture_output=True, text=True, check=True
        )
        assert told.stdout.strip() == tempfile.gettempdir() == str(tmp_path)
    assert "TMPDIR" not in os.environ
    assert tempfile.gettempdir() != str(tmp_path)


def test_nothing_else_makes_or_removes_folders_or_kills_groups() -> None:
    """Whoever needs one of these words has to say what makes it ours."""
    allowed = {
        "tempfile": {
            "tools/local_aws/scratch.py",
            "tools/local_aws/__main__.py",
            "tools/recording/__main__.py",  # asks where they are, to hide their paths
        },
        "rmtree": {
            "tools/local_aws/scratch.py",
            "tools/rehearsal/pipeline/docker_command.py",  # the folder that it has just made
        },
        "unlink": {
            "tools/init/__main__.py",  # the file that it has just made, half written
            "tools/rehearsal/pipeline/artifacts.py",  # links that it has just unpacked
            "tools/local_aws/scratch.py",
        },
        "rmi": {"tools/container_engine/ownership.py"},
        "killpg": {
            "tools/rehearsal/workspace.py",  # of a CLI that it started
            "tools/rehearsal/pipeline/lambda_action.py",  # of a runtime that it started
            "tools/local_aws/__main__.py",  # its own, when the parent says that it is new
            "tools/local_aws/child.py",  # of the child, not waited for
            "tools/recording/__main__.py",  # of a playground that it started, not waited for
            "tools/recording/session.py",  # of a command that it started, not waited for
        },
    }
    files = [path for path in (ROOT / "tools").rglob("*.py") if "tests" not in path.parts]
    words = {path: set(re.findall(r"\w+", path.read_text("utf-8"))) for path in files}
    found = {
        word: {path.relative_to(ROOT).as_posix() for path, has in words.items() if word in has}
        for word in allowed
    }
    assert found == allowed
