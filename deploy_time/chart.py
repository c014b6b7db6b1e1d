"""The schedules of a deploy as a picture: one bar for each resource that takes a while."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from html import escape

from deploy_time.schedule import Schedule

SHORTEST_SECONDS = 10
"""Shorter steps are drawn only where they decide how long the stack takes."""

_LABELS = 300
_BARS = 560
_ROW = 20
_TICK_SECONDS = 60


@dataclass(frozen=True)
class _Row:
    kind: str
    start: float
    end: float
    critical: bool
    count: int

    @property
    def label(self) -> str:
        """The type, and how many start and end together."""
        return self.kind.removeprefix("AWS::") + (f" × {self.count}" if self.count > 1 else "")


def chart(schedules: Mapping[str, Schedule]) -> str:
    """Return an SVG with the stacks one after the other, as the CDK CLI deploys them."""
    offset, top, parts = 0.0, 30, list[str]()
    whole = sum(schedule.critical_path[-1].end for schedule in schedules.values())
    for stack, schedule in schedules.items():
        parts.append(f'<text x="10" y="{top + 14}" font-weight="bold">{escape(stack)}</text>')
        top += _ROW + 4
        for row in _rows(schedule):
            parts += _bar(row, top, offset, _BARS / whole)
            top += _ROW
        offset += schedule.critical_path[-1].end
        top += 8
    width = _LABELS + _BARS + 50
    return "\n".join(
        [
            (
                f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{top}" '
                f'viewBox="0 0 {width} {top}" font-family="sans-serif" font-size="13" '
                'fill="#232f3e">'
            ),
            '<rect width="100%" height="100%" fill="#ffffff"/>',
            *_ticks(whole, top),
            *parts,
            "</svg>\n",
        ]
    )


def _rows(schedule: Schedule) -> list[_Row]:
    """Return the bars, in the order in which they begin; equal ones as one."""
    critical = schedule.critical_path
    counted: dict[tuple[str, float, float, bool], int] = {}
    for step in schedule.steps:
        if step in critical or step.end - step.start >= SHORTEST_SECONDS:
            key = (step.kind, step.start, step.end, step in critical)
            counted[key] = counted.get(key, 0) + 1
    return [_Row(*key, count) for key, count in counted.items()]


def _bar(row: _Row, top: float, offset: float, scale: float) -> Iterator[str]:
    left = _LABELS + (offset + row.start) * scale
    length = max((row.end - row.start) * scale, 2)
    color = "#ed7100" if row.critical else "#b6bec9"
    weight = ' font-weight="bold"' if row.critical else ""
    yield (
        f'<text x="{_LABELS - 10}" y="{top + 14}" text-anchor="end"{weight}>'
        f"{escape(row.label)}</text>"
    )
    yield (
        f'<rect x="{left:.1f}" y="{top + 3}" width="{length:.1f}" height="{_ROW - 6}" '
        f'fill="{color}"/>'
    )
    yield f'<text x="{left + length + 5:.1f}" y="{top + 14}">{row.end - row.start:g}</text>'


def _ticks(whole: float, bottom: float) -> Iterator[str]:
    for seconds in range(0, int(whole) + 1, _TICK_SECONDS):
        x = _LABELS + seconds * _BARS / whole
        yield f'<line x1="{x:.1f}" x2="{x:.1f}" y1="24" y2="{bottom - 6}" stroke="#e3e7ec"/>'
        yield f'<text x="{x:.1f}" y="18" text-anchor="middle">{seconds} s</text>'
