"""A recording as a picture: an SVG that scrolls as the terminal did, without a script.

The lines are on one long page behind a window, and a cover lies on what is not yet written. Who
wants no motion, or has a viewer without it, sees the end.
"""

import json
import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from html import escape, unescape
from itertools import groupby
from operator import itemgetter

from tools.picture_colours import Colours, light_and_dark
from tools.recording.session import COLUMNS, Line, Scene, SessionError

_CELL, _LINE, _SIZE = 6.6, 16, 11
_ROWS, _MARGIN, _HEADER = 32, 12, 30
WIDTH = round(COLUMNS * _CELL) + 2 * _MARGIN
HEIGHT = _HEADER + _ROWS * _LINE + _MARGIN
# Seconds of the picture: nothing is waited for, and everything can be seen to come.
_SHORTEST, _LONGEST, _HURRY = 0.06, 0.5, 8
_TYPING, _READING, _END = 1.2, 1.6, 5.0
_CODES = {"1": "bold", "31": "bad", "32": "good", "2": "faint"}
_PAINTED = re.compile(r"\x1b\[([\d;]*)m")
_METADATA = re.compile(r"<metadata>(.*?)</metadata>", re.DOTALL)
_WIDE = "WF"

_FONTS = "ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace"

_Run = tuple[int, str, str]
"""Column, style and text."""


@dataclass(frozen=True)
class _Row:
    """A row of the long page, and when it comes."""

    at: float
    runs: tuple[_Run, ...]


def svg(scenes: Sequence[Scene]) -> str:
    """Return the picture, with what it was made from in its metadata."""
    rows, length = _timed(scenes)
    source = escape(
        json.dumps([asdict(scene) for scene in scenes], ensure_ascii=False), quote=False
    )
    title = ", ".join(scene.command.split(" SOURCE")[0] for scene in scenes)
    minutes, seconds = divmod(round(sum(scene.seconds for scene in scenes)), 60)
    header = f"A real run of {minutes} min {seconds} s; cut: pauses, values that name a machine"
    window = f'x="{_MARGIN}" y="{_HEADER}" width="{WIDTH - 2 * _MARGIN}" height="{_ROWS * _LINE}"'
    return "\n".join(
        [
            (
                f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
                f'width="{WIDTH}" height="{HEIGHT}" role="img" aria-labelledby="title">'
            ),
            f'<title id="title">{escape(title)}</title>',
            f"<metadata>{source}</metadata>",
            f"<style>{_style(rows, length)}</style>",
            f'<rect x=".5" y=".5" width="{WIDTH - 1}" height="{HEIGHT - 1}" rx="8" class="page"/>',
            f'<text x="{_MARGIN}" y="20" class="faint">{escape(header)}</text>',
            f'<svg {window}><g class="lines">',
            *(_drawn(number, row) for number, row in enumerate(rows)),
            '</g><rect width="100%" height="100%" class="cover"/></svg>',
            "</svg>",
            "",
        ]
    )


def scenes_of(picture: str) -> tuple[Scene, ...]:
    """Return the scenes that a picture was made from."""
    found = _METADATA.search(picture)
    if found is None:
        raise SessionError("the picture that is there has no recording in it")
    return tuple(
        Scene(
            command=scene["command"],
            seconds=scene["seconds"],
            lines=tuple(Line(**line) for line in scene["lines"]),
            notes=tuple(scene["notes"]),
        )
        for scene in json.loads(unescape(found[1]))
    )


def _timed(scenes: Sequence[Scene]) -> tuple[list[_Row], float]:
    """Return the rows with their times in the picture, and how long that is."""
    rows: list[_Row] = []
    now = 0.0
    for scene in scenes:
        now += _READING if rows else 0
        rows += [_Row(now, ((0, "faint", f"# {note}"),)) for note in scene.notes]
        rows.append(_Row(now, ((0, "bold", f"$ {scene.command}"),)))
        now += _TYPING
        before = 0.0
        for line in scene.lines:
            now += min(max((line.at - before) / _HURRY, _SHORTEST), _LONGEST)
            before = line.at
            rows += [_Row(now, runs) for runs in _wrapped(line.text)]
    return rows, now + _END


def _wrapped(text: str) -> Iterator[tuple[_Run, ...]]:
    """Yield the runs of each row that a line takes."""
    cells: list[tuple[int, str, str]] = []
    style, column = "", 0
    for number, piece in enumerate(_PAINTED.split(text)):
        if number % 2:
            style = _CODES.get(piece, "")
            continue
        for character in piece:
            wide = _cells(character)
            if column + wide > COLUMNS:
                yield tuple(_runs(cells))
                cells, column = [], 0
            cells.append((column, style, character))
            column += wide
    yield tuple(_runs(cells))


def _runs(cells: Sequence[tuple[int, str, str]]) -> Iterator[_Run]:
    """Yield what is of one style; wide gaps are no part of it, and so keep their width."""
    for style, group in groupby(cells, key=itemgetter(1)):
        same = list(group)
        text = "".join(character for _, _, character in same)
        for words in re.finditer(r"\S+(?: \S+)*", text):
            yield same[words.start()][0], style, words[0]


def _cells(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(each) in _WIDE else 1 for each in text)


def _drawn(number: int, row: _Row) -> str:
    y = number * _LINE + 12
    return "".join(
        f'<text x="{column * _CELL:g}" y="{y}" textLength="{_cells(text) * _CELL:g}"'
        f"{f' class={chr(34)}{style}{chr(34)}' if style else ''}>{escape(text, quote=False)}</text>"
        for column, style, text in row.runs
    )


def _style(rows: Sequence[_Row], length: float) -> str:
    def colours(of: Colours) -> str:
        kinds = "".join(f".{name}{{fill:{of[name]}}}" for name in ("faint", "good", "bad"))
        page = f".page,.cover{{fill:{of['page']}}}.page{{stroke:{of['edge']}}}"
        return f"text{{fill:{of['ink']}}}{page}{kinds}"

    moments = {f"{100 * row.at / length:.2f}": number for number, row in enumerate(rows)}
    moments["100"] = last = len(rows) - 1
    scroll = "".join(f"{at}%{{{_scrolled(number)}}}" for at, number in moments.items())
    cover = "".join(f"{at}%{{{_covered(n)}}}" for at, n in moments.items() if n < _ROWS)
    return (
        f"text{{font:{_SIZE}px {_FONTS}}}.bold{{font-weight:700}}"
        f".lines,.cover{{animation:scroll {length:.1f}s step-end infinite}}"
        f".lines{{{_scrolled(last)}}}.cover{{{_covered(last)};animation-name:cover}}"
        f"@keyframes scroll{{{scroll}}}@keyframes cover{{{cover}}}"
        "@media (prefers-reduced-motion: reduce){.lines,.cover{animation:none}}"
        f"{light_and_dark(colours)}"
    )


def _scrolled(number: int) -> str:
    """Return how the page is moved when a row is the last one that is written."""
    return f"transform:translateY({min(0, _ROWS - 1 - number) * _LINE}px)"


def _covered(number: int) -> str:
    """Return how the cover is moved below a row, with the room for what hangs from its letters."""
    return f"transform:translateY({min(number + 1, _ROWS) * _LINE}px)"
