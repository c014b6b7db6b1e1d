"""Measurements that take turns, and what ``make bench`` prints and writes of them."""

import json
import os
import platform
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from tools.picture_colours import Colours, light_and_dark
from tools.progress.terminal import LiveLine

BUDGETS = {
    "npx cdk ls: a core and a service": 1.3,
    "npx cdk ls: a service by outputs file": 1.3,
}
"""Ratios to the floor that must not be exceeded."""

_BAR_HEIGHT = 18
_LABEL_WIDTH = 310
_BAR_WIDTH = 220


class Run(NamedTuple):
    """What one run took: ``memory`` is that of its largest process, in MiB."""

    seconds: float
    memory: float


@dataclass(frozen=True)
class Series:
    """The runs of one thing."""

    runs: tuple[Run, ...]

    @property
    def median(self) -> float:
        """The middle of the seconds."""
        return statistics.median(run.seconds for run in self.runs)

    @property
    def memory(self) -> float:
        """The middle of the memory."""
        return statistics.median(run.memory for run in self.runs)

    @property
    def spread(self) -> float:
        """The longest less the shortest."""
        seconds = [run.seconds for run in self.runs]
        return max(seconds) - min(seconds)


def measure(
    cases: Mapping[str, Callable[[], Run]], *, rounds: int, progress: LiveLine
) -> dict[str, Series]:
    """Measure every case once in each round, so that a busy moment falls on all of them.

    A round before the first fills the caches and does not count.
    """
    runs: dict[str, list[Run]] = {name: [] for name in cases}
    for round_ in range(rounds + 1):
        began = time.perf_counter()
        which = f"round {round_} of {rounds}" if round_ else "a round that fills the caches"
        for name, case in cases.items():
            progress.show(f"  … {which}: {name}")
            took = case()
            if round_:
                runs[name].append(took)
        progress.keep(f"  ✓ {which}: {time.perf_counter() - began:.0f} s")
    return {name: Series(tuple(taken)) for name, taken in runs.items()}


def table(series: Mapping[str, Series], floor: str) -> list[str]:
    """Return the lines of a Markdown table: ratios to the floor of time and memory, and budget."""
    lines = ["| | time | spread | memory | budget |", "|---|---:|---:|---:|---:|"]
    base, memory = series[floor].median, series[floor].memory
    for name, measured in series.items():
        budget = f"{BUDGETS[name]:.1f}" if name in BUDGETS else ""
        ratio, spread = measured.median / base, measured.spread / base
        lines.append(
            f"| {name} | {ratio:.2f} | {spread:.2f} | {measured.memory / memory:.2f} | {budget} |"
        )
    return lines


def write_json(path: Path, parts: Mapping[str, object]) -> None:
    """Write everything that was measured, and on what."""
    machine = {"cores": os.cpu_count(), "python": platform.python_version()}
    text = json.dumps({"machine": machine, **parts}, indent=2, ensure_ascii=False)
    path.write_text(f"{text}\n", encoding="utf-8")


def write_chart(path: Path, series: Mapping[str, Series], floor: str) -> None:
    """Write an SVG with a bar for each ratio to the floor, and a line at the floor."""
    base = series[floor].median
    ratios = {name: measured.median / base for name, measured in series.items()}
    scale = _BAR_WIDTH / max(*ratios.values(), 1.4)
    wide, high = _LABEL_WIDTH + _BAR_WIDTH + 16, (len(ratios) + 1) * (_BAR_HEIGHT + 8)
    parts = [
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {wide} {high}" width="{wide}" '
            f'height="{high}" font-family="sans-serif" font-size="13">'
        ),
        f"<style>{light_and_dark(_style)}</style>",
        f'<rect width="{wide}" height="{high}" rx="8" class="page"/>',
    ]
    for row, (name, ratio) in enumerate(ratios.items()):
        top = 10 + row * (_BAR_HEIGHT + 8)
        color = "#8c9196" if name == floor else "#ed7100"
        # Not at the end of the bar, where the line at the floor may be.
        parts += [
            f'<text x="{_LABEL_WIDTH - 46}" y="{top + 13}" text-anchor="end">{name}</text>',
            f'<text x="{_LABEL_WIDTH - 8}" y="{top + 13}" text-anchor="end">{ratio:.2f}</text>',
            (
                f'<rect x="{_LABEL_WIDTH}" y="{top}" width="{ratio * scale:.1f}" '
                f'height="{_BAR_HEIGHT}" fill="{color}"/>'
            ),
        ]
    at_floor = _LABEL_WIDTH + scale
    parts += [
        (
            f'<line x1="{at_floor:.1f}" x2="{at_floor:.1f}" y1="4" y2="{high - 12}" '
            'class="line" stroke-dasharray="4 3"/>'
        ),
        "</svg>",
    ]
    path.write_text("\n".join(parts) + "\n", encoding="utf-8")


def _style(of: Colours) -> str:
    return f"text{{fill:{of['ink']}}}.line{{stroke:{of['ink']}}}.page{{fill:{of['page']}}}"
