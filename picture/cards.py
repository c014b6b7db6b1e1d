"""How a node looks."""

from picture.canvas import SIZES, Box, Canvas
from picture.model import Node, Part
from picture.text import wrapped

PADDING = 12
LINE = 18
DARK_ICONS = frozenset({"GitRepository", "User"})
"""Icons in ink: on a dark background they stand on a light tile."""


def card(canvas: Canvas, node: Node, box: Box, *, icon_size: float = 40) -> None:
    """Draw a node as a card: the icon at the left, title and details beside it."""
    canvas.rect(box, "others" if node.part is Part.OTHERS else "card")
    icon(canvas, node.icon, box.x + PADDING, box.cy - icon_size / 2, icon_size)
    x = box.x + 2 * PADDING + icon_size
    lines = _lines(node, box.right - PADDING / 2 - x)
    y = box.cy - LINE * len(lines) / 2 + 13.5
    for number, line in enumerate(lines):
        small = number >= len(lines) - _detail_count(node, box.right - PADDING / 2 - x)
        canvas.text(line, x, y, "small" if small else "title", style="faint" if small else "")
        y += LINE


def height(node: Node, width: float, *, icon_size: float = 40) -> float:
    """Return how high a card of a width has to be."""
    lines = _lines(node, width - 2.5 * PADDING - icon_size)
    return max(icon_size, LINE * len(lines)) + 1.5 * PADDING


def upright_card(canvas: Canvas, node: Node, box: Box, *, icon_size: float = 40) -> None:
    """Draw a node as a card with the icon above title and details."""
    canvas.rect(box, "others" if node.part is Part.OTHERS else "card")
    lines = _lines(node, box.w - PADDING)
    details = _detail_count(node, box.w - PADDING)
    y = box.cy - (icon_size + 6 + LINE * len(lines)) / 2
    icon(canvas, node.icon, box.cx - icon_size / 2, y, icon_size)
    y += icon_size + 6 + 13.5
    for number, line in enumerate(lines):
        small = number >= len(lines) - details
        kind, style = ("small", "faint") if small else ("title", "")
        canvas.text(line, box.cx, y, kind, style=style, anchor="middle")
        y += LINE


def icon(canvas: Canvas, name: str, x: float, y: float, size: float) -> None:
    """Place an icon, on a tile if it needs one."""
    if name in DARK_ICONS:
        canvas.rect(Box(x - 2, y - 2, size + 4, size + 4), "tile", 6)
    canvas.icon(name, x, y, size)


def _lines(node: Node, available: float) -> list[str]:
    return [
        *wrapped(node.title, SIZES["title"], available),
        *(line for detail in node.details for line in wrapped(detail, SIZES["small"], available)),
    ]


def _detail_count(node: Node, available: float) -> int:
    return sum(len(wrapped(detail, SIZES["small"], available)) for detail in node.details)
