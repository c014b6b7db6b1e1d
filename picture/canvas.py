"""The few shapes that the picture consists of, as SVG."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from picture import text as texts

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
        width = texts.width(text, size, bold=kind in BOLD)
        left = x - {"start": 0.0, "middle": width / 2, "end": width}[anchor]
        self.text_boxes.append((text, Box(left, y - 0.74 * size, width, 0.96 * size)))
        classes = f"{kind} {style}".strip()
        self._add(f'<text x="{_n(left)}" y="{_n(y)}" class="{classes}">{escape(text)}</text>')
        return left + width

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
