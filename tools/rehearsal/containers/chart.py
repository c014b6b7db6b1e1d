"""A chart of what callers saw, second by second, as SVG."""

from collections.abc import Sequence
from pathlib import Path
from xml.sax.saxutils import escape

from tools.rehearsal.containers.callers import RATE, Calls

WIDTH, LEFT, RIGHT, TOP, PANEL, GAP = 960, 60, 20, 112, 90, 44
COLOURS = ("#4477aa", "#ddaa33", "#66ccee", "#228833")
FAILED = "#cc3311"
TITLES = {
    "careful": "honours the TTL, tries again twice at another address",
    "plain": "honours the TTL, never tries again",
    "forever": "looks the name up once and never again",
}


def draw(file: Path, callers: Sequence[Calls], events: Sequence[tuple[float, str]]) -> None:
    """Write a panel for each caller: answers by revision, failures on top, events across."""
    began = min(calls.requests[0]["at"] for calls in callers)
    seconds = int(max(calls.requests[-1]["at"] for calls in callers) - began) + 1
    revisions = list(dict.fromkeys(rev for calls in callers for rev in calls.shares("revision")))
    names = {rev: "before" if n == 0 else "delivered" for n, rev in enumerate(revisions)}
    height = TOP + len(callers) * (PANEL + GAP) + 10
    body = _legend([(COLOURS[n], names[rev]) for n, rev in enumerate(revisions)])
    for number, calls in enumerate(callers):
        body += _panel(calls, revisions, began, seconds, TOP + number * (PANEL + GAP))
    bottom = TOP + len(callers) * (PANEL + GAP) - GAP
    for number, (at, label) in enumerate(events):
        body += _event(_x(at - began, seconds), label, 46 + 14 * (number % 3), bottom)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
        f'font-family="sans-serif" font-size="12"><rect width="100%" height="100%" fill="#fff"/>'
        f"{body}</svg>\n",
        encoding="utf-8",
    )


def _x(second: float, seconds: int) -> float:
    return LEFT + second * (WIDTH - LEFT - RIGHT) / seconds


def _panel(calls: Calls, revisions: list[str], began: float, seconds: int, top: float) -> str:
    slots = [calls.between(began + n, began + n + 1) for n in range(seconds)]
    most = RATE
    title = f"{calls.mode}: {TITLES[calls.mode]} - {len(calls.requests)} requests, "
    text = _text(LEFT, top - 6, f"{title}{len(calls.failed)} failed", weight="bold")
    text += _text(LEFT - 6, top + 10, f"{most}/s", anchor="end") + _text(
        LEFT - 6, top + PANEL, "0", anchor="end"
    )
    width = _x(1, seconds) - _x(0, seconds)
    for number, slot in enumerate(slots):
        shares = slot.shares("revision")
        stack = [(COLOURS[n], shares.get(rev, 0)) for n, rev in enumerate(revisions)]
        base = top + PANEL
        for colour, count in [*stack, (FAILED, len(slot.failed))]:
            size = count * PANEL / most
            base -= size
            if count:
                text += (
                    f'<rect x="{_x(number, seconds):.1f}" y="{base:.1f}" '
                    f'width="{width - 0.5:.1f}" height="{size:.1f}" fill="{colour}"/>'
                )
        if number % 10 == 0:
            text += _text(_x(number, seconds), top + PANEL + 14, f"{number} s")
    line = f'y1="{top + PANEL}" y2="{top + PANEL}" stroke="#333"'
    return text + f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" {line}/>'


def _event(x: float, label: str, y: float, bottom: float) -> str:
    line = f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{y - 8}" y2="{bottom}" stroke="#333"'
    return f'{line} stroke-dasharray="3 3"/>{_text(x + 3, y, label)}'


def _legend(entries: list[tuple[str, str]]) -> str:
    text = _text(LEFT, 20, "Requests per second, by the version that answered", weight="bold")
    for number, (colour, label) in enumerate([*entries, (FAILED, "failed")]):
        x = 560 + number * 110
        text += f'<rect x="{x}" y="10" width="12" height="12" fill="{colour}"/>'
        text += _text(x + 18, 20, label)
    return text


def _text(x: float, y: float, text: str, *, weight: str = "normal", anchor: str = "start") -> str:
    style = f'font-weight="{weight}" text-anchor="{anchor}" fill="#222"'
    return f'<text x="{x:.1f}" y="{y:.1f}" {style}>{escape(text)}</text>'
