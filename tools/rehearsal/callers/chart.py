"""A chart of what callers saw, second by second, as SVG for light and dark pages."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from xml.sax.saxutils import escape

from tools.picture_colours import Colours, light_and_dark
from tools.rehearsal.containers.callers import RATE, Calls

WIDTH, LEFT, RIGHT, PANEL, GAP = 660, 44, 12, 90, 54
MOST = 1.25 * RATE
"""Requests a second that a panel has room for: after a pause more begin than the rate."""
SIZE, HEADER, ROW, CHARACTER, ENTRY = 13, 30, 16, 7.2, 92
"""Of letters, the legend, a row of labels of events; about a character, an entry of the legend."""
COLOURS = ("#4477aa", "#ddaa33", "#66ccee", "#228833")
FAILED = "#dd3322"
TITLES = {
    "careful": "honours the TTL, tries again twice at another address",
    "plain": "honours the TTL, never tries again",
    "forever": "looks the name up once and never again",
}
_TICKS = (10, 30, 60)
_MOST_TICKS = 12

Event = tuple[float, str]
"""When it was, and what."""


def draw(file: Path, callers: Sequence[Calls], events: Sequence[Event]) -> None:
    """Write a panel for each caller: answers by revision, failures on top, events across."""
    began = min(calls.requests[0]["at"] for calls in callers)
    seconds = int(max(calls.requests[-1]["at"] for calls in callers) - began) + 1
    revisions = list(dict.fromkeys(rev for calls in callers for rev in calls.shares("revision")))
    names = {rev: "before" if n == 0 else "delivered" for n, rev in enumerate(revisions)}
    body = _legend([(COLOURS[n], names[rev]) for n, rev in enumerate(revisions)])
    moments = sorted((_x(at - began, seconds), label) for at, label in events)
    rows = 0
    for x, label, anchor, row in _placed(moments):
        rows = max(rows, row + 1)
        body += _text(x, HEADER + ROW * (row + 1), label, anchor=anchor)
    top = HEADER + ROW * rows + 34
    for number, calls in enumerate(callers):
        at = top + number * (PANEL + GAP)
        body += _panel(calls, revisions, began, seconds, at)
        for x, _ in moments:
            line = f'x1="{x:.1f}" x2="{x:.1f}" y1="{at}" y2="{at + PANEL}"'
            body += f'<line class="line" {line} stroke-dasharray="3 3"/>'
    height = top + len(callers) * (PANEL + GAP) - GAP + 24
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
        f'font-family="sans-serif" font-size="{SIZE}"><style>{light_and_dark(_style)}</style>'
        f'<rect width="{WIDTH}" height="{height}" rx="8" class="page"/>{body}</svg>\n',
        encoding="utf-8",
    )


def _style(of: Colours) -> str:
    return f"text{{fill:{of['ink']}}}.line{{stroke:{of['ink']}}}.page{{fill:{of['page']}}}"


def _placed(moments: Sequence[Event]) -> Iterator[tuple[float, str, str, int]]:
    """Yield where each label goes: in the first row in which it meets no other."""
    ends: list[float] = []
    for x, label in moments:
        width = len(label) * CHARACTER
        anchor = "start" if x + width < WIDTH else "end"
        begin = x if anchor == "start" else x - width
        row = next((n for n, end in enumerate(ends) if end < begin), len(ends))
        ends[row : row + 1] = [begin + width + CHARACTER]
        yield x, label, anchor, row


def _x(second: float, seconds: int) -> float:
    return LEFT + second * (WIDTH - LEFT - RIGHT) / seconds


def _panel(calls: Calls, revisions: list[str], began: float, seconds: int, top: float) -> str:
    slots = [calls.between(began + n, began + n + 1) for n in range(seconds)]
    title = f"{calls.mode}: {TITLES[calls.mode]} - {len(calls.requests)} requests, "
    text = _text(LEFT, top - 8, f"{title}{len(calls.failed)} failed", weight="bold")
    full = top + PANEL * (1 - RATE / MOST)
    text += _text(LEFT - 6, full + 5, f"{RATE}/s", anchor="end")
    text += _text(LEFT - 6, top + PANEL, "0", anchor="end")
    width = _x(1, seconds) - _x(0, seconds)
    tick = next((each for each in _TICKS if seconds / each <= _MOST_TICKS), _TICKS[-1])
    for number, slot in enumerate(slots):
        shares = slot.shares("revision")
        stack = [(COLOURS[n], shares.get(rev, 0)) for n, rev in enumerate(revisions)]
        base = top + PANEL
        for colour, count in [*stack, (FAILED, len(slot.failed))]:
            size = min(count * PANEL / MOST, base - top)
            base -= size
            if count:
                text += (
                    f'<rect x="{_x(number, seconds):.1f}" y="{base:.1f}" '
                    f'width="{width * 0.9:.1f}" height="{size:.1f}" fill="{colour}"/>'
                )
        if number % tick == 0 and _x(number, seconds) + len("000 s") * CHARACTER < WIDTH:
            text += _text(_x(number, seconds), top + PANEL + 14, f"{number} s")
    line = f'y1="{top + PANEL}" y2="{top + PANEL}"'
    return text + f'<line class="line" x1="{LEFT}" x2="{WIDTH - RIGHT}" {line}/>'


def _legend(entries: list[tuple[str, str]]) -> str:
    text = _text(LEFT, 18, "Requests per second, by version", weight="bold")
    for number, (colour, label) in enumerate([*entries, (FAILED, "failed")]):
        x = WIDTH - RIGHT - (len(entries) + 1 - number) * ENTRY
        text += f'<rect x="{x}" y="8" width="12" height="12" fill="{colour}"/>'
        text += _text(x + 18, 18, label)
    return text


def _text(x: float, y: float, text: str, *, weight: str = "normal", anchor: str = "start") -> str:
    style = f'font-weight="{weight}" text-anchor="{anchor}"'
    return f'<text x="{x:.1f}" y="{y:.1f}" {style}>{escape(text)}</text>'
