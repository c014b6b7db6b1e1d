"""Which service is rehearsed, the copies of its settings files, and what is not shown."""

from pathlib import Path
from subprocess import CompletedProcess
from types import SimpleNamespace
from typing import Any, cast

import pytest

from cdk_rehearsal import ConsoleReport
from cdk_rehearsal.pipelines import SWITCH
from settings.examples import sample_env
from tools.rehearsal.rehearse import find_engine, pull_first_image
from tools.rehearsal.rehearsed_service import SettingsFiles, choose_service, sample_service
from tools.repository import ROOT


class Workspace(dict[str, dict[str, str]]):
    """Remembers what is written."""

    def write_env(self, name: str, **changes: str) -> None:
        self[name] = changes


def test_without_settings_it_is_the_sample_and_this_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    service = choose_service(None, None, None, working_tree=False)
    assert service.is_sample
    assert service.repository == ROOT
    assert "the sample service" in capsys.readouterr().err


def test_settings_of_the_user_are_taken_and_changed_in_a_copy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    text = sample_env(service_name="mine", container_environment="A=1")
    (tmp_path / ".env").write_text(text, encoding="utf-8")
    service = choose_service(None, None, str(ROOT), working_tree=False)
    assert not service.is_sample
    workspace = Workspace()
    files = SettingsFiles(cast("Any", workspace), service)
    with files.changed(container_environment="A=2"):
        assert workspace[files.main]["container_environment"] == "A=2"
        assert workspace[files.main]["service_name"] == "mine"
    assert workspace[files.main]["container_environment"] == "A=1"
    assert (tmp_path / ".env").read_text(encoding="utf-8") == text


def test_without_an_engine_the_end_of_the_report_says_what_is_not_shown(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(SWITCH, "stand-in")
    report = ConsoleReport()
    assert find_engine(report, sample_service(working_tree=False)) is None
    report.end("This is the end.")
    last = capsys.readouterr().out.partition("This is the end.")[2]
    assert "Not shown: tasks as containers: REHEARSAL_DOCKER=stand-in" in last
    assert "Not shown: that your Dockerfile builds" in last


def test_a_line_of_what_is_not_shown_ends_with_a_whole_word(
    capsys: pytest.CaptureFixture[str],
) -> None:
    refused = CompletedProcess([], 1, "", "word " * 100)
    engine = SimpleNamespace(name="e", has_image=lambda _: False, attempt=lambda *_, **__: refused)
    report = ConsoleReport()
    pull_first_image(report, cast("Any", engine), "nginx")
    report.end("This is the end.")
    assert capsys.readouterr().out.endswith(" word word ...\n")
