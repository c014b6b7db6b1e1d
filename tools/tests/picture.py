"""What of an SVG can be read: each text with what is behind it, in light and in dark.

For pictures as this project makes them: rectangles, circles, straight lines, paths of them with
rounded corners, icons, and texts of one line, styled by classes.
"""

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations, pairwise

from tools.diagram.svg import Box, width

Rgb = tuple[float, float, float]
Segment = tuple[tuple[float, float], tuple[float, float]]
LEAST_CONTRAST = 4.5
"""Of texts: WCAG 2.2, success criterion 1.4.3."""

_TOUCHING = 0.6
_RULE = re.compile(r"([^{}@]+)\{([^{}]*)\}")
_DARK = re.compile(r"@media \(prefers-color-scheme: dark\)\{((?:[^{}]+\{[^{}]*\})*)\}")
_OTHER = re.compile(r"@[^{}]+\{(?:[^{}]*\{[^{}]*\})*[^{}]*\}")


@dataclass(frozen=True)
class Shape:
    """Something that is painted: where, with which fill and outline, and its text if it is one."""

    box: Box
    fill: str
    stroke: str
    text: str = ""
    outline: tuple[Segment, ...] = ()
    """Of a path; a box has its own."""

    def contains(self, box: Box) -> bool:
        if self.outline:
            middle = (box.cx, box.cy)
            crossings = (
                (a[1] > middle[1]) != (b[1] > middle[1])
                and middle[0] < a[0] + (middle[1] - a[1]) * (b[0] - a[0]) / (b[1] - a[1])
                for a, b in self.outline
            )
            return sum(crossings) % 2 == 1 and not self.cuts(box)
        return _within(box, self.box)

    def hides(self, box: Box) -> bool:
        """Whether its fill lies on all of a box, more or less."""
        return not self.text and rgba(self.fill)[3] > 0 and self.contains(box)

    def cuts(self, box: Box) -> bool:
        """Whether its outline, or the end of its fill, runs through a box."""
        if self.outline:
            return any(_meets(segment, box) for segment in self.outline)
        return overlap(self.box, box) and not self.contains(box) and not _within(self.box, box)


class Picture:
    """A picture in one of the two modes."""

    def __init__(self, text: str, *, dark: bool) -> None:
        self._root = ET.fromstring(text)  # noqa: S314 - our own
        self._rules = dict(_rules(text, dark=dark))
        self.shapes = list(self._shapes(self._root, 0.0, 0.0, self.page))

    @cached_property
    def page(self) -> Box:
        x, y, w, h = map(float, self._root.attrib["viewBox"].split())
        return Box(x, y, w, h)

    def complaints(self) -> Iterator[str]:
        """Tell what cannot be read, and why."""
        for number, shape in enumerate(self.shapes):
            if shape.text:
                yield from self._about(number, shape)
        texts = [shape for shape in self.shapes if shape.text]
        for one, other in combinations(texts, 2):
            if overlap(one.box, other.box):
                yield f"{one.text!r} and {other.text!r} overlap"

    def _about(self, number: int, text: Shape) -> Iterator[str]:
        if not _within(text.box, self.page):
            yield f"{text.text!r} leaves the picture"
        ground, cut = self._behind(number, text.box)
        over = (shape for shape in self.shapes[number + 1 :] if not shape.text)
        if cut or any(shape.cuts(text.box) or shape.hides(text.box) for shape in over):
            yield f"something runs through {text.text!r}"
        if ground is None:
            yield f"{text.text!r} has no background of its own"
        elif (found := contrast(rgba(text.fill)[:3], ground)) < LEAST_CONTRAST:
            yield f"{text.text!r} has a contrast of {found:.2f}"

    def _behind(self, number: int, box: Box) -> tuple[Rgb | None, bool]:
        """Return the colour behind a box, and whether something can be seen to end within it."""
        ground: Rgb | None = None
        cut = False
        for shape in self.shapes[:number]:
            if shape.hides(box):
                *colour, alpha = rgba(shape.fill)
                if alpha == 1:
                    ground, cut = (colour[0], colour[1], colour[2]), False
                elif ground:
                    ground = _mixed((colour[0], colour[1], colour[2]), ground, alpha)
            elif not shape.text and shape.cuts(box):
                cut = True
        return ground, cut

    def _shapes(self, parent: ET.Element, x: float, y: float, clip: Box) -> Iterator[Shape]:
        for element in parent:
            kind = element.tag.rpartition("}")[2]
            top = y + self._moved(element)
            if kind in {"svg", "g"}:
                at = Box(x + _number(element, "x"), top + _number(element, "y"), 0, 0)
                size = (_number(element, name) for name in ("width", "height"))
                inside = Box(at.x, at.y, *size) if kind == "svg" else clip
                yield from self._shapes(element, at.x, at.y, inside)
            elif kind in {"rect", "use", "circle", "line", "path", "text"}:
                shape = self._shape(kind, element, x, top, clip)
                if shape.outline or overlap(shape.box, clip) or clip is self.page:
                    yield shape

    def _moved(self, element: ET.Element) -> float:
        """Return how far down it is, at the end of what moves it."""
        moved = re.fullmatch(r"translateY\((.*)px\)", self._of("transform", "", element, ""))
        return float(moved[1]) if moved else 0.0

    def _shape(self, kind: str, element: ET.Element, x: float, y: float, clip: Box) -> Shape:
        fill = self._of("fill", kind, element, "none" if kind in {"use", "line"} else "#000000")
        stroke = self._of("stroke", kind, element, "none")
        if kind == "text":
            return Shape(self._text_box(element, x, y), fill, stroke, text=element.text or "")
        if kind == "circle":
            cx, cy, r = (_number(element, name) for name in ("cx", "cy", "r"))
            return Shape(Box(x + cx - r, y + cy - r, 2 * r, 2 * r), fill, stroke)
        if kind in {"path", "line"}:
            points = _points(element)
            outline = tuple(pairwise(points)) or (((0, 0), (0, 0)),)
            return Shape(Box(0, 0, 0, 0), fill, stroke, outline=outline)
        w, h = _number(element, "width", clip.w), _number(element, "height", clip.h)
        return Shape(Box(x + _number(element, "x"), y + _number(element, "y"), w, h), fill, stroke)

    def _text_box(self, element: ET.Element, x: float, y: float) -> Box:
        size = float(self._of("font-size", "text", element, "0").removesuffix("px"))
        if font := self._of("font", "text", element, ""):
            size = float(font.partition("px")[0])
        bold = self._of("font-weight", "text", element, "400") in {"600", "700", "bold"}
        given = element.get("textLength")
        wide = float(given) if given else width(element.text or "", size, bold=bold)
        share = {"start": 0.0, "middle": 0.5, "end": 1.0}[element.get("text-anchor", "start")]
        left = x + _number(element, "x") - wide * share
        return Box(left, y + _number(element, "y") - 0.74 * size, wide, 0.96 * size)

    def _of(self, name: str, kind: str, element: ET.Element, default: str) -> str:
        """Return a property as CSS decides it: classes, else its kind, else itself."""
        found = element.get(name) or self._root.get(name) or default
        found = self._rules.get((kind, name), found)
        # Of classes that all say something, the one that comes last in the style sheet counts.
        classes = {f".{each}" for each in element.get("class", "").split()}
        for (selector, which), value in self._rules.items():
            if which == name and selector in classes:
                found = value
        return found


def _rules(text: str, *, dark: bool) -> Iterator[tuple[tuple[str, str], str]]:
    (sheet,) = re.findall(r"<style>(.*?)</style>", text, re.DOTALL)
    parts = [_OTHER.sub("", _DARK.sub("", sheet))]
    parts += _DARK.findall(sheet) if dark else []
    for part in parts:
        for selectors, body in _RULE.findall(part):
            for declaration in filter(None, body.split(";")):
                name, _, value = declaration.partition(":")
                for selector in selectors.split(","):
                    yield (selector.strip(), name.strip()), value.strip()


def _number(element: ET.Element, name: str, whole: float = 0.0) -> float:
    text = element.get(name, "0")
    return whole if text == "100%" else float(text)


def _points(element: ET.Element) -> list[tuple[float, float]]:
    if path := element.get("d"):
        numbers = [float(each) for each in re.findall(r"-?[\d.]+", path)]
        points = list(zip(numbers[::2], numbers[1::2], strict=True))
        return [*points, points[0]] if path.endswith("Z") else points
    return [(_number(element, f"x{n}"), _number(element, f"y{n}")) for n in (1, 2)]


def overlap(one: Box, other: Box) -> bool:
    """Whether two boxes have more in common than an edge."""
    across = min(one.right, other.right) - max(one.x, other.x)
    down = min(one.bottom, other.bottom) - max(one.y, other.y)
    return across > _TOUCHING and down > _TOUCHING


def _within(box: Box, around: Box) -> bool:
    return (
        box.x >= around.x - _TOUCHING
        and box.right <= around.right + _TOUCHING
        and box.y >= around.y - _TOUCHING
        and box.bottom <= around.bottom + _TOUCHING
    )


def _meets(segment: Segment, box: Box) -> bool:
    """Whether a straight line runs through a box (Liang and Barsky's clipping)."""
    (x, y), (to_x, to_y) = segment
    begin, end = 0.0, 1.0
    for step, low, high in (
        (to_x - x, box.x + _TOUCHING - x, box.right - _TOUCHING - x),
        (to_y - y, box.y + _TOUCHING - y, box.bottom - _TOUCHING - y),
    ):
        if step == 0:
            if low > 0 or high < 0:
                return False
            continue
        near, far = sorted((low / step, high / step))
        begin, end = max(begin, near), min(end, far)
    return begin < end


def rgba(colour: str) -> tuple[float, float, float, float]:
    """Return a colour as shares; nothing is one that cannot be seen."""
    if colour == "none":
        return (0, 0, 0, 0)
    digits = colour.removeprefix("#").ljust(8, "f")
    red, green, blue, alpha = (int(digits[n : n + 2], 16) / 255 for n in range(0, 8, 2))
    return red, green, blue, alpha


def _mixed(colour: Rgb, ground: Rgb, alpha: float) -> Rgb:
    red, green, blue = (c * alpha + g * (1 - alpha) for c, g in zip(colour, ground, strict=True))
    return red, green, blue


def contrast(one: Rgb, other: Rgb) -> float:
    """Return the contrast of two colours, as WCAG 2.2 defines it."""
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: Rgb) -> float:
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in colour]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
