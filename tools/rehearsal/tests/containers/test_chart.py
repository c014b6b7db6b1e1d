"""What callers tell, counted and drawn."""

from pathlib import Path
from xml.etree import ElementTree as ET

from tools.rehearsal.containers.callers import Caller, Calls
from tools.rehearsal.containers.chart import draw

OK = {"ok": True, "errors": [], "from": "10.0.0.4", "task": "t", "zone": "z"}


def _calls() -> Calls:
    before = [{"at": 100 + n / 20, "revision": "one", **OK} for n in range(40)]
    failed = {"at": 102.0, "ok": False, "errors": ["TimeoutError: timed out"], "from": "10.0.0.4"}
    retried = {"at": 102.5, "revision": "two", **OK, "errors": ["TimeoutError: timed out"]}
    return Calls("plain", [*before, failed, retried])


def test_failures_and_retries_are_counted_with_their_reasons() -> None:
    calls = _calls()
    assert [len(calls.failed), len(calls.retried)] == [1, 1]
    assert calls.reasons() == {"TimeoutError: timed out": 2}


def test_shares_count_answers_only() -> None:
    assert _calls().shares("revision") == {"one": 40, "two": 1}
    assert len(_calls().between(102, 103).requests) == 2


def test_a_line_that_is_not_finished_is_left_for_later(tmp_path: Path) -> None:
    file = tmp_path / "plain"
    file.write_text('{"at": 2, "ok": true}\n{"at": 1, "ok": true}\n{"at": 3', encoding="utf-8")
    assert [call["at"] for call in Caller("plain", file).calls().requests] == [1, 2]


def test_the_chart_is_an_svg_with_each_version_and_event(tmp_path: Path) -> None:
    chart = tmp_path / "folder" / "chart.svg"
    draw(chart, [_calls()], [(101.0, "rollout begins")])
    root = ET.parse(chart)  # noqa: S314 - our own file
    texts = {element.text for element in root.iter() if element.text}
    assert {"before", "delivered", "failed", "rollout begins"} <= texts
    assert any(text.endswith("42 requests, 1 failed") for text in texts)
