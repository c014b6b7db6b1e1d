"""The few shapes, texts, icons and colours that the diagram consists of, as SVG."""

import base64
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from html import escape
from pathlib import Path

from fontTools.ttLib import TTFont

from tools.diagram.model import Flow
from tools.picture_colours import DARK, LIGHT, Colours, light_and_dark

FONTS = Path(__file__).parent / "fonts"
REGULAR, SEMI_BOLD = FONTS / "Inter-Regular.ttf", FONTS / "Inter-SemiBold.ttf"


@cache
def _advances(font: Path) -> dict[str, float]:
    """Return the advance of each character, in ems."""
    with TTFont(font) as table:
        metrics, ems = table["hmtx"].metrics, table["head"].unitsPerEm
        return {chr(code): metrics[name][0] / ems for code, name in table.getBestCmap().items()}


def width(text: str, size: float, *, bold: bool = False) -> float:
    """Return the width of a text in pixels."""
    advances = _advances(SEMI_BOLD if bold else REGULAR)
    return size * sum(advances[character] for character in text)


def wrapped(text: str, size: float, available: float, *, bold: bool = False) -> list[str]:
    """Break a text after a space or dot, else as ``_parts`` does, so that each line fits."""
    lines = [""]
    for piece in re.findall(r"[^ .]*[ .]+|[^ .]+", text):
        fine = width(piece.rstrip(), size, bold=bold) <= available
        for part in [piece] if fine else _parts(piece, size, available, bold=bold):
            if lines[-1] and width((lines[-1] + part).rstrip(), size, bold=bold) > available:
                lines.append("")
            lines[-1] += part
    return [line.rstrip() for line in lines]


def _parts(word: str, size: float, available: float, *, bold: bool) -> Iterator[str]:
    """Break a word: after a dash or slash, else before a capital, else anywhere."""
    for part in re.findall(r"[^-/]*[-/]+|[^-/]+", word):
        if width(part.rstrip(), size, bold=bold) <= available:
            yield part
            continue
        for hump in re.split(r"(?<=[a-z])(?=[A-Z])", part):
            yield from [hump] if width(hump.rstrip(), size, bold=bold) <= available else hump


Point = tuple[float, float]


@dataclass(frozen=True)
class Box:
    """A rectangle."""

    x: float
    y: float
    w: float
    h: float

    @property
    def right(self) -> float:
        """The right edge."""
        return self.x + self.w

    @property
    def bottom(self) -> float:
        """The lower edge."""
        return self.y + self.h

    @property
    def cx(self) -> float:
        """The middle between left and right."""
        return self.x + self.w / 2

    @property
    def cy(self) -> float:
        """The middle between top and bottom."""
        return self.y + self.h / 2


SIZES = {"stack": 17.0, "title": 14.5, "small": 13.0, "badge": 13.0}
"""Sizes of the kinds of text; the first two and the badge are semi-bold."""
BOLD = frozenset({"stack", "title", "badge"})


class Canvas:
    """Collects shapes in the order in which they are painted."""

    def __init__(self) -> None:
        self.elements: list[str] = []
        self.icons: set[str] = set()
        self.text_boxes: list[tuple[str, Box]] = []
        self.cards: list[Box] = []

    def rect(self, box: Box, style: str, radius: float = 8) -> None:
        """Paint a rectangle."""
        if style in {"card", "others"}:
            self.cards.append(box)
        self._add(
            f'<rect x="{_n(box.x)}" y="{_n(box.y)}" width="{_n(box.w)}" height="{_n(box.h)}"'
            f' rx="{_n(radius)}" class="{style}"/>'
        )

    def icon(self, name: str, x: float, y: float, size: float) -> None:
        """Place an icon, undistorted and in its own colours."""
        self.icons.add(name)
        self._add(
            f'<use href="#{name}" x="{_n(x)}" y="{_n(y)}" width="{_n(size)}" height="{_n(size)}"/>'
        )

    def text(
        self, text: str, x: float, y: float, kind: str, *, style: str = "", anchor: str = "start"
    ) -> float:
        """Write a line whose baseline is at ``y``; return where it ends."""
        size = SIZES[kind]
        wide = width(text, size, bold=kind in BOLD)
        left = x - {"start": 0.0, "middle": wide / 2, "end": wide}[anchor]
        self.text_boxes.append((text, Box(left, y - 0.74 * size, wide, 0.96 * size)))
        classes = f"{kind} {style}".strip()
        self._add(f'<text x="{_n(left)}" y="{_n(y)}" class="{classes}">{escape(text)}</text>')
        return left + wide

    def line(
        self, points: Sequence[Point], style: str, *, arrow: bool = True, radius: float = 10
    ) -> None:
        """Draw a line with rounded corners, and an arrow at its end."""
        marker = f' marker-end="url(#arrow-{style})"' if arrow else ""
        self._add(f'<path d="{rounded(points, radius)}" class="line {style}"{marker}/>')

    def area(self, points: Sequence[Point], style: str, radius: float) -> None:
        """Paint a polygon with rounded corners."""
        middle = _between(points[0], points[-1], 0.5)
        self._add(f'<path d="{rounded([middle, *points, middle], radius)}Z" class="{style}"/>')

    def badge(self, number: int, x: float, y: float) -> None:
        """Draw a number in a disc."""
        self._add(f'<circle cx="{_n(x)}" cy="{_n(y)}" r="11" class="disc"/>')
        self.text(str(number), x, y + 4.7, "badge", anchor="middle")

    def _add(self, element: str) -> None:
        self.elements.append(element)


def rounded(points: Sequence[Point], radius: float) -> str:
    """Return the path through the points with rounded corners."""
    parts = [f"M{_n(points[0][0])} {_n(points[0][1])}"]
    for before, corner, after in zip(points, points[1:], points[2:], strict=False):
        near = [min(radius / max(_distance(corner, end), 1e-9), 0.5) for end in (before, after)]
        start, end = _between(corner, before, near[0]), _between(corner, after, near[1])
        parts.append(f"L{_n(start[0])} {_n(start[1])}")
        parts.append(f"Q{_n(corner[0])} {_n(corner[1])} {_n(end[0])} {_n(end[1])}")
    parts.append(f"L{_n(points[-1][0])} {_n(points[-1][1])}")
    return "".join(parts)


def _between(a: Point, b: Point, share: float) -> Point:
    return a[0] + (b[0] - a[0]) * share, a[1] + (b[1] - a[1]) * share


def _distance(a: Point, b: Point) -> float:
    return float(((a[0] - b[0]) ** 2 + (a[1] - b[1]) ** 2) ** 0.5)


def _n(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")


ICONS = Path(__file__).parent / "icons"
_ICON = re.compile(
    r'<svg [^>]*viewBox="(?P<box>[\d ]+)"[^>]*>(<title>.*?</title>)?(?P<inside>.*)</svg>'
)


def document(canvas: Canvas, wide: float, high: float, title: str, metadata: object = None) -> str:
    """Return a picture of a size with what was painted; it loads nothing, and has a title."""
    size = f'viewBox="0 0 {wide:g} {high:g}" width="{wide:g}" height="{high:g}"'
    said = escape(json.dumps(metadata, indent=1), quote=False)
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" aria-labelledby="title">',
            f'<title id="title">{escape(title)}</title>',
            *([f"<metadata>{said}</metadata>"] if metadata else []),
            f"<style>{style_sheet()}</style>",
            "<defs>",
            *symbols(canvas.icons),
            *(_arrow(flow) for flow in Flow),
            "</defs>",
            *canvas.elements,
            "</svg>",
            "",
        ]
    )


def _arrow(flow: Flow) -> str:
    size = 15 if flow is Flow.COMMIT else 9
    return (
        f'<marker id="arrow-{flow}" viewBox="0 0 10 10" refX="8.5" refY="5" orient="auto"'
        f' markerUnits="userSpaceOnUse" markerWidth="{size}" markerHeight="{size}">'
        f'<path d="M0 0.8L10 5L0 9.2Z" class="{flow}-ink"/></marker>'
    )


def symbols(names: Iterable[str]) -> list[str]:
    """Return the icons, each as a symbol with its name as id."""
    return [_symbol(name) for name in sorted(names)]


def _symbol(name: str) -> str:
    icon = _ICON.fullmatch((ICONS / f"{name}.svg").read_text(encoding="utf-8").strip())
    if icon is None:
        raise ValueError(f"{name}.svg is not an icon of the expected form")
    return f'<symbol id="{name}" viewBox="{icon["box"]}">{icon["inside"]}</symbol>'


_LIGHT = {
    **LIGHT, "card": "#ffffff",
    "core": "#eef4fb", "core-edge": "#4a7ab5", "core-ink": "#23558f",
    "service": "#ff990022", "service-edge": "#d5761a", "service-ink": "#9a4c00",
    "vpc": "#ffffffb0", "public": "#7aa11622", "private": "#00a4a61c",
    "commit": "#b5179e", "call": "#1a63d6", "use": "#7d8590",
    "on-disc": "#ffffff", "tile": "none",
}  # fmt: skip
_DARK = {
    **DARK, "card": "#1c2330",
    "core": "#131d2c", "core-edge": "#5b8fd0", "core-ink": "#8ebcf2",
    "service": "#ff99001f", "service-edge": "#d98a3a", "service-ink": "#f3b067",
    "vpc": "#0d111780", "public": "#7aa11630", "private": "#00a4a62e",
    "commit": "#f06bdc", "call": "#6cb0ff", "use": "#8b949e",
    "on-disc": "#0d1117", "tile": "#e6edf3",
}  # fmt: skip


def style_sheet() -> str:
    """Return the style sheet: light, and dark where the reader's surroundings are."""
    return _fonts() + _type() + light_and_dark(_colours, _LIGHT, _DARK)


def _fonts() -> str:
    return "".join(
        f"@font-face{{font-family:Inter;font-weight:{weight};"
        f"src:url(data:font/ttf;base64,{base64.b64encode(font.read_bytes()).decode()})}}"
        for weight, font in ((400, REGULAR), (600, SEMI_BOLD))
    )


def _type() -> str:
    rules = ["text{font-family:Inter,'Helvetica Neue',Arial,sans-serif;font-weight:400}"]
    rules += [f".{kind}{{font-size:{size:g}px}}" for kind, size in SIZES.items()]
    rules.append(".stack,.title,.badge{font-weight:600}")
    rules.append(".line{fill:none;stroke-width:1.5}.commit{stroke-width:3}.call{stroke-width:2}")
    rules.append(".call{stroke-dasharray:6 4}.others,.zone{stroke-dasharray:5 4}")
    return "".join(rules)


def _colours(c: Colours) -> str:
    outlines = {
        "page": (c["page"], c["edge"]),
        "core": (c["core"], c["core-edge"]),
        "service": (c["service"], c["service-edge"]),
        "card": (c["card"], c["edge"]),
        "others": (c["page"], c["faint"]),
        "vpc": (c["vpc"], "#8c4fff"),
        "zone": ("none", c["use"]),
        "public": (c["public"], "none"),
        "private": (c["private"], "none"),
        "public-edge": ("none", "#7aa116"),
        "private-edge": ("none", "#00a4a6"),
        "lane": (c["vpc"], c["commit"]),
    }
    rules = [f".{name}{{fill:{fill};stroke:{line}}}" for name, (fill, line) in outlines.items()]
    rules.append(f"text{{fill:{c['ink']}}}.faint{{fill:{c['faint']}}}.badge{{fill:{c['on-disc']}}}")
    rules.append(f".tile{{fill:{c['tile']}}}")
    rules += [f".{part}-ink{{fill:{c[f'{part}-ink']}}}" for part in ("core", "service")]
    for flow in ("commit", "call", "use"):
        # The grey of thin lines is too light for letters.
        ink = c["faint" if flow == "use" else flow]
        rules.append(f".{flow}{{stroke:{c[flow]}}}.{flow}-ink{{fill:{ink}}}")
    rules.append(f".disc{{fill:{c['commit']};stroke:{c['page']};stroke-width:2}}")
    return "".join(rules)
