"""The benchmark runs every app in turns and prints ratios to the first one."""

import subprocess
from pathlib import Path

import pytest

from tools.bench.__main__ import measure, table
from tools.bench.apps import MeasuredApp, check_out


class RecordedApp(MeasuredApp):
    """An app that notes its run in a file instead of running the CDK CLI."""

    def seconds_of_cdk_ls(self, output: Path) -> float:
        with output.open("a", encoding="utf-8") as runs:
            print(self.name, file=runs)
        return float(len(self.name))


def test_the_apps_take_turns_and_the_first_round_does_not_count(tmp_path: Path) -> None:
    apps = [RecordedApp(name=name, folder=tmp_path) for name in ("a", "bb")]
    seconds = measure(apps, rounds=2, output=tmp_path / "runs")
    assert (tmp_path / "runs").read_text("utf-8").split() == ["a", "bb"] * 3
    assert seconds == {"a": [1.0, 1.0], "bb": [2.0, 2.0]}


def test_the_table_has_ratios_of_medians_to_the_first_app() -> None:
    *_, row = table({"empty": [2.0, 2.0, 2.0], "ours": [3.0, 9.0, 4.0]})
    assert row == "| ours | 2.00 | 3.00 |"


def test_an_earlier_revision_is_written_out(tmp_path: Path) -> None:
    repository = tmp_path / "repository"
    git = ["git", "-C", str(repository), "-c", "user.name=A", "-c", "user.email=a@example.com"]
    subprocess.run(["git", "init", "--quiet", str(repository)], check=True)
    (repository / "app.py").write_text("old", encoding="utf-8")
    subprocess.run([*git, "add", "."], check=True)
    subprocess.run([*git, "commit", "--quiet", "--message", "old"], check=True)
    (repository / "app.py").write_text("new", encoding="utf-8")
    assert (check_out("HEAD", repository, tmp_path / "out") / "app.py").read_text() == "old"
    with pytest.raises(SystemExit, match="nowhere"):
        check_out("nowhere", repository, tmp_path / "none")
